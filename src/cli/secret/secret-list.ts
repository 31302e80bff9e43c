// `spillway secret list`: names and terms; nobody gets a value back.
import type { Command } from "commander";
import { everyItem } from "../../client/client.ts";
import type { SecretListed } from "../../contracts/http/secret.ts";
import { readOwnerOrRepository } from "../arguments.ts";
import type { OwnerOrRepository } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { Host } from "../io.ts";

export function addSecretList(parent: Command, { io }: Host): void {
	parent
		.command("list")
		.description("the secrets of a repository, or of an owner for all of its repositories, without their values")
		.argument("<owner[/repo]>", "the repository, or the owner: for all of its repositories", readOwnerOrRepository)
		.action(async (holder: OwnerOrRepository, _: unknown, command: Command) => {
			const { client, answer } = connect(command, io);
			const secrets: SecretListed[] = [];
			const page = (cursor: string | undefined) => client.secrets.list(holder, { cursor });
			for await (const secret of everyItem(page)) secrets.push(secret);
			answer(secrets, (shown) => shown.map(lineOf).join("\n") || "no secrets");
		});
}

/** The name alone where nothing was said: an older server says no more. */
function lineOf({ name, refs = null, forks = false }: SecretListed): string {
	const terms = [...(refs === null ? [] : [`refs ${refs.join(" ")}`]), ...(forks ? ["forks too"] : [])];
	return terms.length === 0 ? name : `${name}  ${terms.join(", ")}`;
}
