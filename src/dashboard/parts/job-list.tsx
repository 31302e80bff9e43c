// The jobs of a run, one row each: the state, why it waits, how long it took. Rows follow their own job's signal, so that a change
// draws one row; of thousands only those near the screen are drawn.
import type { Signal } from "@preact/signals";
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Job } from "../../contracts/http/run.ts";
import { StatusMark, statusOf } from "./status.tsx";
import { Lasting } from "./time.tsx";

const rowPixels = 30;
const marginRows = 20;

interface JobListProps {
	jobs: readonly Signal<Job>[];
	chosen: string | null;
	hrefOf: (job: string) => string;
}

export function JobList({ jobs, chosen, hrefOf }: JobListProps) {
	const filter = useSignal("");
	const top = useSignal(0);
	const height = useSignal(600);
	const box = useRef<HTMLDivElement>(null);
	useEffect(() => {
		const element = box.current;
		if (element === null) return;
		const sized = new ResizeObserver(() => {
			height.value = element.clientHeight;
		});
		sized.observe(element);
		return () => sized.disconnect();
	}, []);
	useEffect(() => {
		const at = jobs.findIndex(({ value }) => value.id === chosen);
		const element = box.current;
		if (element === null || at < 0) return;
		const isSeen =
			at * rowPixels >= element.scrollTop && (at + 1) * rowPixels <= element.scrollTop + element.clientHeight;
		if (!isSeen) element.scrollTop = at * rowPixels - element.clientHeight / 3;
	}, [chosen]);
	const wanted = filter.value.toLowerCase();
	const found = wanted === "" ? jobs : jobs.filter(({ value }) => matches(value, wanted));
	const from = Math.max(0, Math.floor(top.value / rowPixels) - marginRows);
	const to = Math.min(found.length, Math.ceil((top.value + height.value) / rowPixels) + marginRows);
	return (
		<>
			<label class="line">
				<span class="hidden">Filter the jobs</span>
				<input
					data-filter
					placeholder={`Filter ${jobs.length} jobs by name or state`}
					value={filter.value}
					onInput={({ currentTarget }) => {
						filter.value = currentTarget.value;
					}}
				/>
			</label>
			<div
				ref={box}
				class="job-list"
				onScroll={({ currentTarget }) => {
					top.value = currentTarget.scrollTop;
				}}
			>
				<ul style={{ height: `${found.length * rowPixels}px`, paddingTop: `${from * rowPixels}px` }}>
					{found.slice(from, to).map((job) => (
						<JobRow key={job.peek().id} job={job} isChosen={job.peek().id === chosen} hrefOf={hrefOf} />
					))}
				</ul>
			</div>
		</>
	);
}

const badOutcomes = new Set(["failed", "timed-out", "lost", "refused", "expired"]);

export function isBad({ outcome }: Job): boolean {
	return outcome !== null && badOutcomes.has(outcome);
}

function matches({ key, name, state, outcome }: Job, wanted: string): boolean {
	return [key, name, state, outcome ?? ""].some((text) => text.toLowerCase().includes(wanted));
}

function JobRow({ job, isChosen, hrefOf }: { job: Signal<Job>; isChosen: boolean; hrefOf: (job: string) => string }) {
	const last = useComputed(() => job.value.attempts.at(-1));
	const { id, key, state, outcome, waiting, attempts } = job.value;
	return (
		<li>
			<a
				class="row"
				data-row
				data-bad={isBad(job.value) ? "" : undefined}
				aria-current={isChosen ? "true" : undefined}
				href={hrefOf(id)}
			>
				<StatusMark isShort status={statusOf({ state, outcome })} />
				<span class="name">{key}</span>
				<span class="why" title={waiting?.detail}>
					{waiting === null ? (attempts.length > 1 ? `attempt ${attempts.length}` : "") : waiting.detail}
				</span>
				<Lasting from={last.value?.startedAt ?? null} to={last.value?.finishedAt ?? null} />
			</a>
		</li>
	);
}
