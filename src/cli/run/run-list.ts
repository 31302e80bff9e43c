// `spillway run list`: a repository's latest runs, from the read model.
import type { Command } from "commander";
import type { RunListOptions } from "../../client/client.ts";
import type { Page } from "../../contracts/http/page.ts";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import type { Run } from "../../contracts/http/run.ts";
import { parseRepository, readWhole } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { GlobalOptions } from "../connection.ts";
import type { Host } from "../io.ts";
import type { Paint } from "../terminal/paint.ts";
import { spanText } from "../terminal/span.ts";
import type { Column } from "../terminal/table.ts";
import { fittedTable } from "../terminal/table.ts";

export function addRunList(parent: Command, { io }: Host): void {
	parent
		.command("list")
		.description("the latest runs, newest first")
		.argument("<owner/repo>", "the repository", parseRepository)
		.option("--state <state>", "accepted, running or finished")
		.option("--outcome <outcome>", "passed, failed, canceled or refused")
		.option("--ref <ref>", "of this branch or tag")
		.option("--actor <actor>", "submitted by")
		.option("--limit <runs>", "at most 100", readWhole)
		.option("--cursor <cursor>", "go on where the last list ended")
		.action(async (repository: RepositoryName, _: unknown, command: Command) => {
			const { state, outcome, ref, actor, limit, cursor } = command.optsWithGlobals<RunListOptions & GlobalOptions>();
			const { client, answer, paint } = connect(command, io);
			const page = await client.runs.list(repository, { state, outcome, ref, actor, limit, cursor });
			answer(page, (found) => listText(found, { paint, width: io.columns }));
		});
}

/** What identifies a run stays; on a narrow terminal its number does, which every command takes. */
const columns: Column[] = [
	{ heading: "run" },
	{ heading: "outcome" },
	{ heading: "jobs" },
	{ heading: "time", dropAt: 4 },
	{ heading: "ref", least: 12 },
	{ heading: "commit" },
	{ heading: "actor", least: 10 },
	{ heading: "trigger" },
	{ heading: "created", dropAt: 1 },
	{ heading: "title", least: 12, dropAt: 3 },
	{ heading: "id", dropAt: 2 },
];
const commitDigits = 8;
/** In place of what a run has not, or has not yet: a commit is known once a runner has looked. */
const none = "-";

function listText(page: Page<Run>, { paint, width }: { paint: Paint; width: number | null }): string {
	const rows = page.items.map((run) => {
		const jobs = Object.values(run.counts).reduce((sum, count) => sum + count, 0);
		return [
			run.number === null ? "" : `#${run.number}`,
			run.outcome === null ? run.state : paint.outcome(run.outcome),
			`${run.counts.finished}/${jobs}`,
			spanText(run.startedAt, run.finishedAt, Date.now()),
			run.source?.ref ?? none,
			run.source?.commit?.slice(0, commitDigits) ?? none,
			run.actor,
			run.trigger,
			run.createdAt,
			run.title ?? "",
			run.id,
		];
	});
	const more = page.nextCursor === null ? [] : [`more: --cursor ${page.nextCursor}`];
	return [fittedTable(columns, rows, { width, paint }), ...more].join("\n");
}
