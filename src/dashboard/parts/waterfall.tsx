// When each attempt waited and ran, on one line of time: what held the run up is the longest bar.
import type { Signal } from "@preact/signals";
import type { Job } from "../../contracts/http/run.ts";
import { durationText, now } from "./time.tsx";

const rowPixels = 22;
const namePixels = 140;
const chartPixels = 460;
const jobsMax = 500;

export function Waterfall({ jobs, hrefOf }: { jobs: readonly Signal<Job>[]; hrefOf: (job: string) => string }) {
	const all = jobs.slice(0, jobsMax).map(({ value }) => value);
	const begun = all.flatMap((job) => [Date.parse(job.createdAt)]);
	if (begun.length === 0) return <p class="empty">No job yet.</p>;
	const from = Math.min(...begun);
	const ends = all.map(({ finishedAt }) => (finishedAt === null ? now.value : Date.parse(finishedAt)));
	const spanMs = Math.max(1_000, Math.max(...ends) - from);
	const x = (at: number) => namePixels + ((at - from) / spanMs) * chartPixels;
	return (
		<div class="graph">
			<svg
				width={namePixels + chartPixels + 10}
				height={all.length * rowPixels + 20}
				role="img"
				aria-label={`Waiting and running over ${durationText(spanMs)}`}
			>
				{all.map((job, row) => (
					<a key={job.id} href={hrefOf(job.id)} aria-label={`${job.key}: ${barText(job)}`}>
						<title>{barText(job)}</title>
						<text x="0" y={row * rowPixels + 15}>
							{job.key.length > 20 ? `${job.key.slice(0, 19)}…` : job.key}
						</text>
						<Bar kind="waits" from={x(Date.parse(job.createdAt))} to={x(startOf(job) ?? endOf(job))} row={row} />
						{job.attempts.map(({ number, startedAt, finishedAt, outcome }) => (
							<Bar
								key={number}
								kind={outcome ?? "running"}
								from={x(Date.parse(startedAt))}
								to={x(finishedAt === null ? now.value : Date.parse(finishedAt))}
								row={row}
							/>
						))}
					</a>
				))}
			</svg>
		</div>
	);
}

const startOf = ({ attempts: [first] }: Job) => (first === undefined ? null : Date.parse(first.startedAt));
const endOf = ({ finishedAt }: Job) => (finishedAt === null ? now.value : Date.parse(finishedAt));

function barText(job: Job): string {
	const start = startOf(job);
	if (start === null) return `waited ${durationText(endOf(job) - Date.parse(job.createdAt))}`;
	const waited = durationText(start - Date.parse(job.createdAt));
	return `waited ${waited}, ran ${durationText(endOf(job) - start)}`;
}

function Bar({ kind, from, to, row }: { kind: string; from: number; to: number; row: number }) {
	return (
		<rect class={`bar ${kind}`} x={from} y={row * rowPixels + 4} width={Math.max(2, to - from)} height="14" rx="2" />
	);
}
