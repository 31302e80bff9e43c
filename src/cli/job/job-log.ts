// `spillway job log`: a job's log as it is, byte for byte; with -f live and to its end. A terminal is spared what would act on it.
import type { Command } from "commander";
import { viewLog } from "../../client/log-viewer.ts";
import { jsonLine } from "../../contracts/wire/json/json-line.ts";
import type { Job } from "../../contracts/http/run.ts";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import { parseRepository, readWhole } from "../arguments.ts";
import type { Connection, GlobalOptions } from "../connection.ts";
import { connect } from "../connection.ts";
import { CommandFailure, exitCode, exitCodeOf } from "../exit-code.ts";
import type { Host, Io } from "../io.ts";
import type { GivenJobName } from "../names.ts";
import { attemptForms, attemptOf, jobIdOf, nameJob, readJobAttempt } from "../names.ts";
import { Patience, patienceOf, patienceOption } from "../patience.ts";
import { printable } from "../terminal/printable.ts";
import { TerminalText } from "../terminal/terminal-text.ts";

interface LogFlags extends GlobalOptions {
	follow?: boolean;
	attempt?: number;
	tail?: number;
	timestamps?: boolean;
	raw?: boolean;
}

interface LogPlace {
	repository: RepositoryName;
	name: GivenJobName;
	attempt: number | undefined;
}

export function addJobLog(parent: Command, { io, exitWith }: Host): void {
	parent
		.command("log")
		.description("print a job's log; to a terminal without what would act on it, colours excepted")
		.argument("<owner/repo>", "the repository", parseRepository)
		.argument("<job>", attemptForms, readJobAttempt)
		.option("-f, --follow", "wait for what comes, through all attempts; the exit code is the outcome's")
		.option("--attempt <number>", "of this attempt; else of the last", readWhole)
		.option("--tail <lines>", "only the last lines; not with -f", readWhole)
		.option("--timestamps", "with the time of each line; not with -f")
		.option("--raw", "byte for byte to a terminal too, as it is to a pipe or a file")
		.addOption(patienceOption())
		.action(async (repository: RepositoryName, name: GivenJobName, _: unknown, command: Command) => {
			const flags = command.optsWithGlobals<LogFlags>();
			const connection = connect(command, io);
			const place = { repository, name, attempt: attemptOf(name, flags.attempt) };
			const sink = sinkOf(io, flags.raw ?? false);
			if (flags.follow)
				exitWith(
					await follow(connection, io, { ...place, sink, patience: new Patience(connection, io, patienceOf(command)) }),
				);
			else await print(connection, io, { ...place, sink, flags });
		});
}

/** Where a log's bytes go. */
interface Sink {
	write(bytes: Uint8Array): Promise<void>;
	end(): Promise<void>;
}

/** [X8] [X30] A pipe or a file gets every byte. */
function sinkOf(io: Io, isRaw: boolean): Sink {
	if (io.columns === null || isRaw) return { write: (bytes) => io.pipe(bytes), end: async () => undefined };
	const decoder = new TextDecoder();
	const text = new TerminalText(io.hasColors);
	const encoder = new TextEncoder();
	return {
		write: (bytes) => io.pipe(encoder.encode(text.push(decoder.decode(bytes, { stream: true })))),
		end: () => io.pipe(encoder.encode(text.push(decoder.decode()) + text.end())),
	};
}

async function print(
	connection: Connection,
	io: Io,
	{ repository, name, attempt: said, sink, flags }: LogPlace & { sink: Sink; flags: LogFlags },
) {
	const { client } = connection;
	const job = await nameJob(connection, io, { repository, name });
	const attempt = said ?? (await client.jobs.get(repository, job)).attempts.at(-1)?.number;
	if (attempt === undefined) throw new CommandFailure("the job has no log yet: it has not started", exitCode.failed);
	const { tail, timestamps } = flags;
	const range = { ...(tail === undefined ? {} : { tail }), ...(timestamps ? { timestamps } : {}) };
	for await (const bytes of client.attempts.bytes(repository, { job, attempt }, range)) await sink.write(bytes);
	await sink.end();
}

async function follow(connection: Connection, io: Io, place: LogPlace & { sink: Sink; patience: Patience }) {
	const { url, token, json } = connection;
	const { repository, attempt, sink, patience } = place;
	// An id: the newest run may be another one when the connection is lost and taken up again.
	const job = await jobIdOf(connection, io, place);
	let outcome: Job["outcome"] = null;
	let hasStarted = false;
	const log = viewLog({
		url,
		token,
		repository,
		job,
		...(attempt === undefined ? {} : { attempt }),
		...patience.viewing,
		onAbsence: (failure) => (failure === null ? patience.back() : patience.away(failure.message)),
	});
	for await (const event of log) {
		if (event.type !== "end" || event.state !== "none") hasStarted = true;
		if (event.type === "end") outcome = event.outcome as Job["outcome"];
		if (!json) {
			if (event.type === "output") await sink.write(event.bytes);
			continue;
		}
		const told =
			event.type === "output" ? { ...event, bytes: undefined, text: new TextDecoder().decode(event.bytes) } : event;
		io.out(`${jsonLine(told)}\n`);
	}
	await sink.end();
	if (hasStarted) return exitCodeOf(outcome);
	const ended = await connection.client.jobs.get(repository, job);
	const why = ended.reason === null ? "" : `: ${ended.reason}`;
	if (!json) io.err(`${printable(`the job ended without starting, ${ended.outcome ?? ended.state}${why}`)}\n`);
	return exitCodeOf(ended.outcome);
}
