// `spillway secret list`: names only; nobody gets a value back.
import type { Command } from "commander";
import { everyItem } from "../../client/client.ts";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import { parseRepository } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { Host } from "../io.ts";

export function addSecretList(parent: Command, { io }: Host): void {
	parent
		.command("list")
		.description("the names of a repository's secrets")
		.argument("<owner/repo>", "the repository", parseRepository)
		.action(async (repository: RepositoryName, _: unknown, command: Command) => {
			const { client, answer } = connect(command, io);
			const names: string[] = [];
			const page = (cursor: string | undefined) => client.secrets.list(repository, { cursor });
			for await (const { name } of everyItem(page)) names.push(name);
			answer(names, (shown) => shown.join("\n") || "no secrets");
		});
}
