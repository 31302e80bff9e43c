// Runners as a table: of a pool, or one that was changed.
import type { RunnerFigures } from "../contracts/runner.ts";
import type { Paint } from "./terminal/paint.ts";
import { table } from "./terminal/table.ts";

const headings = ["runner", "id", "state", "jobs", "labels", "seen", "why"];

export function runnersText(runners: readonly RunnerFigures[], paint: Paint): string {
	if (runners.length === 0) return "no runners";
	const rows = runners.map((runner) => [
		runner.name,
		runner.id,
		runner.state,
		`${runner.leases}/${runner.capacity}`,
		runner.labels.join(","),
		runner.lastSeenAt,
		runner.reason ?? "",
	]);
	return table([headings.map(paint.faint), ...rows]);
}
