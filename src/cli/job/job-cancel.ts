// `spillway job cancel`: stops one job (SIGTERM, a grace, SIGKILL), or all unfinished ones that match.
import type { Command } from "commander";
import type { BulkCancel, BulkCancelRequest, CanceledState } from "../../contracts/http/bulk-cancel.ts";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import { readList, parseRepository } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { GlobalOptions } from "../connection.ts";
import { CommandFailure, exitCode } from "../exit-code.ts";
import type { Host } from "../io.ts";
import type { GivenJobName } from "../names.ts";
import { jobForms, nameJob, givenJobName } from "../names.ts";
import { table } from "../terminal/table.ts";

interface CancelFlags extends GlobalOptions {
	reason?: string;
	force?: boolean;
	state?: string[];
	label?: string;
	ref?: string;
	dryRun?: boolean;
}

export function addJobCancel(parent: Command, { io }: Host): void {
	parent
		.command("cancel")
		.description("cancel a job, or all unfinished ones that match")
		.argument("<owner/repo>", "the repository", parseRepository)
		.argument("[job]", `${jobForms}; without it, --state must be said`, givenJobName)
		.option("--reason <reason>", "kept with the job")
		.option("--force", "free it without waiting for its runner, which may still be at work")
		.option("--state <states>", "how they stand, commas between: blocked, waiting, leased, running", readList)
		.option("--label <label>", "that need this label of a runner")
		.option("--ref <ref>", "of runs of this ref")
		.option("--dry-run", "only say which these are")
		.action(async (repository: RepositoryName, name: GivenJobName | undefined, _: unknown, command: Command) => {
			const { reason, force, state, label, ref, dryRun } = command.optsWithGlobals<CancelFlags>();
			const connection = connect(command, io);
			const { client, answer } = connection;
			const why = reason === undefined ? {} : { reason };
			const rest = given({ label, ref, dryRun });
			if (name === undefined && state !== undefined && !force) {
				const request: BulkCancelRequest = { state: state as CanceledState[], ...rest, ...why };
				return answer(await client.jobs.cancelMatching(repository, request), bulkText);
			}
			if (name === undefined || state !== undefined || Object.keys(rest).length > 0) {
				throw new CommandFailure("want either a job, or --state without --force", exitCode.usage);
			}
			const id = await nameJob(connection, io, { repository, name });
			const job = await client.jobs.cancel(repository, id, { ...why, ...(force ? { force } : {}) });
			answer(job, ({ key, outcome, state: stands }) => `job ${key} ${job.id} ${outcome ?? stands}`);
		});
}

/** What was said; the server knows which labels and refs there are. */
function given(said: { label: string | undefined; ref: string | undefined; dryRun: boolean | undefined }) {
	return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
}

function bulkText({ items, truncated, dryRun }: BulkCancel): string {
	const rows = items.map(({ job, key, state }) => [state, key, job]);
	const count = `${items.length} ${items.length === 1 ? "job" : "jobs"}`;
	const summary = `${dryRun ? "would cancel" : "canceled"} ${count}${truncated ? "; there is more: ask again" : ""}`;
	return rows.length === 0 ? summary : `${table(rows)}\n${summary}`;
}
