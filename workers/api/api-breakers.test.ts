// Each dependency slow or away until its breaker opens: the degraded answer comes at once, `/readyz` says so, what cannot be answered
// is refused and never answered falsely, and all comes back by itself. Time is moved: nobody waits.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Run } from "../../src/contracts/http/run.ts";
import { callsMin, slowCallMs } from "../../src/domain/breaker.ts";
import type { Page } from "../../src/contracts/http/page.ts";
import { aRepo, aRunner, grantOf, job, runOf, submit } from "./api-fixture.ts";
import type { Place } from "./api-fixture.ts";
import { FaultyWorker, fakeTimers, passTime, stopClock } from "./faults-fixture.ts";
import type { Fault, Part } from "./faults-fixture.ts";

let worker: FaultyWorker;
let events: { event: string; dependency?: string; name?: string | null }[];

beforeEach(() => {
	events = [];
	vi.spyOn(console, "error").mockImplementation((line: string) => void events.push(JSON.parse(line)));
	worker = new FaultyWorker();
});
afterEach(async () => {
	await worker.end();
	vi.useRealTimers();
	vi.restoreAllMocks();
});

/** As many calls of it as open its breaker: lists are dear, and few pass the gate at once. Time stands then: its pause is not over. */
async function trouble(part: Part, fault: Fault, call: (at: number) => Promise<unknown>): Promise<void> {
	worker.break(part, fault);
	const met = worker.meets(part, callsMin);
	const asked = Promise.all(Array.from({ length: callsMin }, (_, at) => call(at)));
	await (fault === "away" ? asked : met);
	if (fault !== "away") await passTime(slowCallMs);
}

/** It is well again and probed until its breaker closes. */
async function recovery(call: () => Promise<unknown>): Promise<void> {
	worker.mend();
	await passTime(30_000);
	for (let probes = 0; probes < 3; probes++) await call();
}

const opened = () => events.filter(({ event }) => event === "breaker-opened");
const closed = () => events.filter(({ event }) => event === "breaker-closed");

async function listed({ path }: Place): Promise<void> {
	await vi.waitFor(async () => {
		const list = await worker.ask<Page<Run>>("GET", `${path}/runs`);
		expect(list.body.items).toHaveLength(1);
	}, 15_000);
}

describe.each<Fault>(["away", "hangs", "crawls"])("while it %s", (fault) => {
	it("[K11] the database: lists are the last good page at once, and runs go on", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("a")]);
		await listed(place);
		// Three lists that hang are all that pass the gate for one owner.
		const places = [place];
		while (places.length < callsMin) places.push(await aRepo());
		await fakeTimers();
		const list = ({ path } = place) => worker.ask<Page<Run>>("GET", `${path}/runs`);
		await trouble("DB", fault, (at) => list(places[at]));
		expect(opened()).toMatchObject([{ dependency: "database", name: null }]);
		worker.break("DB", "hangs");
		const seen = await list();
		expect([seen.status, seen.body.stale, seen.body.items.length, seen.stale]).toEqual([200, true, 1, seen.body.asOf]);
		const unread = await worker.ask("GET", `${place.path}/runs?ref=never-asked`);
		expect([unread.status, unread.body.code, unread.retryAfter]).toEqual([503, "unavailable", "2"]);
		expect((await worker.ask<Run>("GET", `${place.path}/runs/${run.id}`)).body.id).toBe(run.id);
		expect((await worker.ask("POST", `${place.path}/runs`, { body: { jobs: [job("b")] } })).status).toBe(201);
		const ready = await worker.ready();
		expect([ready.status, ready.dependencies.database?.status]).toEqual(["degraded", "down"]);
		expect(ready.dependencies.database?.breaker).not.toBe("closed");
		await recovery(() => list());
		expect((await list()).body.stale).toBe(false);
		expect(closed()).toMatchObject([{ dependency: "database" }]);
		expect(await worker.ready()).toMatchObject({ status: "ok", dependencies: { database: { breaker: "closed" } } });
	});

	it("[K12] the archive: what needs it is refused at once, nothing that was not put is accepted, and all else goes on", async () => {
		const place = await aRepo();
		await fakeTimers();
		const letters = () => worker.ask("GET", "/v1/dead-letters");
		await trouble("ARCHIVE", fault, letters);
		expect(opened()).toMatchObject([{ dependency: "archive" }]);
		worker.break("ARCHIVE", "hangs");
		const refused = await letters();
		expect([refused.status, refused.body.code, refused.retryAfter]).toEqual([503, "unavailable", "2"]);
		expect((await worker.ask("POST", `${place.path}/runs`, { body: { jobs: [job("a")] } })).status).toBe(201);
		worker.break(`REPO ${place.owner}/${place.repo}`, "away");
		const lost = await worker.ask("POST", `${place.path}/runs`, { body: { jobs: [job("b")] } });
		expect([lost.status, lost.body.code]).toEqual([503, "unavailable"]);
		const ready = await worker.ready();
		expect([ready.status, ready.dependencies.archive?.status]).toEqual(["degraded", "down"]);
		await recovery(letters);
		expect((await letters()).status).toBe(200);
		expect((await worker.ask<Page<Run>>("GET", `${place.path}/queue`)).body).toMatchObject({ waiting: 1 });
		expect((await worker.ready()).status).toBe("ok");
	});

	it("[K11][K14] a repository's object: submissions are spilled and its runs' pages the last known ones at once; others are as ever", async () => {
		const [place, other] = [await aRepo(), await aRepo()];
		const run = await submit(place, [job("a")]);
		await listed(place);
		await fakeTimers();
		const page = ({ path }: Place, { id }: Run) => worker.ask<Run>("GET", `${path}/runs/${id}`);
		await trouble(`REPO ${place.owner}/${place.repo}`, fault, () => page(place, run));
		expect(opened()).toMatchObject([{ dependency: "repositories", name: `${place.owner}/${place.repo}` }]);
		worker.break(`REPO ${place.owner}/${place.repo}`, "hangs");
		const seen = await page(place, run);
		expect([seen.status, seen.body.id, seen.stale]).toEqual([200, run.id, new Date(seen.body.version).toISOString()]);
		const spilled = await worker.ask<Run>("POST", `${place.path}/runs`, { body: { jobs: [job("b")] } });
		expect([spilled.status, spilled.body.spilled, spilled.body.state]).toEqual([202, true, "accepted"]);
		const act = await worker.ask("POST", `${place.path}/runs/${run.id}/cancel`, { body: {} });
		expect([act.status, act.body.code]).toEqual([503, "unavailable"]);
		const taken = await worker.ask<Run>("POST", `${other.path}/runs`, { body: { jobs: [job("c")] } });
		expect([taken.status, (await page(other, taken.body)).stale]).toEqual([201, null]);
		const ready = await worker.ready();
		expect([ready.status, ready.dependencies.objects?.status]).toEqual(["degraded", "degraded"]);
		expect(ready.dependencies.objects?.breakers?.open).toMatchObject({ repositories: 1, pools: 0 });
		expect(JSON.stringify(ready)).not.toContain(place.owner);
		expect(JSON.stringify(await worker.ready({}))).toContain(`"name":"${place.owner}/${place.repo}"`);
		await recovery(() => page(place, run));
		expect((await page(place, run)).stale).toBeNull();
		expect((await worker.ready()).status).toBe("ok");
	});

	it("[K11] a pool's object: its figures are the last known ones at once, what would change it is refused, and submissions are taken", async () => {
		const place = await aRepo();
		await aRunner(place);
		await fakeTimers();
		const figures = () => worker.ask("GET", `/v1/pools/${place.owner}/default`);
		expect((await figures()).stale).toBeNull();
		await passTime(20_000);
		await trouble(`POOL ${place.owner}/default/0`, fault, figures);
		expect(opened()).toMatchObject([{ dependency: "pools", name: `${place.owner}/default/0` }]);
		worker.break(`POOL ${place.owner}/default/0`, "hangs");
		const seen = await figures();
		expect([seen.status, seen.stale === null]).toEqual([200, false]);
		const refused = await worker.ask("PATCH", `/v1/pools/${place.owner}/default`, { body: { paused: true } });
		expect([refused.status, refused.retryAfter]).toEqual([503, "2"]);
		expect((await worker.ask("POST", `${place.path}/runs`, { body: { jobs: [job("a")] } })).status).toBe(201);
		expect((await worker.ready()).dependencies.objects?.breakers?.open).toMatchObject({ pools: 1 });
		await recovery(figures);
		expect((await figures()).stale).toBeNull();
	});

	it("[K11] the queues: a bell that is not taken costs no submission its time", async () => {
		const place = await aRepo();
		worker.break(`REPO ${place.owner}/${place.repo}`, "away");
		await fakeTimers();
		const spill = () => worker.ask("POST", `${place.path}/runs`, { body: { jobs: [job("a")] } });
		await trouble("INTAKE", fault, spill);
		expect(opened().map(({ dependency }) => dependency)).toContain("queues");
		worker.break("INTAKE", "hangs");
		expect((await spill()).status).toBe(202);
		expect((await worker.ready()).dependencies.queues).toMatchObject({ status: "down" });
		worker.mend();
		worker.break(`REPO ${place.owner}/${place.repo}`, "away");
		await passTime(30_000);
		for (let probes = 0; probes < 3; probes++) await spill();
		expect((await worker.ready()).dependencies.queues).toMatchObject({ status: "ok", breaker: "closed" });
	});
});

it("[K8] a breaker refuses no call that a lease needs: start, append, steps, finish, heartbeat and acquire", async () => {
	const place = await aRepo();
	const run = await submit(place, [job("a"), job("b")]);
	await listed(place);
	const runner = await aRunner(place, { capacity: 2 });
	const { lease } = await grantOf(runner);
	stopClock();
	const page = () => worker.ask<Run>("GET", `${place.path}/runs/${run.id}`);
	const figures = () => worker.ask("GET", `/v1/pools/${place.owner}/default`);
	await trouble(`REPO ${place.owner}/${place.repo}`, "away", page);
	await trouble(`POOL ${place.owner}/default/0`, "away", figures);
	worker.mend();
	// Back, and not known to be: whoever may be answered otherwise still is.
	expect([(await page()).stale === null, (await figures()).status]).toEqual([false, 503]);
	const held = (path: string, body: unknown) => worker.ask("POST", `/v1/lease/${path}`, { token: lease.token, body });
	const octets = { "upload-offset": "0", "content-type": "application/octet-stream" };
	const answers = [
		await held("start", {}),
		await worker.ask("PATCH", "/v1/lease/log", { token: lease.token, body: "hello\n", headers: octets }),
		await held("steps", { steps: [] }),
		await worker.ask("POST", "/v1/runner/heartbeat", { token: runner.token, body: { leases: [lease.id] } }),
		await held("finish", { outcome: "passed", exitCode: 0, logLength: 6 }),
		await worker.ask("POST", "/v1/runner/acquire", { token: runner.token, body: { waitSeconds: 0, leases: [] } }),
	];
	expect(answers.map(({ status }) => status)).toEqual([200, 204, 204, 200, 200, 200]);
	expect([(await page()).stale === null, (await figures()).status]).toEqual([false, 503]);
	vi.useRealTimers();
	expect((await runOf(place, run)).counts).toMatchObject({ finished: 1 });
});
