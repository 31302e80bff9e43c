// `spillway run list`: a repository's latest runs, from the read model.
import type { Command } from "commander";
import type { Page, RunFilter } from "../../client/client.ts";
import type { RepositoryName } from "../../contracts/objects.ts";
import type { Run } from "../../contracts/run.ts";
import { readRepository, readWhole } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { GlobalOptions } from "../connection.ts";
import type { Host } from "../io.ts";
import type { Paint } from "../terminal/paint.ts";
import { spanText } from "../terminal/span.ts";
import { table } from "../terminal/table.ts";

export function addRunList(parent: Command, { io }: Host): void {
	parent
		.command("list")
		.description("the latest runs, newest first")
		.argument("<owner/repo>", "the repository", readRepository)
		.option("--state <state>", "accepted, running or finished")
		.option("--outcome <outcome>", "passed, failed, canceled or refused")
		.option("--ref <ref>", "of this branch or tag")
		.option("--actor <actor>", "submitted by")
		.option("--limit <runs>", "at most 100", readWhole)
		.option("--cursor <cursor>", "go on where the last list ended")
		.action(async (repository: RepositoryName, _: unknown, command: Command) => {
			const { state, outcome, ref, actor, limit, cursor } = command.optsWithGlobals<RunFilter & GlobalOptions>();
			const { client, answer, paint } = connect(command, io);
			const page = await client.runs.list(repository, { state, outcome, ref, actor, limit, cursor });
			answer(page, (found) => listText(found, paint));
		});
}

const headings = ["run", "id", "outcome", "jobs", "time", "created", "title"];

function listText(page: Page<Run>, paint: Paint): string {
	const rows = page.items.map((run) => {
		const jobs = Object.values(run.counts).reduce((sum, count) => sum + count, 0);
		return [
			run.number === null ? "" : `#${run.number}`,
			run.id,
			run.outcome === null ? run.state : paint.outcome(run.outcome),
			`${run.counts.finished}/${jobs}`,
			spanText(run.startedAt, run.finishedAt, Date.now()),
			run.createdAt,
			run.title ?? "",
		];
	});
	const more = page.nextCursor === null ? [] : [`more: --cursor ${page.nextCursor}`];
	const stale = page.stale ? [`the database does not answer; this is from ${page.asOf}`] : [];
	return [table([headings.map(paint.faint), ...rows]), ...more, ...stale].join("\n");
}
