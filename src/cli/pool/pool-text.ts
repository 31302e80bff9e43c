// How a pool stands, in words.
import type { PoolFigures } from "../../contracts/runner.ts";
import type { Paint } from "../terminal/paint.ts";
import { table } from "../terminal/table.ts";

export function standingOf({ paused, pauseNote, draining }: PoolFigures): string {
	if (!paused && !draining) return "serves";
	return `${draining ? "drains" : "paused"}${pauseNote === null ? "" : `: ${pauseNote}`}`;
}

const headings = ["runner", "id", "state", "jobs", "labels", "seen"];

export function poolText(figures: PoolFigures, paint: Paint): string {
	const { owner, pool, runners, waiting, running, idle, busy, oldestWaitingSeconds } = figures;
	const rows = runners.map((runner) => [
		runner.name,
		runner.id,
		runner.state,
		`${runner.leases}/${runner.capacity}`,
		runner.labels.join(","),
		runner.lastSeenAt,
	]);
	const oldest = oldestWaitingSeconds === null ? "" : `, the oldest for ${Math.round(oldestWaitingSeconds)} s`;
	const counts = `${waiting} waiting${oldest}, ${running} running, ${busy} runners busy, ${idle} idle`;
	const shown = rows.length === 0 ? ["no runners"] : [table([headings.map(paint.faint), ...rows])];
	return [...shown, `pool ${owner}/${pool} ${standingOf(figures)}; ${counts}`].join("\n");
}
