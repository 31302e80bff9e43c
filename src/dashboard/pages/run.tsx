// A run: its jobs on one side, the log of one of them on the other. It opens on the first job that failed, so that a link in a
// commit's status leads to the failing line.
import { useEffect, useMemo, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import lazy from "preact-iso/lazy";
import { useLocation, useRoute } from "preact-iso/router";
import type { Signal } from "@preact/signals";
import type { WatchedRun } from "../../contracts/http/streams/run-events.ts";
import type { Attempt, Job } from "../../contracts/http/run.ts";
import { Act } from "../parts/act.tsx";
import { isBad, JobList } from "../parts/job-list.tsx";
import { Trouble } from "../parts/notice.tsx";
import { RunGraph } from "../parts/run-graph.tsx";
import { StatusMark, statusOf } from "../parts/status.tsx";
import { showInTab } from "../parts/tab.ts";
import { Ago, Lasting } from "../parts/time.tsx";
import { Twin } from "../parts/twin.tsx";
import { Waterfall } from "../parts/waterfall.tsx";
import { client } from "../state/api.ts";
import { orAnew } from "../state/older-build.ts";
import { followRun } from "../state/run-watch.ts";

const LogView = lazy(() => orAnew(import("../log/log-view.tsx")));
const views = ["list", "graph", "waterfall"] as const;

export function RunPage() {
	const { params, query } = useRoute();
	const name = { owner: params.owner ?? "", repo: params.repo ?? "" };
	const runName = params.run ?? "";
	const place = `/${name.owner}/${name.repo}/runs/${runName}`;
	const view = useMemo(() => followRun(`/v1/repos${place}`), [place]);
	useEffect(() => view.close, [view]);
	const shown = useSignal<(typeof views)[number]>("list");
	const kept = useRef<{ place: string; job: Signal<Job> } | null>(null);
	const run = view.run.value;
	useEffect(() => {
		if (run !== null) showInTab(statusOf(run), `${run.title ?? `Run ${run.number ?? ""}`} · ${name.repo}`);
	}, [run]);
	if (run === null) return view.trouble.value === null ? <p class="empty">…</p> : <NoRun name={name} run={runName} />;
	const jobs = [...view.jobs.value.values()];
	const stays = params.job === undefined && kept.current?.place === place ? kept.current.job : null;
	const job = stays ?? chosenJob(jobs, params.job);
	// Whoever reads a log goes on reading it, whatever another job does meanwhile.
	if (job !== null && job.value.attempts.length > 0) kept.current = { place, job };
	const hrefOf = (id: string) => `${place}/jobs/${id}`;
	return (
		<div class="run">
			<RunHead name={name} run={run} />
			<Trouble text={view.trouble.value} />
			<div class={shown.value === "list" ? "split" : "stacked"}>
				<section class="jobs" aria-label="Jobs">
					<div class="line tabs" role="tablist" aria-label="How to show the jobs">
						{views.map((each) => (
							<button
								key={each}
								type="button"
								role="tab"
								aria-selected={shown.value === each}
								onClick={() => {
									shown.value = each;
								}}
							>
								{each}
							</button>
						))}
					</div>
					{shown.value === "list" ? <JobList jobs={jobs} chosen={job?.value.id ?? null} hrefOf={hrefOf} /> : null}
					{shown.value === "graph" ? <RunGraph jobs={jobs} hrefOf={hrefOf} /> : null}
					{shown.value === "waterfall" ? <Waterfall jobs={jobs} hrefOf={hrefOf} /> : null}
				</section>
				{job === null ? null : <JobPart key={job.value.id} name={name} job={job} attempt={query.attempt} />}
			</div>
			<Twin command={`run watch ${name.owner}/${name.repo} ${runName}`} path={`/v1/repos${place}`} />
		</div>
	);
}

/** The address names one by id or key; else the first that failed, else the first that runs, else the first. */
function chosenJob(jobs: readonly Signal<Job>[], asked: string | undefined): Signal<Job> | null {
	if (asked !== undefined) return jobs.find(({ value: { id, key } }) => id === asked || key === asked) ?? null;
	const failed = jobs.find(({ value }) => isBad(value));
	return failed ?? jobs.find(({ value: { state } }) => state === "running") ?? jobs[0] ?? null;
}

/** Its events are not to be had: an ordinary call says why. */
function NoRun({ name, run }: { name: { owner: string; repo: string }; run: string }) {
	const why = useSignal<string | null>(null);
	useEffect(() => {
		client.runs.get(name, run).catch((cause: Error) => {
			why.value = cause.message;
		});
	}, [run]);
	return <p class="empty">{why.value ?? "The run is not to be had at present. The page goes on trying."}</p>;
}

function RunHead({ name, run }: { name: { owner: string; repo: string }; run: WatchedRun }) {
	const { id, number, title, source, actor, trigger, createdAt, startedAt, finishedAt, reason, retried } = run;
	const isOver = run.state === "finished";
	const because = (text: string | null) => (text === null ? {} : { reason: text });
	return (
		<header class="head">
			<h1>
				<StatusMark status={statusOf(run)} /> <bdi>{title ?? "A run without a title"}</bdi>{" "}
				<span class="number">{number === null ? "" : `#${number}`}</span>
			</h1>
			<p class="facts">
				{source === null ? null : (
					<>
						<bdi class="ref">{source.ref ?? ""}</bdi> <code>{source.commit?.slice(0, 10) ?? ""}</code>{" "}
					</>
				)}
				{actor} by {trigger}, <Ago at={createdAt} />
				{startedAt === null ? null : ", "}
				<Lasting from={startedAt} to={finishedAt} />
				{reason === null ? null : `: ${reason}`}
				{retried === null
					? null
					: ` (retried by ${retried.actor ?? "the server"}${retried.reason ? `: ${retried.reason}` : ""})`}
			</p>
			<div class="line acts">
				{isOver ? null : (
					<Act
						label="Cancel"
						shortcut="x"
						reason="Why? It is shown on the run."
						act={async (text) => void (await client.runs.cancel(name, id, because(text)))}
					/>
				)}
				{isOver ? (
					<>
						<Act
							label="Retry failed"
							shortcut="r"
							reason="Why? It is shown on each attempt."
							act={async (text) => void (await client.runs.retry(name, id, { only: "failed", ...because(text) }))}
						/>
						<Act
							label="Retry all"
							reason="Why? It is shown on each attempt."
							act={async (text) => void (await client.runs.retry(name, id, { only: "all", ...because(text) }))}
						/>
					</>
				) : null}
			</div>
		</header>
	);
}

function JobPart({
	name,
	job,
	attempt: asked,
}: {
	name: { owner: string; repo: string };
	job: Signal<Job>;
	attempt: string | undefined;
}) {
	const { id, key, state, outcome, attempts, waiting, reason } = job.value;
	const { path, route } = useLocation();
	const attempt = attempts.find(({ number }) => String(number) === asked) ?? attempts.at(-1) ?? null;
	return (
		<section class="job" aria-label={`Job ${key}`}>
			<header class="line">
				<h2>
					<StatusMark status={statusOf({ state, outcome })} /> {key}
				</h2>
				{attempts.length > 1 ? (
					<label>
						Attempt
						<select
							value={attempt?.number}
							onChange={({ currentTarget }) => route(`${path}?attempt=${currentTarget.value}`)}
						>
							{attempts.map(({ number, outcome: ended }) => (
								<option key={number} value={number}>
									{number} {ended ?? "runs"}
								</option>
							))}
						</select>
					</label>
				) : null}
				{state === "finished" ? (
					<Act
						label="Retry job"
						reason="Why? It is shown on the attempt."
						act={async (text) => void (await client.jobs.retry(name, id, text === null ? {} : { reason: text }))}
					/>
				) : (
					<Act
						label="Cancel job"
						reason="Why? It is shown on the job."
						act={async (text) => void (await client.jobs.cancel(name, id, text === null ? {} : { reason: text }))}
					/>
				)}
				{state === "waiting" ? (
					<Act
						label="First"
						reason={null}
						act={async () => void (await client.jobs.reprioritise(name, id, job.value.priority + 100))}
					/>
				) : null}
			</header>
			{waiting === null ? null : (
				<p class="notice" role="status">
					{waiting.detail}
					{waiting.expectedStartAt === null
						? ""
						: ` Expected to start at ${new Date(waiting.expectedStartAt).toLocaleTimeString()}.`}
				</p>
			)}
			{reason === null ? null : <p class="facts">{reason}</p>}
			{attempt === null ? null : (
				<>
					<p class="facts">{attemptText(attempt)}</p>
					<LogView key={`${id}/${attempt.number}`} name={name} job={id} attempt={attempt} />
				</>
			)}
		</section>
	);
}

const withheldTexts: Record<string, string> = {
	attempts: "all attempts are used",
	budget: "the repository's retry budget is used up",
	"no-rule": "no rule retries this",
	"on-lost": "the job asked not to be retried when its runner is lost",
	poison: "it was lost on several runners in a row",
	canceled: "it was canceled",
};

/** Who or what made the attempt, where it ran, how it ended, and what follows. */
function attemptText({ number, by, actor, retryReason, runner, exitCode, signal, reason, next }: Attempt): string {
	const made = {
		submit: "submitted",
		rule: "retried by its rule",
		user: `retried by ${actor ?? "a person"}`,
		platform: "given to another runner",
	};
	const parts = [
		`Attempt ${number}, ${made[by]}${retryReason ? `: ${retryReason}` : ""}, on ${runner.name}`,
		exitCode !== null && exitCode !== 0 ? `exit code ${exitCode}` : "",
		signal ?? "",
		reason ?? "",
		next === null
			? ""
			: "at" in next
				? `again at ${new Date(next.at).toLocaleTimeString()}`
				: `not retried: ${withheldTexts[next.withheld] ?? next.withheld}`,
	];
	return parts.filter((part) => part !== "").join(" · ");
}
