// `spillway secret set`: the value comes in by standard input, so that no list of processes and no shell's history has it.
import type { Command } from "commander";
import { readOwnerOrRepository } from "../arguments.ts";
import type { OwnerOrRepository } from "../arguments.ts";
import { connect } from "../connection.ts";
import { CommandFailure, exitCode } from "../exit-code.ts";
import type { Host } from "../io.ts";

export function addSecretSet(parent: Command, { io }: Host): void {
	parent
		.command("set")
		.description("keep a secret, whose value standard input brings; one line break at its end is left out")
		.argument("<owner[/repo]>", "the repository, or the owner: for all of its repositories", readOwnerOrRepository)
		.argument("<name>", "as jobs name it")
		.option("--ref <glob>", "only for runs of these refs: main, release/*, refs/tags/v*; may be given again", addTo)
		.option("--forks", "for runs of forks too: whoever can make one gets the value")
		.action(async (holder: OwnerOrRepository, name: string, _: unknown, command: Command) => {
			const { client, answer } = connect(command, io);
			const { ref, forks } = command.opts<{ ref?: string[]; forks?: boolean }>();
			const terms = { ...(ref ? { refs: ref } : {}), ...(forks ? { forks } : {}) };
			const value = readText(await io.readInput()).replace(/\r?\n$/, "");
			if (value === "") throw new CommandFailure("standard input brought no value", exitCode.usage);
			await client.secrets.put(holder, { name, value, ...terms });
			answer({ name }, (kept) => `secret ${kept.name} is kept`);
		});
}

/** A glob may have a comma in it, so each is said by itself. */
function addTo(glob: string, before: string[] = []): string[] {
	return [...before, glob];
}

/** Not with what cannot be text replaced: the value would be another one. */
function readText(bytes: Uint8Array): string {
	try {
		return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
	} catch {
		throw new CommandFailure("standard input is no UTF-8", exitCode.usage);
	}
}
