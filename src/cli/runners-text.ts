// Runners as a table: of a pool, or one that was changed.
import type { RunnerFigures } from "../contracts/http/runner.ts";
import type { Paint } from "./terminal/paint.ts";
import { table } from "./terminal/table.ts";

const headings = ["runner", "id", "state", "jobs", "labels", "seen"];

export function runnersText(runners: readonly RunnerFigures[], paint: Paint): string {
	if (runners.length === 0) return "no runners";
	// Only where something is wrong: else nobody looks for it.
	const why = runners.some(({ reason }) => reason != null);
	const rows = runners.map((runner) => [
		runner.name,
		runner.id,
		runner.state,
		`${runner.leases}/${runner.capacity}`,
		runner.labels.join(","),
		runner.lastSeenAt,
		...(why ? [runner.reason ?? ""] : []),
	]);
	return table([[...headings, ...(why ? ["why"] : [])].map(paint.faint), ...rows]);
}
