// A day of one owner: each call of the API that makes an object call another at least once, each with what must come of it.
import type { Page } from "../../src/contracts/http/page.ts";
import type { QueueFigures, Repository } from "../../src/contracts/http/repository.ts";
import type { Job, Run } from "../../src/contracts/http/run.ts";
import type { HeartbeatReply, PoolFigures } from "../../src/contracts/http/runner.ts";
import type { TokenMade } from "../../src/contracts/http/token.ts";
import { firstOf, job, must, shardOf, shards } from "./player.ts";
import type { Player, Shown } from "./player.ts";

/** Resolves when all of it has come to its end. */
export async function playDay(player: Player): Promise<void> {
	await settings(player);
	const { token } = await registration(player);
	const runner = await player.register(token, "one");
	await aRun(player, runner);
	await retries(player, runner);
	await cancels(player, runner);
	for (let shard = 0; shard < shards; shard++) await sessions(player, { token, shard });
	await revoked(player);
}

async function settings(player: Player): Promise<void> {
	const { repo, owner } = player;
	await player.done("PUT", repo, { body: { maxRunning: 20, concurrencyGroups: { one: { limit: 1 } } } });
	const patched = await player.done<Repository>("PATCH", repo, { body: { retentionDays: 400 } });
	must(patched.maxRunning === 20, "a PATCH keeps the rest");
	must((await player.done<Repository>("GET", repo)).retentionDays === 400, "the settings are as they were put");
	await player.done("PUT", `${repo}/secrets/TOKEN`, { body: { value: "a secret of a test" } });
	await player.done("PUT", `${repo}/secrets/OTHER`, { body: { value: "another" } });
	await player.done("DELETE", `${repo}/secrets/OTHER`);
	const { items } = await player.done<Page<unknown>>("GET", `${repo}/secrets`);
	must(JSON.stringify(items).includes("TOKEN") && !JSON.stringify(items).includes("OTHER"), "one secret is there");
	must((await player.done<QueueFigures>("GET", `${repo}/queue`)).waiting === 0, "nothing waits");
	await player.done("GET", `/v1/pools/${owner}/default`);
}

/** A token that registers runners. */
export function registration(player: Player): Promise<TokenMade> {
	return player.post<TokenMade>("/v1/tokens", { owner: player.owner, name: "runners", scopes: ["runner:register"] });
}

async function aRun(player: Player, runner: { token: string }): Promise<void> {
	const { repo } = player;
	const asked = () =>
		player.submit([job("a", { secrets: ["TOKEN"] }), job("b", { needs: ["a"] })], { title: "a run" }, "the first");
	const run = await asked();
	must((await asked()).id === run.id, "the same key and body are the same run");
	must((await player.done<Run>("GET", `${repo}/runs/${run.number}`)).id === run.id, "a run is found by its number");
	must(
		(await player.done<Page<Job>>("GET", `${repo}/runs/${run.id}/jobs?limit=1`)).items.length === 1,
		"jobs come by pages",
	);
	await player.done("GET", `${repo}/runs/${run.id}/jobs/a`);
	await player.done("PATCH", `${repo}/jobs/${firstOf(run.jobs).id}`, { body: { priority: 5 } });
	const events = await player.socket(`${repo}/runs/${run.id}/events`);
	await player.until("the run's state comes", async () => events.heard[0]?.type === "snapshot");
	const grant = await player.grant(runner);
	must(grant.job.secrets.TOKEN === "a secret of a test", "the grant has the job's secret");
	must((await player.lease("start", grant)).job.state === "running", "a started job runs");
	const added = await player.post<Shown>(`${repo}/runs/${run.id}/jobs`, { jobs: [job("c")] });
	must(added.jobs.length === 3, "a job was added");
	await player.append(grant, 0, "one\n");
	const reader = await player.post<TokenMade>("/v1/tokens", { owner: player.owner, name: "reads", scopes: ["read"] });
	const { ticket } = await player.post<{ ticket: string }>("/v1/tickets", {}, { token: reader.token });
	const attempt = `${repo}/jobs/${grant.job.id}/attempts/1/log`;
	const view = await player.socket(`${attempt}/live?ticket=${encodeURIComponent(ticket)}`);
	await player.append(grant, 4, "two\n");
	await player.until(
		"the viewer has both lines",
		async () => view.heard.map((frame) => (frame.type === "output" ? frame.text : "")).join("") === "one\ntwo\n",
	);
	must((await player.done("GET", attempt)) === "one\ntwo\n", "a log that is written can be read");
	const step = { name: "step 1", exitCode: 0, logStart: 0, logEnd: 8 };
	await player.lease("steps", grant, { steps: [step] });
	await player.call("POST", "/v1/runner/heartbeat", { token: runner.token, body: { leases: [grant.lease.id] } });
	await player.finish(grant, "passed", 8, { steps: [step] });
	await player.work(runner);
	await player.work(runner);
	const ended = await player.finished(run.id, "passed");
	must(firstOf(firstOf(firstOf(ended.jobs).attempts).steps).logEnd === 8, "the steps are as they were told");
	must((await player.done("GET", attempt)) === "one\ntwo\n", "a log in the archive can be read");
	await player.until("the watcher hears of the end", async () =>
		events.heard.some((frame) => frame.type === "run" && frame.run.state === "finished"),
	);
	await player.until("the viewer hears of the end", async () => view.heard.some(({ type }) => type === "end"));
	events.socket.close();
	view.socket.close();
	await player.until("the list has the run", async () => {
		const { items } = await player.done<Page<Run>>("GET", `${repo}/runs`);
		return items.some(({ id, state }) => id === run.id && state === "finished");
	});
}

async function retries(player: Player, runner: { token: string }): Promise<void> {
	const { repo } = player;
	const retry = { maxAttempts: 2, on: [{ exitCodes: [1] }], backoff: { initialSeconds: 0, jitter: "none" } };
	const run = await player.submit([job("fails", { retry, labels: [] })]);
	await player.work(runner, "failed");
	await player.work(runner, "failed");
	const failed = await player.finished(run.id, "failed");
	must(firstOf(failed.jobs).attempts.length === 2, "a rule retried it once");
	const key = (of: string) => ({ headers: { "idempotency-key": `retry of ${of}` } });
	await player.post(`${repo}/jobs/${firstOf(failed.jobs).id}/retry`, { reason: "by hand" }, key("a job"));
	await player.work(runner, "failed");
	await player.finished(run.id, "failed");
	await player.post(`${repo}/runs/${run.id}/retry`, { only: "failed" }, key("a run"));
	await player.work(runner, "failed");
	await player.finished(run.id, "failed");
	const bulk = await player.post(`${repo}/retry`, { outcome: ["failed"], reason: "all" }, key("all"));
	must(JSON.stringify(bulk).includes(run.id), "the bulk retry found the run");
	await player.work(runner);
	const { jobs } = await player.finished(run.id, "passed");
	must(firstOf(jobs).attempts.length === 5, "each retry is an attempt");
}

async function cancels(player: Player, runner: { token: string }): Promise<void> {
	const { repo } = player;
	const one = await player.submit([job("canceled")]);
	const grant = await player.grant(runner);
	await player.lease("start", grant);
	await player.append(grant, 0, "begun\n");
	await player.post(`${repo}/jobs/${grant.job.id}/cancel`, { reason: "not needed" });
	const beat = await player.call<HeartbeatReply>("POST", "/v1/runner/heartbeat", {
		token: runner.token,
		body: { leases: [grant.lease.id] },
	});
	must(beat.body.leases?.[0]?.state === "canceling", "a heartbeat says that the job is being canceled");
	await player.finish(grant, "canceled", 6);
	await player.finished(one.id, "canceled");
	const two = await player.submit([job("waits", { labels: ["none-has-it"] })]);
	await player.post(`${repo}/runs/${two.id}/cancel`, { reason: "not needed" });
	await player.finished(two.id, "canceled");
	const three = await player.submit([job("waits", { labels: ["none-has-it"] })]);
	await player.post(`${repo}/cancel`, { state: ["waiting"] });
	await player.finished(three.id, "canceled");
}

/** Grants by a session, one that goes without a word, and runners that are drained, removed, put out. */
async function sessions(player: Player, { token, shard }: { token: string; shard: number }): Promise<void> {
	const { owner, repo } = player;
	const pool = `/v1/pools/${owner}/other-${shard}`;
	await player.done("PATCH", pool, { body: { paused: true, pauseNote: "wait" } });
	const place = { pool: `other-${shard}` };
	const run = await player.submit([job("s", place), job("t", { ...place, onLost: "fail" })]);
	const runners: { id: string; token: string }[] = [];
	while (new Set(runners.map(shardOf)).size < shards) {
		runners.push(await player.registerAnywhere(token, `runner ${runners.length}`, place.pool));
	}
	const runner = runners.find((each) => shardOf(each) === shard);
	if (!runner) throw new Error(`no runner is of shard ${shard}`);
	await player.until(
		"the run says why it waits",
		async () => firstOf((await player.run(run.id)).jobs).waiting?.code === "paused",
	);
	await player.done("PATCH", pool, { body: { paused: false } });
	const hello = { type: "hello", instanceId: "i1", capacity: 2, leases: [] as string[] };
	const session = await player.socket("/v1/runner/session", runner.token);
	session.socket.send(JSON.stringify(hello));
	const grants = await player.until("the session brings both grants", async () => {
		const found = session.heard.flatMap((frame) => (frame.type === "grant" ? [frame.grant] : []));
		return found.length === 2 ? found : null;
	});
	const grantOf = (key: string) => firstOf(grants.filter(({ job: { key: granted } }) => granted === key));
	const [first, second] = [grantOf("s"), grantOf("t")];
	for (const grant of [first, second]) await player.lease("start", grant);
	await player.append(first, 0, "said\n");
	await player.append(second, 0, "said\n");
	session.socket.send("ping");
	await player.until("a ping is answered", async () => session.pongs() > 0);
	session.socket.close();
	const again = await player.socket("/v1/runner/session", runner.token);
	// It has forgotten the second: that one is lost.
	again.socket.send(JSON.stringify({ ...hello, instanceId: "i2", leases: [first.lease.id] }));
	await player.until("the forgotten job is lost", async () => {
		const shown = await player.run(run.id);
		return shown.jobs.find(({ key }) => key === "t")?.outcome === "lost";
	});
	await player.finish(first, "passed", 5);
	await player.done("PATCH", `${pool}/runners/${runner.id}`, { body: { draining: true } });
	await player.until("the session hears of the drain", async () => again.heard.some(({ type }) => type === "drain"));
	again.socket.send(JSON.stringify({ type: "bye" }));
	// The lost attempt's log is kept open for some minutes: what a killed runner left may come.
	await player.until("the run has failed", async () => (await player.run(run.id)).outcome === "failed");
	await player.done("PATCH", pool, { body: { pauseNote: "told to each shard" } });
	for (const { id } of runners) await player.done("DELETE", `${pool}/runners/${id}`);
	must((await player.done<PoolFigures>("GET", pool)).runners.length === 0, "no runner is left in the other pool");
	await player.done("GET", `/v1/pools/${owner}`);
	await player.done("GET", `${repo}/queue`);
}

async function revoked(player: Player): Promise<void> {
	const { token, id } = await registration(player);
	const runner = await player.register(token, "four", "third");
	const session = await player.socket("/v1/runner/session", runner.token);
	session.socket.send(JSON.stringify({ type: "hello", instanceId: "i1", capacity: 1, leases: [] }));
	const closed = new Promise((resolve) => session.socket.addEventListener("close", resolve));
	await player.done("DELETE", `/v1/tokens/${id}`);
	await closed;
	must((await player.call("GET", player.repo, { token })).status === 401, "a revoked token opens nothing");
}
