// The operator's switches `archive` and `project`, off and on again: what stands still meanwhile, what goes on, and what follows.
import {
	createExecutionContext,
	createMessageBatch,
	getQueueResult,
	runDurableObjectAlarm,
	runInDurableObject,
} from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import type { QueueFigures } from "../../src/contracts/http/repository.ts";
import type { Run } from "../../src/contracts/http/run.ts";
import type { Switches } from "../../src/contracts/http/switches.ts";
import {
	aRepo,
	aRunner,
	append,
	fetchRaw,
	finish,
	grantOf,
	job,
	lease,
	runOf,
	send,
	submit,
} from "../api/api-fixture.ts";
import type { Place } from "../api/api-fixture.ts";
import type { Env } from "../env.ts";
import main from "../main.ts";
import { archiveKey } from "../log/archive.ts";
import { logOf } from "../log/log-fixture.ts";
import { archiveAll, count, dayMs, endedRun } from "../repo/archive-fixture.ts";
import { aJob, repoOf } from "../repo/queue-fixture.ts";
import { archivedRunKey } from "../repo/repo-outside.ts";
import { moveClock } from "../testing/clock-fixture.ts";

const env = bindings as unknown as Env;

async function set(patch: Partial<Switches>): Promise<void> {
	expect((await send("PATCH", "/v1/switches", { body: patch })).status).toBe(200);
}

afterEach(async () => {
	vi.useRealTimers();
	await set({ archive: true, project: true });
});

async function alarmIn(stub: DurableObjectStub): Promise<number> {
	const at = await runInDurableObject(stub, (_, { storage }) => storage.getAlarm());
	return (at ?? Number.POSITIVE_INFINITY) - Date.now();
}

it("[M10] without `archive` a log stays in its object and readable, its alarm does not spin, and it moves once it may", async () => {
	await set({ archive: false });
	const place = await aRepo();
	await submit(place, [job("a")]);
	const grant = await grantOf(await aRunner(place));
	await lease("start", grant);
	await append(grant, 0, "hello\n");
	await finish(grant, "passed", { logLength: 6 });
	const name = { owner: place.owner, repo: place.repo, job: grant.job.id, attempt: 1 };
	await vi.waitFor(async () => expect(await alarmIn(logOf(name))).toBeGreaterThan(20_000), 15_000);
	expect(await runDurableObjectAlarm(logOf(name))).toBe(true);
	expect(await alarmIn(logOf(name))).toBeGreaterThan(20_000);
	expect(await env.ARCHIVE.head(archiveKey(name))).toBeNull();
	const log = `${place.path}/jobs/${grant.job.id}/attempts/1/log`;
	expect(await (await fetchRaw("GET", log)).text()).toBe("hello\n");
	await set({ archive: true });
	await runDurableObjectAlarm(logOf(name));
	expect(await env.ARCHIVE.head(archiveKey(name))).not.toBeNull();
	expect(await (await fetchRaw("GET", log)).text()).toBe("hello\n");
});

it("[M10] without `archive` an old run stays in its object, and moves once it may", async () => {
	const place = await aRepo();
	const repo = { ...place, pool: "default" };
	const run = await endedRun(repo, [aJob("passes")]);
	await set({ archive: false });
	moveClock(8 * dayMs);
	await runDurableObjectAlarm(repoOf(repo));
	expect([await count(repo, "run"), await env.ARCHIVE.head(archivedRunKey(place, run.id))]).toEqual([1, null]);
	expect(await alarmIn(repoOf(repo))).toBeGreaterThan(20_000);
	await set({ archive: true });
	moveClock(60_000);
	await runDurableObjectAlarm(repoOf(repo));
	expect(await count(repo, "run")).toBe(0);
	expect(await env.ARCHIVE.head(archivedRunKey(place, run.id))).not.toBeNull();
	await archiveAll(repo);
});

async function listed({ path }: Place): Promise<{ items: Run[]; stale: boolean; asOf: string; header: string | null }> {
	const { body, headers } = await send<{ items: Run[]; stale: boolean; asOf: string }>("GET", `${path}/runs`);
	return { ...body, header: headers.get("spillway-stale") };
}

it("[M11] without `project` no row is written, lists say since when, nothing spins, and all comes to the lists once it may", async () => {
	const place = await aRepo();
	const repo = { ...place, pool: "default" };
	const before = await submit(place, [job("a"), job("b")]);
	await vi.waitFor(async () => expect((await listed(place)).items).toHaveLength(1), 15_000);
	const rows = async () => (await env.DB.prepare("SELECT * FROM run WHERE owner = ?").bind(place.owner).all()).results;
	const known = await rows();
	const offFrom = Date.now();
	await set({ project: false });
	const grant = await grantOf(await aRunner(place));
	await lease("start", grant);
	await finish(grant, "passed");
	const later = await submit(place, [job("c")]);
	await send("POST", `${place.path}/runs/${later.id}/cancel`, { body: {} });
	await send("PATCH", place.path, { body: { maxRunning: 3 } });
	// What was on its way when it was switched off.
	const { jobs: _, ...told } = await runOf(place, before);
	const change = { owner: place.owner, repo: place.repo, at: Date.now(), repository: null, run: told };
	const message = { id: "m1", timestamp: new Date(), attempts: 1, body: change };
	const batch = createMessageBatch("spillway-events", [message]);
	await main.queue?.(batch as never, env as never);
	expect((await getQueueResult(batch, createExecutionContext())).explicitAcks).toEqual(["m1"]);
	expect(await rows()).toEqual(known);
	await runDurableObjectAlarm(repoOf(repo));
	expect(await alarmIn(repoOf(repo))).toBeLessThanOrEqual(30_000);
	expect(await alarmIn(repoOf(repo))).toBeGreaterThan(1_000);
	const stale = await listed(place);
	expect([stale.items.map(({ id }) => id), stale.stale, stale.header]).toEqual([[before.id], true, stale.asOf]);
	expect(Date.parse(stale.asOf)).toBeGreaterThanOrEqual(offFrom);
	expect(Date.parse(stale.asOf)).toBeLessThanOrEqual(Date.now());
	expect(await rows()).toEqual(known);
	expect((await send<QueueFigures>("GET", `${place.path}/queue`)).body.projectionLagSeconds).toBeGreaterThan(0);
	const refused = await send<{ detail: string }>("POST", `${place.path}/projection/rebuild`, { body: {} });
	expect(refused).toMatchObject({ status: 409, body: { code: "projection-off" } });
	expect([refused.headers.get("retry-after"), refused.body.detail]).toEqual([
		null,
		expect.stringContaining("operator"),
	]);
	await set({ project: true });
	await runDurableObjectAlarm(repoOf(repo));
	await vi.waitFor(async () => {
		const { items, stale } = await listed(place);
		expect(stale).toBe(false);
		expect(items.map(({ state, counts }) => `${state} ${counts.finished}`).sort()).toEqual(["finished 1", "running 1"]);
		const { body } = await send<QueueFigures>("GET", `${place.path}/queue`);
		expect(body.projectionLagSeconds).toBe(0);
	}, 30_000);
	const { body } = await send<{ items: { maxRunning: number }[] }>("GET", `/v1/repos?owner=${place.owner}`);
	expect(body.items[0]?.maxRunning).toBe(3);
});
