// `spillway token create`: the token alone goes to standard output, so that a script can take it as it is.
import type { Command } from "commander";
import type { Scope } from "../../contracts/http/token.ts";
import { readExpiry, readList, namedRepository } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { GlobalOptions } from "../connection.ts";
import type { Host } from "../io.ts";

interface CreateFlags extends GlobalOptions {
	name: string;
	scope: Scope[];
	repo?: string[];
	expires?: string;
}

export function addTokenCreate(parent: Command, { io }: Host): void {
	parent
		.command("create")
		.description("make a token; it is shown this once")
		.argument("<owner>", "whose repositories and pools it is for")
		.requiredOption("--name <name>", "what or who it is for")
		.requiredOption(
			"--scope <scopes>",
			"read, write, admin, runner:register, metrics; with commas, or several times",
			readList,
		)
		.option("--repo <repos>", "only these of the owner's repositories, with commas; else all of the owner's", readList)
		.option("--expires <when>", "a time, or from now: 30d, 12h, 45m; else a year", readExpiry)
		.action(async (owner: string, _: unknown, command: Command) => {
			const { name, scope: scopes, repo: repos, expires: expiresAt } = command.optsWithGlobals<CreateFlags>();
			const { client, answer } = connect(command, io);
			const request = {
				owner,
				name,
				scopes,
				...(repos ? { repos: repos.map((repo) => namedRepository(owner, repo)) } : {}),
				...(expiresAt ? { expiresAt } : {}),
			};
			answer(await client.tokens.create(request), ({ token }) => token);
		});
}
