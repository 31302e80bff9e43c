// `spillway run retry`: one more round of a run, for its failed jobs or for all of them.
import type { Command } from "commander";
import { Option } from "commander";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import { parseRepository } from "../arguments.ts";
import type { GlobalOptions } from "../connection.ts";
import { connect } from "../connection.ts";
import type { Host } from "../io.ts";
import { givenRunName, runForms } from "../names.ts";
import { runTitle } from "../run-summary.ts";
import { patienceOf, patienceOption } from "../patience.ts";
import { watchToEnd } from "./run-watch.ts";

interface RetryFlags extends GlobalOptions {
	only: "failed" | "all";
	reason?: string;
	idempotencyKey?: string;
	watch?: boolean;
}

export function addRunRetry(parent: Command, { io, exitWith }: Host): void {
	parent
		.command("retry")
		.description("run a finished run's failed jobs once more, with all that was skipped because of them")
		.argument("<owner/repo>", "the repository", parseRepository)
		.argument("<run>", runForms, givenRunName)
		.addOption(new Option("--only <which>", "which jobs").choices(["failed", "all"]).default("failed"))
		.option("--reason <reason>", "kept with each attempt")
		.option("--idempotency-key <key>", "the same key again retries nothing more")
		.option("--watch", "follow its logs to the end; the exit code is the run's")
		.addOption(patienceOption())
		.action(async (repository: RepositoryName, id: string, _: unknown, command: Command) => {
			const { only, reason, idempotencyKey, watch } = command.optsWithGlobals<RetryFlags>();
			const connection = connect(command, io);
			const request = { only, ...(reason === undefined ? {} : { reason }) };
			const run = await connection.client.runs.retry(repository, id, request, { idempotencyKey });
			if (!watch) return connection.answer(run, (shown) => `${runTitle(shown)} round ${shown.round} ${shown.state}`);
			exitWith(await watchToEnd(connection, io, { repository, run: run.id, patienceSeconds: patienceOf(command) }));
		});
}
