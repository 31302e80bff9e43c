// `spillway repo list`: which repositories an owner has.
import type { Command } from "commander";
import { everyItem } from "../../client/client.ts";
import type { Repository } from "../../contracts/http/repository.ts";
import { connect } from "../connection.ts";
import type { Host } from "../io.ts";
import { table } from "../terminal/table.ts";

export function addRepoList(parent: Command, { io }: Host): void {
	parent
		.command("list")
		.description("an owner's repositories")
		.argument("<owner>", "the owner")
		.action(async (owner: string, _: unknown, command: Command) => {
			const { client, answer, paint } = connect(command, io);
			const repositories: Repository[] = [];
			const page = (cursor: string | undefined) => client.repositories.list(owner, { cursor });
			for await (const repository of everyItem(page)) repositories.push(repository);
			answer(repositories, (shown) => table([headings.map(paint.faint), ...shown.map(row)]));
		});
}

const headings = ["repository", "pool", "max running", "paused"];

function row({ owner, repo, defaults, maxRunning, paused, pauseNote }: Repository): string[] {
	return [`${owner}/${repo}`, defaults.pool, String(maxRunning), paused ? (pauseNote ?? "yes") : "no"];
}
