// `spillway run watch`: all logs of a run at once, live, then how it ended.
import type { Command } from "commander";
import type { RepositoryName } from "../../contracts/objects.ts";
import { jsonLine } from "../../contracts/json-line.ts";
import { readRepository } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { Connection } from "../connection.ts";
import { exitCodeOf } from "../exit-code.ts";
import type { Host, Io } from "../io.ts";
import { readRunName, runForms, runIdOf } from "../names.ts";
import { printable } from "../terminal/printable.ts";
import { runSummary } from "../run-summary.ts";
import type { RunPlace, WatchEvent } from "./watch-run.ts";
import { watchRun } from "./watch-run.ts";
import { WatchPrinter } from "./watch-printer.ts";

export function addRunWatch(parent: Command, { io, exitWith }: Host): void {
	parent
		.command("watch")
		.description("follow all logs of a run to its end: exit code 0 passed, 1 failed, 3 canceled")
		.argument("<owner/repo>", "the repository", readRepository)
		.argument("<run>", runForms, readRunName)
		.action(async (repository: RepositoryName, run: string, _: unknown, command: Command) => {
			const connection = connect(command, io);
			// The newest may be another one soon.
			const id = await runIdOf(connection, repository, run);
			exitWith(await watchToEnd(connection, io, { repository, run: id }));
		});
}

/** Prints as it goes and resolves to the exit code. `onEvent` sees everything before it is printed. */
export async function watchToEnd(
	connection: Connection,
	io: Io,
	{ onEvent, ...place }: RunPlace & { onEvent?: (event: WatchEvent) => void },
): Promise<number> {
	const printer = new WatchPrinter(connection, io);
	const run = await watchRun(connection, place, (event) => {
		onEvent?.(event);
		printer.show(event);
	});
	if (connection.json) io.out(`${jsonLine({ type: "run", run })}\n`);
	else io.out(`\n${runSummary(printable(run), connection.paint)}\n`);
	return exitCodeOf(run.outcome);
}
