// A pool: its runners and what each does, what waits for them, and how to add one.
import { useSignal } from "@preact/signals";
import { useRoute } from "preact-iso/router";
import { Act } from "../parts/act.tsx";
import { FailureNotice } from "../parts/notice.tsx";
import { Ago, durationText } from "../parts/time.tsx";
import { Twin } from "../parts/twin.tsx";
import { client } from "../state/api.ts";
import { useResource } from "../state/resource.ts";

const lookAgainMs = 5_000;

const hourMs = 3_600_000;

/** The line that makes a machine a runner, with a token that registers one, here, within an hour. */
function AddRunner({ owner, pool }: { owner: string; pool: string }) {
	const line = useSignal<string | null>(null);
	const make = async () => {
		const { token } = await client.tokens.create({
			owner,
			name: `one runner of ${pool}`,
			scopes: ["runner:register"],
			pools: [pool],
			uses: 1,
			expiresAt: new Date(Date.now() + hourMs).toISOString(),
		});
		const script = `${location.origin}/install/runner.sh`;
		line.value = `curl -fsSL ${script} | SPILLWAY_TOKEN=${token} sh -s -- --pool ${owner}/${pool}`;
	};
	return (
		<section class="part" aria-label="Add a runner">
			<Act label="Add a runner" reason={null} act={make} />
			{line.value === null ? null : (
				<p class="notice" role="status">
					On a machine with Node 20 or later, once and within an hour: <code class="token">{line.value}</code>
				</p>
			)}
		</section>
	);
}

export function PoolPage() {
	const { params } = useRoute();
	const name = { owner: params.owner ?? "", pool: params.pool ?? "" };
	const shown = useResource(`pool ${name.owner}/${name.pool}`, () => client.pools.get(name), lookAgainMs);
	const pool = shown.value.value;
	if (pool === null) return <FailureNotice failure={shown.failure.value} what="The pool" />;
	const { waiting, running, idle, busy, oldestWaitingSeconds, paused, pauseNote, runners } = pool;
	const oldest = oldestWaitingSeconds === null ? "" : `, the oldest for ${durationText(oldestWaitingSeconds * 1_000)}`;
	return (
		<>
			<h1>Pool {name.pool}</h1>
			<section class="strip" aria-label="The pool">
				<span>
					{running} running, {waiting} waiting{oldest}
				</span>
				<span>
					{busy} slots busy, {idle} idle
				</span>
				{paused ? <span class="tag">paused{pauseNote === null ? "" : `: ${pauseNote}`}</span> : null}
				<Act
					label={paused ? "Resume" : "Pause"}
					reason={paused ? null : "Why? It is shown on each job that waits."}
					act={async (note) => {
						await client.pools.patch(name, { paused: !paused, pauseNote: note });
						shown.reload();
					}}
				/>
			</section>
			<AddRunner owner={name.owner} pool={name.pool} />
			<FailureNotice failure={shown.failure.value} what="What is new" />
			{runners.length === 0 ? (
				<p class="empty">
					No runner. Start one on any machine: <code>spillway runner start --pool {`${name.owner}/${name.pool}`}</code>
				</p>
			) : null}
			<ul class="rows">
				{runners.map(({ id, name: runner, labels, state, reason, capacity, leases, lastSeenAt }) => (
					<li key={id} class="row">
						<span class={`status ${state === "busy" ? "runs" : state === "idle" ? "good" : "rests"}`}>{state}</span>
						<span class="name">{runner}</span>
						<span class="ref">{labels.join(" ")}</span>
						<span class="slots" role="img" aria-label={`${leases} of ${capacity} slots busy`}>
							{"■".repeat(leases)}
							{"□".repeat(Math.max(0, capacity - leases))}
						</span>
						<span>{reason ?? ""}</span>
						<span class="when">
							<Ago at={lastSeenAt} />
						</span>
						<Act
							label="Drain"
							reason={null}
							act={async () => {
								await client.pools.patchRunner({ ...name, runner: id }, { draining: true });
								shown.reload();
							}}
						/>
					</li>
				))}
			</ul>
			<Twin command={`pool show ${name.owner}/${name.pool}`} path={`/v1/pools/${name.owner}/${name.pool}`} />
		</>
	);
}
