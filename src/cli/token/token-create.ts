// `spillway token create`: the token alone goes to standard output, so that a script can take it as it is.
import type { Command } from "commander";
import type { Scope } from "../../contracts/http/token.ts";
import { namedPool, namedRepository, readCount, readExpiry, readList } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { GlobalOptions } from "../connection.ts";
import type { Host } from "../io.ts";

interface CreateFlags extends GlobalOptions {
	name: string;
	scope: Scope[];
	repo?: string[];
	pool?: string[];
	uses?: number;
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
		.option("--pool <pools>", "with runner:register alone: only runners of these of the owner's pools", readList)
		.option("--uses <count>", "with runner:register alone: no more than so many runners", readCount)
		.option("--expires <when>", "a time, or from now: 30d, 12h, 45m; else a year", readExpiry)
		.action(async (owner: string, _: unknown, command: Command) => {
			const {
				name,
				scope: scopes,
				repo: repos,
				pool: pools,
				uses,
				expires: expiresAt,
			} = command.optsWithGlobals<CreateFlags>();
			const { client, answer } = connect(command, io);
			const request = {
				owner,
				name,
				scopes,
				...(repos ? { repos: repos.map((repo) => namedRepository(owner, repo)) } : {}),
				...(pools ? { pools: pools.map((pool) => namedPool(owner, pool)) } : {}),
				...(uses === undefined ? {} : { uses }),
				...(expiresAt ? { expiresAt } : {}),
			};
			answer(await client.tokens.create(request), ({ token }) => token);
		});
}
