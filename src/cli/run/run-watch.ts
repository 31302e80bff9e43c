// `spillway run watch`: all logs of a run at once, live, then how it ended.
import type { Command } from "commander";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import { jsonLine } from "../../contracts/wire/json/json-line.ts";
import { parseRepository } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { Connection } from "../connection.ts";
import { exitCode, exitCodeOf } from "../exit-code.ts";
import type { Host, Io } from "../io.ts";
import { givenRunName, runForms, runIdOf } from "../names.ts";
import { Patience, patienceOf, patienceOption, patienceSecondsDefault } from "../patience.ts";
import { printable } from "../terminal/printable.ts";
import { runSummary } from "../run-summary.ts";
import type { RunPlace } from "./followed-run.ts";
import type { WatchEvent } from "./watch-run.ts";
import { watchRun } from "./watch-run.ts";
import { WatchPrinter } from "./watch-printer.ts";

export function addRunWatch(parent: Command, { io, exitWith }: Host): void {
	parent
		.command("watch")
		.description("follow all logs of a run to its end: exit code 0 passed, 1 failed, 3 canceled")
		.argument("<owner/repo>", "the repository", parseRepository)
		.argument("<run>", runForms, givenRunName)
		.addOption(patienceOption())
		.action(async (repository: RepositoryName, run: string, _: unknown, command: Command) => {
			const connection = connect(command, io);
			// The newest may be another one soon.
			const id = await runIdOf(connection, repository, run);
			exitWith(await watchToEnd(connection, io, { repository, run: id, patienceSeconds: patienceOf(command) }));
		});
}

interface WatchOptions {
	onEvent?: (event: WatchEvent) => void;
	patienceSeconds?: number;
}

/** Prints as it goes and resolves to the exit code. `onEvent` sees everything before it is printed. */
export async function watchToEnd(
	connection: Connection,
	io: Io,
	{ onEvent, patienceSeconds = patienceSecondsDefault, ...place }: RunPlace & WatchOptions,
): Promise<number> {
	const printer = new WatchPrinter(connection, io);
	const patience = new Patience(connection, io, patienceSeconds);
	const stop = new AbortController();
	const show = (event: WatchEvent) => {
		onEvent?.(event);
		printer.show(event);
	};
	const watched = watchRun(connection, place, { patience, signal: stop.signal, onEvent: show });
	const run = await Promise.race([watched, io.stopped()]);
	if (typeof run === "string") {
		stop.abort(new Error("the watching was stopped"));
		await watched.catch(() => {});
		return run === "signal" ? interrupted(io, place) : exitCode.done;
	}
	if (connection.json) io.out(`${jsonLine({ type: "run", run })}\n`);
	else io.out(`\n${runSummary(printable(run), connection.paint)}\n`);
	return exitCodeOf(run.outcome);
}

function interrupted(io: Io, { repository: { owner, repo }, run }: RunPlace): number {
	io.err(`\nspillway: the run goes on; follow it again with: spillway run watch ${owner}/${repo} ${run}\n`);
	return exitCode.interrupted;
}
