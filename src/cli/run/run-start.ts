// `spillway run start`: submits a pipeline, and follows it if asked to.
import type { Command } from "commander";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import type { RunRequest } from "../../contracts/http/run.ts";
import { readJson, parseRepository } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { GlobalOptions } from "../connection.ts";
import { CommandFailure, exitCode } from "../exit-code.ts";
import type { Host } from "../io.ts";
import { printable } from "../terminal/printable.ts";
import { patienceOf, patienceOption } from "../patience.ts";
import { watchToEnd } from "./run-watch.ts";

interface StartFlags extends GlobalOptions {
	file: string;
	ref?: string;
	commit?: string;
	cloneUrl?: string;
	/** False: `--no-source`. */
	source?: boolean;
	fork?: boolean;
	title?: string;
	idempotencyKey?: string;
	watch?: boolean;
}

export function addRunStart(parent: Command, { io, exitWith }: Host): void {
	parent
		.command("start")
		.description("submit a run")
		.argument("<owner/repo>", "the repository", parseRepository)
		.option(
			"-f, --file <file>",
			"the pipeline: a run as the API takes it, or only its jobs; - reads it",
			"pipeline.json",
		)
		.option("--clone-url <url>", "where runners fetch the source; else the repository's own")
		.option("--no-source", "fetch nothing: the job begins in an empty folder")
		.option(
			"--ref <ref>",
			"branch or tag to fetch; else the repository's default, which is its remote's HEAD unless set",
		)
		.option("--commit <hash>", "exactly this commit")
		.option("--fork", "the source is a fork's: no secret is for it that is not for forks")
		.option("--title <title>", "what people see in lists")
		.option("--idempotency-key <key>", "the same key and pipeline again is the same run")
		.option("--watch", "follow its logs to the end; the exit code is the run's")
		.addOption(patienceOption())
		.action(async (repository: RepositoryName, _: unknown, command: Command) => {
			const flags = command.optsWithGlobals<StartFlags>();
			const connection = connect(command, io);
			const request = withFlags(readPipeline(await readJson(flags.file, io)), flags);
			const { idempotencyKey } = flags;
			const stop = new AbortController();
			const call = connection.client.runs.submit(repository, request, { idempotencyKey, signal: stop.signal });
			const submitted = await Promise.race([call, io.stopped()]);
			if (typeof submitted === "string") {
				stop.abort();
				await call.catch(() => {});
				if (submitted === "signal") io.err(unanswered(repository));
				return exitWith(exitCode.interrupted);
			}
			const { run, replayed, spilled } = submitted;
			if (!flags.watch) {
				connection.answer(run, (shown) => startedText({ run: shown, replayed, spilled }));
				return;
			}
			if (!connection.json) io.err(`${printable(startedText({ run, replayed, spilled }))}\n`);
			exitWith(await watchToEnd(connection, io, { repository, run: run.id, patienceSeconds: patienceOf(command) }));
		});
}

/** The server may have taken what it did not answer yet. */
function unanswered({ owner, repo }: RepositoryName): string {
	return `spillway: the server has not answered; whether it took the run: spillway run list ${owner}/${repo}\n`;
}

/** Whether the jobs are good is the server's to say. */
function readPipeline(value: unknown): RunRequest {
	if (Array.isArray(value)) return { jobs: value };
	if (typeof value === "object" && value !== null && "jobs" in value) return value as RunRequest;
	throw new CommandFailure("the pipeline must be an object with `jobs`, or a list of jobs", exitCode.usage);
}

/** What the command line says goes over what the file says. */
function withFlags(request: RunRequest, { title, fork, ...flags }: StartFlags): RunRequest {
	const source = sourceOf(request, flags);
	return { ...request, ...(source === undefined ? {} : { source }), ...defined({ title, fork }) };
}

/** Undefined where nobody said anything: then it is the repository's. */
function sourceOf(request: RunRequest, { cloneUrl, ref, commit, source }: StartFlags): RunRequest["source"] {
	const said = defined({ cloneUrl, ref, commit });
	const isSaid = Object.keys(said).length > 0;
	if (source !== false) return isSaid ? { ...request.source, ...said } : request.source;
	if (isSaid) throw new CommandFailure("--no-source says that there is none", exitCode.usage);
	return null;
}

function defined<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
	return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
		[K in keyof T]?: NonNullable<T[K]>;
	};
}

function startedText(call: {
	run: { id: string; number: number | null };
	replayed: boolean;
	spilled: boolean;
}): string {
	const { run, replayed, spilled } = call;
	const number = run.number === null ? "" : ` #${run.number}`;
	const word = replayed
		? "exists already"
		: spilled
			? "accepted; its repository takes it as soon as it can"
			: "accepted";
	return `run${number} ${run.id} ${word}`;
}
