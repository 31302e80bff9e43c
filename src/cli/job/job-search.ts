// `spillway job search`: the lines of a job's log that contain a text, without fetching the log.
import type { Command } from "commander";
import { everyItem } from "../../client/client.ts";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import { jsonLine } from "../../contracts/wire/json/json-line.ts";
import { parseRepository, readWhole } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { GlobalOptions } from "../connection.ts";
import { CommandFailure, exitCode } from "../exit-code.ts";
import type { Host } from "../io.ts";
import type { GivenJobName } from "../names.ts";
import { attemptForms, attemptOf, nameJob, readJobAttempt } from "../names.ts";
import { printable } from "../terminal/printable.ts";

interface SearchFlags extends GlobalOptions {
	attempt?: number;
	max: number;
}

export function addJobSearch(parent: Command, { io, exitWith }: Host): void {
	parent
		.command("search")
		.description("lines of a job's log that contain a text; exits with 1 when there are none")
		.argument("<owner/repo>", "the repository", parseRepository)
		.argument("<job>", attemptForms, readJobAttempt)
		.argument("<text>", "what to look for, as it is")
		.option("--attempt <number>", "in this attempt's; else in the last's", readWhole)
		.option("--max <lines>", "stop after so many", readWhole, 1_000)
		.action(
			async (repository: RepositoryName, name: GivenJobName, ...rest: [text: string, _: unknown, command: Command]) => {
				const [text, , command] = rest;
				const flags = command.optsWithGlobals<SearchFlags>();
				const connection = connect(command, io);
				const { client, json, paint } = connection;
				const said = attemptOf(name, flags.attempt);
				const id = await nameJob(connection, io, { repository, name });
				const attempt = said ?? (await client.jobs.get(repository, id)).attempts.at(-1)?.number;
				if (attempt === undefined)
					throw new CommandFailure("the job has no log yet: it has not started", exitCode.failed);
				const place = { job: id, attempt };
				let count = 0;
				for await (const found of everyItem((cursor) =>
					client.attempts.search(repository, place, { q: text, cursor }),
				)) {
					if (++count > flags.max) break;
					io.out(json ? `${jsonLine(found)}\n` : `${paint.faint(`${found.line}:`)} ${printable(found.text)}\n`);
				}
				if (count === 0) exitWith(exitCode.failed);
			},
		);
}
