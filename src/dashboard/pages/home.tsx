// My owners and their repositories: what waits and for how long, what runs now, and how the last runs went.
import { useLocation } from "preact-iso/router";
import { useSignal } from "@preact/signals";
import type { QueueFigures, Repository } from "../../contracts/http/repository.ts";
import type { Run } from "../../contracts/http/run.ts";
import { FailureNotice, StaleNotice } from "../parts/notice.tsx";
import { StatusMark, statusOf } from "../parts/status.tsx";
import { Ago, durationText } from "../parts/time.tsx";
import { client } from "../state/api.ts";
import { useResource } from "../state/resource.ts";
import { whoLooks } from "../state/session.ts";

const lookAgainMs = 10_000;
const runsShown = 5;

export function HomePage() {
	const { query } = useLocation();
	const own = whoLooks.value?.owners.map(({ owner }) => owner) ?? [];
	const asked = query.owner;
	const owners = asked === undefined ? own : [asked];
	if (owners.length === 0) return <ChooseOwner />;
	return (
		<>
			{owners.map((owner) => (
				<OwnerPart key={owner} owner={owner} />
			))}
		</>
	);
}

/** The operator belongs to no owner, and a person may belong to none. */
function ChooseOwner() {
	const owner = useSignal("");
	const { route } = useLocation();
	const isOperator = whoLooks.value?.kind === "operator";
	return (
		<section>
			<h1>{isOperator ? "Whose repositories?" : "You are a member nowhere yet"}</h1>
			<p>
				{isOperator
					? "The operator may look at every owner."
					: "Ask an owner to add you, by your e-mail address; then sign in again."}
			</p>
			<form
				class="line"
				onSubmit={(event) => {
					event.preventDefault();
					route(`/?owner=${encodeURIComponent(owner.value.trim())}`);
				}}
			>
				<label>
					Owner
					<input
						name="owner"
						value={owner.value}
						onInput={({ currentTarget }) => {
							owner.value = currentTarget.value;
						}}
					/>
				</label>
				<button type="submit">Show</button>
			</form>
		</section>
	);
}

function OwnerPart({ owner }: { owner: string }) {
	const list = useResource(`repos ${owner}`, () => client.repositories.list(owner, { limit: 100 }), lookAgainMs);
	const pools = useResource(`pools ${owner}`, () => client.pools.list(owner, { limit: 100 }), null);
	const page = list.value.value;
	return (
		<section aria-label={owner}>
			<h1>{owner}</h1>
			<FailureNotice failure={list.failure.value} what="The repositories" />
			<StaleNotice page={page} />
			{page?.items.length === 0 ? (
				<p class="empty">
					No repository yet. The first: <code>spillway repo set {owner}/web</code>
				</p>
			) : null}
			<ul class="rows">
				{page?.items.map((repository) => (
					<RepositoryRow key={repository.repo} repository={repository} />
				))}
			</ul>
			<p class="line pools">
				<a href={`/${owner}/settings`}>settings</a>
				{pools.value.value?.items.map(({ pool }) => (
					<a key={pool} href={`/${owner}/pools/${pool}`}>
						pool {pool}
					</a>
				))}
			</p>
		</section>
	);
}

function RepositoryRow({ repository: { owner, repo, paused } }: { repository: Repository }) {
	const name = { owner, repo };
	const queue = useResource(`queue ${owner}/${repo}`, () => client.repositories.queue(name), lookAgainMs);
	const runs = useResource(
		`last runs ${owner}/${repo}`,
		() => client.runs.list(name, { limit: runsShown }),
		lookAgainMs,
	);
	const last = runs.value.value?.items[0];
	return (
		<li>
			<a class="row" href={`/${owner}/${repo}`}>
				<span class="marks">{last === undefined ? null : <StatusMark isShort status={statusOf(last)} />}</span>
				<span class="name">{repo}</span>
				<span class="figures">{queue.value.value === null ? "" : figuresText(queue.value.value)}</span>
				<span class="history">
					{runs.value.value?.items.map((run) => (
						<Bar key={run.id} run={run} />
					))}
				</span>
				<span class="when">{last === undefined ? "no run yet" : <Ago at={last.createdAt} />}</span>
				{paused ? <span class="tag">paused</span> : null}
			</a>
		</li>
	);
}

function Bar({ run }: { run: Run }) {
	return <StatusMark isShort status={statusOf(run)} />;
}

export function figuresText({ waiting, running, oldestWaitingSeconds }: QueueFigures): string {
	const oldest = oldestWaitingSeconds === null ? "" : `, the oldest for ${durationText(oldestWaitingSeconds * 1_000)}`;
	return `${running} running, ${waiting} waiting${oldest}`;
}
