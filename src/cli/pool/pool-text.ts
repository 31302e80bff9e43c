// How a pool stands, in words.
import type { PoolFigures } from "../../contracts/http/runner.ts";
import { runnersText } from "../runners-text.ts";
import type { Paint } from "../terminal/paint.ts";

export function poolStanding({ paused, pauseNote, draining }: PoolFigures): string {
	if (!paused && !draining) return "active";
	return `${draining ? "draining" : "paused"}${pauseNote === null ? "" : `: ${pauseNote}`}`;
}

export function poolText(figures: PoolFigures, paint: Paint): string {
	const { owner, pool, runners, waiting, running, idle, busy, oldestWaitingSeconds } = figures;
	const oldest = oldestWaitingSeconds === null ? "" : `, the oldest for ${Math.round(oldestWaitingSeconds)} s`;
	const counts = `${waiting} waiting${oldest}, ${running} running, ${busy} runners busy, ${idle} idle`;
	const others = (["draining", "unwell", "offline"] as const).flatMap((state) => {
		const count = runners.filter((runner) => runner.state === state).length;
		return count === 0 ? [] : [`, ${count} ${state}`];
	});
	const line = `pool ${owner}/${pool} is ${poolStanding(figures)}; ${counts}${others.join("")}`;
	return [runnersText(runners, paint), line].join("\n");
}
