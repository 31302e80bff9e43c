// `spillway job retry`: one more attempt of a finished job, or of all that match, also while their siblings run.
import type { Command } from "commander";
import type { BulkRetry, BulkRetryRequest, RetriedOutcome } from "../../contracts/http/bulk-retry.ts";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import { readList, parseRepository, readSince } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { GlobalOptions } from "../connection.ts";
import { CommandFailure, exitCode } from "../exit-code.ts";
import type { Host } from "../io.ts";
import type { GivenJobName } from "../names.ts";
import { jobForms, nameJob, givenJobName } from "../names.ts";
import { table } from "../terminal/table.ts";

interface RetryFlags extends GlobalOptions {
	outcome?: string[];
	since?: string;
	label?: string;
	ref?: string;
	dryRun?: boolean;
	reason?: string;
}

export function addJobRetry(parent: Command, { io }: Host): void {
	parent
		.command("retry")
		.description("run a finished job once more, or all that match")
		.argument("<owner/repo>", "the repository", parseRepository)
		.argument("[job]", `${jobForms}; without it, what to match must be said`, givenJobName)
		.option("--outcome <outcomes>", "how they ended, commas between; without it, whatever failed", readList)
		.option("--since <time>", "ended then or later: 2h, 30m, 1d, or a time", readSince)
		.option("--label <label>", "that need this label of a runner")
		.option("--ref <ref>", "of runs of this ref")
		.option("--dry-run", "only say which these are")
		.option("--reason <reason>", "kept with the attempt")
		.action(async (repository: RepositoryName, name: GivenJobName | undefined, _: unknown, command: Command) => {
			const { reason, ...flags } = command.optsWithGlobals<RetryFlags>();
			const connection = connect(command, io);
			const { client, answer } = connection;
			const matching = matchOf(flags);
			const said = Object.keys(matching);
			if (name === undefined ? !said.some((name) => name !== "dryRun") : said.length > 0) {
				throw new CommandFailure("want either a job, or --outcome, --since, --label or --ref", exitCode.usage);
			}
			const why = reason === undefined ? {} : { reason };
			if (name === undefined)
				return answer(await client.jobs.retryMatching(repository, { ...matching, ...why }), bulkText);
			const id = await nameJob(connection, io, { repository, name });
			const job = await client.jobs.retry(repository, id, why);
			answer(job, ({ key, state }) => `job ${key} ${job.id} ${state}`);
		});
}

/** What was said; the server knows which outcomes there are. */
function matchOf({ outcome, since, label, ref, dryRun }: RetryFlags): BulkRetryRequest {
	const said = { outcome: outcome as RetriedOutcome[] | undefined, since, label, ref, dryRun };
	return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
}

function bulkText({ items, truncated, dryRun, archived }: BulkRetry): string {
	const rows = items.map(({ job, key, outcome }) => [outcome, key, job]);
	const count = `${items.length} ${items.length === 1 ? "job" : "jobs"}`;
	const more = truncated ? "; there is more: ask again, or narrow it" : "";
	const left = archived > 0 ? `; ${archived} more are in the archive: a run of them is retried by its id` : "";
	const summary = `${dryRun ? "would retry" : "retried"} ${count}${more}${left}`;
	return rows.length === 0 ? summary : `${table(rows)}\n${summary}`;
}
