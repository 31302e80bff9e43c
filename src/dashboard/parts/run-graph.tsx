// The jobs of a run as a graph, left to right by what they need.
import type { Signal } from "@preact/signals";
import type { Job } from "../../contracts/http/run.ts";
import { placeJobs } from "./layers.ts";
import { statusOf } from "./status.tsx";

const box = { width: 150, height: 26, gapX: 50, gapY: 10 };
/** A larger graph is a tangle that tells nobody anything. */
const jobsMax = 200;

export function RunGraph({ jobs, hrefOf }: { jobs: readonly Signal<Job>[]; hrefOf: (job: string) => string }) {
	if (jobs.length > jobsMax)
		return <p class="empty">A graph of more than {jobsMax} jobs shows nothing; see the list.</p>;
	const placed = placeJobs(jobs.map(({ value }) => value));
	const at = new Map(
		placed.map(({ key, column, row }) => [
			key,
			{ x: column * (box.width + box.gapX), y: row * (box.height + box.gapY) },
		]),
	);
	const width = Math.max(...[...at.values()].map(({ x }) => x + box.width), box.width);
	const height = Math.max(...[...at.values()].map(({ y }) => y + box.height), box.height);
	return (
		<div class="graph">
			<svg width={width} height={height} role="img" aria-label="Jobs by what they need">
				{jobs.flatMap(({ value: { key, needs } }) =>
					needs.map((need) => {
						const [from, to] = [at.get(need), at.get(key)];
						if (from === undefined || to === undefined) return null;
						const [x1, y1, x2, y2] = [from.x + box.width, from.y + box.height / 2, to.x, to.y + box.height / 2];
						const bend = (x1 + x2) / 2;
						return (
							<path key={`${need} ${key}`} class="edge" d={`M${x1},${y1} C${bend},${y1} ${bend},${y2} ${x2},${y2}`} />
						);
					}),
				)}
				{jobs.map(({ value }) => {
					const { x, y } = at.get(value.key) ?? { x: 0, y: 0 };
					const status = statusOf(value);
					return (
						<a key={value.id} href={hrefOf(value.id)} aria-label={`${value.key}, ${status}`}>
							<rect class={`node ${status}`} x={x} y={y} width={box.width} height={box.height} rx="4" />
							<text x={x + 8} y={y + 17}>
								{value.key.length > 20 ? `${value.key.slice(0, 19)}…` : value.key}
							</text>
						</a>
					);
				})}
			</svg>
		</div>
	);
}
