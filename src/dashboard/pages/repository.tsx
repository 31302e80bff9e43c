// A repository's runs, filtered by what the address says, under the state of its queue.
import { useLocation, useRoute } from "preact-iso/router";
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Run } from "../../contracts/http/run.ts";
import { Act } from "../parts/act.tsx";
import { FailureNotice, StaleNotice } from "../parts/notice.tsx";
import { StatusMark, statusOf } from "../parts/status.tsx";
import { Ago, Lasting } from "../parts/time.tsx";
import { Twin } from "../parts/twin.tsx";
import { client } from "../state/api.ts";
import { useResource } from "../state/resource.ts";
import { figuresText } from "./home.tsx";

const lookAgainMs = 5_000;
const states = ["", "accepted", "running", "finished"] as const;
const outcomes = ["", "passed", "failed", "canceled", "refused"] as const;

type Filter = Partial<Record<"state" | "outcome" | "ref" | "actor", string>>;

export function RepositoryPage() {
	const { params } = useRoute();
	const { query, route } = useLocation();
	const name = { owner: params.owner ?? "", repo: params.repo ?? "" };
	const place = `/${name.owner}/${name.repo}`;
	const filter: Filter = {};
	for (const key of ["state", "outcome", "ref", "actor"] as const) if (query[key]) filter[key] = query[key];
	const cursor = query.cursor;
	const asked = new URLSearchParams(filter).toString();
	const list = useResource(
		`runs ${place} ${asked} ${cursor}`,
		() => client.runs.list(name, { ...(filter as object), limit: 50, cursor }),
		lookAgainMs,
	);
	const set = (key: keyof Filter, value: string) => {
		const next = new URLSearchParams(filter);
		if (value === "") next.delete(key);
		else next.set(key, value);
		route(next.size === 0 ? place : `${place}?${next}`);
	};
	const page = list.value.value;
	return (
		<>
			<h1>
				{name.owner}/{name.repo}
			</h1>
			<QueueStrip name={name} />
			<form class="line filters" onSubmit={(event) => event.preventDefault()}>
				<Choice label="State" values={states} value={filter.state} choose={(value) => set("state", value)} />
				<Choice label="Outcome" values={outcomes} value={filter.outcome} choose={(value) => set("outcome", value)} />
				<Typed label="Ref" value={filter.ref} type={(value) => set("ref", value)} isFirst />
				<Typed label="Actor" value={filter.actor} type={(value) => set("actor", value)} />
			</form>
			<FailureNotice failure={list.failure.value} what="The runs" />
			<StaleNotice page={page} />
			{page?.items.length === 0 ? (
				<p class="empty">
					{asked === "" ? (
						<>
							No run yet. The first: <code>spillway run start {`${name.owner}/${name.repo}`} -f pipeline.json</code>
						</>
					) : (
						"No run is like that."
					)}
				</p>
			) : null}
			<ul class="rows">
				{page?.items.map((run) => (
					<RunRow key={run.id} place={place} run={run} />
				))}
			</ul>
			{page?.nextCursor ? (
				<a class="button" href={`${place}?${new URLSearchParams({ ...filter, cursor: page.nextCursor })}`}>
					Older runs
				</a>
			) : null}
			<Twin command={`run list ${name.owner}/${name.repo}`} path={`/v1/repos${place}/runs${asked && `?${asked}`}`} />
		</>
	);
}

function RunRow({ place, run }: { place: string; run: Run }) {
	const { id, number, title, source, actor, createdAt, startedAt, finishedAt } = run;
	return (
		<li>
			<a class="row" data-row href={`${place}/runs/${number ?? id}`}>
				<StatusMark status={statusOf(run)} />
				<span class="name">
					<span class="number">{number === null ? "–" : `#${number}`}</span> {title ?? "without a title"}
				</span>
				<span class="ref">{source?.ref?.replace(/^refs\/(heads|tags)\//, "") ?? ""}</span>
				<span class="actor">{actor}</span>
				<Lasting from={startedAt} to={finishedAt} />
				<span class="when">
					<Ago at={createdAt} />
				</span>
			</a>
		</li>
	);
}

function QueueStrip({ name }: { name: { owner: string; repo: string } }) {
	const queue = useResource(`queue ${name.owner}/${name.repo}`, () => client.repositories.queue(name), lookAgainMs);
	const figures = queue.value.value;
	if (figures === null) return <FailureNotice failure={queue.failure.value} what="The queue" />;
	const { paused, pauseNote, limits } = figures;
	return (
		<section class="strip" aria-label="The queue">
			<span>{figuresText(figures)}</span>
			<span>at most {limits.maxRunning} at once</span>
			{paused ? <span class="tag">paused{pauseNote === null ? "" : `: ${pauseNote}`}</span> : null}
			<Act
				label={paused ? "Resume" : "Pause"}
				reason={paused ? null : "Why? It is shown on each job that waits."}
				act={async (note) => {
					await client.repositories.patch(name, { paused: !paused, pauseNote: note });
					queue.reload();
				}}
			/>
		</section>
	);
}

interface ChoiceProps {
	label: string;
	values: readonly string[];
	value: string | undefined;
	choose: (value: string) => void;
}

function Choice({ label, values, value = "", choose }: ChoiceProps) {
	return (
		<label>
			{label}
			<select value={value} onChange={({ currentTarget }) => choose(currentTarget.value)}>
				{values.map((each) => (
					<option key={each} value={each}>
						{each === "" ? "any" : each}
					</option>
				))}
			</select>
		</label>
	);
}

/** `isFirst`: `/` leads to it. */
function Typed({
	label,
	value = "",
	type,
	isFirst = false,
}: {
	label: string;
	value: string | undefined;
	type: (value: string) => void;
	isFirst?: boolean;
}) {
	const typed = useSignal(value);
	useEffect(() => {
		typed.value = value;
	}, [value]);
	return (
		<label>
			{label}
			<input
				value={typed.value}
				data-filter={isFirst ? "" : undefined}
				onInput={({ currentTarget }) => {
					typed.value = currentTarget.value;
				}}
				onChange={() => type(typed.value.trim())}
			/>
		</label>
	);
}
