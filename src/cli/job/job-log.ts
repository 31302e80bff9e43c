// `spillway job log`: a job's log as it is, byte for byte; with -f live and to its end.
import type { Command } from "commander";
import { viewLog } from "../../client/log-viewer.ts";
import type { RepositoryName } from "../../contracts/objects.ts";
import { readRepository, readWhole } from "../arguments.ts";
import type { Connection, GlobalOptions } from "../connection.ts";
import { connect } from "../connection.ts";
import { CommandFailure, exitCode, exitCodeOf } from "../exit-code.ts";
import type { Host, Io } from "../io.ts";

interface LogFlags extends GlobalOptions {
	follow?: boolean;
	attempt?: number;
	tail?: number;
	timestamps?: boolean;
}

interface LogPlace {
	repository: RepositoryName;
	job: string;
}

export function addJobLog(parent: Command, { io, exitWith }: Host): void {
	parent
		.command("log")
		.description("print a job's log")
		.argument("<owner/repo>", "the repository", readRepository)
		.argument("<job>", "the job's id")
		.option("-f, --follow", "wait for what comes, through all attempts; the exit code is the outcome's")
		.option("--attempt <number>", "of this attempt; else of the last", readWhole)
		.option("--tail <lines>", "only the last lines; not with -f", readWhole)
		.option("--timestamps", "with the time of each line; not with -f")
		.action(async (repository: RepositoryName, job: string, _: unknown, command: Command) => {
			const flags = command.optsWithGlobals<LogFlags>();
			const connection = connect(command, io);
			if (flags.follow) exitWith(await follow(connection, io, { repository, job, ...flags }));
			else await print(connection, io, { repository, job, ...flags });
		});
}

async function print({ client }: Connection, io: Io, { repository, job, ...flags }: LogPlace & LogFlags) {
	const attempt = flags.attempt ?? (await client.jobs.get(repository, job)).attempts.at(-1)?.number;
	if (attempt === undefined) throw new CommandFailure("the job has no log yet: it has not started", exitCode.failed);
	const { tail, timestamps } = flags;
	const range = { ...(tail === undefined ? {} : { tail }), ...(timestamps ? { timestamps } : {}) };
	const { body } = await client.attempts.log(repository, { job, attempt }, range);
	for await (const bytes of body) await io.pipe(bytes);
}

async function follow(connection: Connection, io: Io, { repository, job, attempt }: LogPlace & LogFlags) {
	const { url, token, json } = connection;
	let outcome: string | null = null;
	const log = viewLog({ url, token, repository, job, ...(attempt === undefined ? {} : { attempt }) });
	for await (const event of log) {
		if (event.type === "end") outcome = event.outcome;
		if (!json) {
			if (event.type === "output") await io.pipe(event.bytes);
			continue;
		}
		const told =
			event.type === "output" ? { ...event, bytes: undefined, text: new TextDecoder().decode(event.bytes) } : event;
		io.out(`${JSON.stringify(told)}\n`);
	}
	return exitCodeOf(outcome as Parameters<typeof exitCodeOf>[0]);
}
