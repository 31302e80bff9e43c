// `spillway secret set`: the value comes in by standard input, so that no list of processes and no shell's history has it.
import type { Command } from "commander";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import { parseRepository } from "../arguments.ts";
import { connect } from "../connection.ts";
import { CommandFailure, exitCode } from "../exit-code.ts";
import type { Host } from "../io.ts";

export function addSecretSet(parent: Command, { io }: Host): void {
	parent
		.command("set")
		.description("keep a secret, whose value standard input brings; one line break at its end is left out")
		.argument("<owner/repo>", "the repository", parseRepository)
		.argument("<name>", "as jobs name it")
		.action(async (repository: RepositoryName, name: string, _: unknown, command: Command) => {
			const { client, answer } = connect(command, io);
			const value = readText(await io.readInput()).replace(/\r?\n$/, "");
			if (value === "") throw new CommandFailure("standard input brought no value", exitCode.usage);
			await client.secrets.put(repository, { name, value });
			answer({ name }, (kept) => `secret ${kept.name} is kept`);
		});
}

/** Not with what cannot be text replaced: the value would be another one. */
function readText(bytes: Uint8Array): string {
	try {
		return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
	} catch {
		throw new CommandFailure("standard input is no UTF-8", exitCode.usage);
	}
}
