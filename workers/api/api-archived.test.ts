// A run is read alike in its first week and after it, when it stands in the archive, by every route that reads it.
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { moveClock } from "../testing/clock-fixture.ts";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { RunEvent } from "../../src/contracts/http/streams/run-events.ts";
import type { LeaseIdentity } from "../../src/contracts/objects/objects.ts";
import type { Job, Run } from "../../src/contracts/http/run.ts";
import { parseJobId } from "../../src/domain/ids.ts";
import { archiveKey } from "../log/archive.ts";
import { eventually, logOf, repoOf, sealNow, startLease } from "../log/log-fixture.ts";
import { deleteOldLogs } from "../log/log-retention.ts";
import { archivedRunKey, runStore } from "../repo/repo-outside.ts";
import { fetchRaw, send } from "./api-fixture.ts";
import { FaultyWorker } from "./faults-fixture.ts";

const dayMs = 24 * 3_600_000;

afterEach(() => {
	vi.useRealTimers();
});

interface Ended {
	lease: LeaseIdentity;
	run: string;
	/** Of the run's repository. */
	path: string;
}

/** A run of one job, which printed two lines in one step and passed; its log is sealed, its end told. */
async function anEndedRun(settings: object = {}): Promise<Ended> {
	const lease = await startLease();
	const { owner, repo, job } = lease;
	orThrow(await repoOf(lease).configure({ owner, repo, request: settings, replace: false }));
	await logOf(lease).append(lease, 0, new TextEncoder().encode("it was\nhere\n"));
	const steps = [{ name: "say", exitCode: 0, startedAt: 1, finishedAt: 2, logStart: 0, logEnd: 12 }];
	const report = { outcome: "passed" as const, exitCode: 0, signal: null, reason: null, steps, logLength: 12 };
	orThrow(await repoOf(lease).finish(lease, { ...report, logSha256: null, retryAfterSeconds: null }));
	await eventually(async () => (await env.ARCHIVE.head(archiveKey(lease))) !== null);
	await sealNow(lease);
	return { lease, run: parseJobId(job)?.run ?? "", path: `/v1/repos/${owner}/${repo}` };
}

async function archive({ lease, run }: Ended): Promise<void> {
	// Until the read model has its end it would stay.
	await eventually(async () => (await openJobs(lease)) === 0);
	moveClock(8 * dayMs);
	await runDurableObjectAlarm(repoOf(lease));
	expect(await env.ARCHIVE.head(archivedRunKey(lease, run))).not.toBeNull();
}

async function openJobs(lease: LeaseIdentity): Promise<number> {
	const count = "SELECT COUNT(*) AS n FROM job WHERE open = 1";
	return runInDurableObject(repoOf(lease), (_, { storage }) => storage.sql.exec<{ n: number }>(count).one().n);
}

/** What there is of a run: to be read, in the read model, and in the archive. */
async function traces({ lease, run, path }: Ended): Promise<string[]> {
	const { items } = (await send<{ items: Run[] }>("GET", `${path}/runs`)).body;
	const object = await env.ARCHIVE.head(archivedRunKey(lease, run));
	return [
		codeOf(await answerOf(`${path}/runs/${run}`)),
		codeOf(await answerOf(`${path}/jobs/${lease.job}`)),
		`${items.length} listed`,
		`${object === null ? 0 : 1} archived`,
	];
}

/** One after the other: some of these calls are dear, and a token has four of those under way. */
async function answersOf(routes: readonly string[]): Promise<string[]> {
	const answers: string[] = [];
	for (const route of routes) answers.push(await answerOf(route));
	return answers;
}

/** Why the same submission is refused, without its key; null: it was accepted, as another run of the same id. */
async function refusedAgain({ lease, run }: Ended): Promise<string | null> {
	const submission = { source: null, title: null, trigger: "api" as const, actor: "test", cancelSuperseded: false };
	const call = { run, key: null, digest: "", submission: { ...submission, jobs: [{ key: "build", run: "true" }] } };
	const answered = await repoOf(lease).submit(call);
	return answered.ok ? null : answered.refusal.code;
}

/** What an answer says; of events that never end the first. What tells only the time of the answer is left out. */
async function answerOf(path: string): Promise<string> {
	const response = await fetchRaw("GET", path);
	const text = path.endsWith("/events")
		? await firstEvent(response)
		: new TextDecoder().decode(await response.arrayBuffer());
	return `${response.status} ${text.replaceAll(/"(asOf|requestId)":"[^"]*"/g, "")}`;
}

function codeOf(answer: string): string {
	const { 1: status, 2: code } = /^(\d+)(?:.*"code":"([a-z-]+)")?/.exec(answer) ?? [];
	return [status, code].join(" ").trim();
}

async function firstEvent({ body }: Response): Promise<string> {
	const reader = body?.getReader();
	const { value } = (await reader?.read()) ?? {};
	await reader?.cancel();
	const data = new TextDecoder().decode(value).split("data: ")[1];
	const { seq: _, ...event } = JSON.parse(data ?? "null") as RunEvent;
	return JSON.stringify(event);
}

describe("a run in the archive", () => {
	it("[W42][L16][L21] is read by every route as it was before", async () => {
		const ended = await anEndedRun();
		const { run, path, lease } = ended;
		const job = `${path}/jobs/${lease.job}`;
		const log = `${job}/attempts/1/log`;
		const other = lease.job.replace(/-0$/, "-7");
		const routes = [
			...[`${path}/runs`, `${path}/runs/${run}`, `${path}/runs/${run}/jobs`, `${path}/runs/${run}/events`],
			...[job, `${job}/log/live`, log, `${log}/live`, `${log}/live?from=7`, `${log}/search?q=here`],
			...[`${log}?tail=1`, `${log}?timestamps=1`, `${log}?format=ndjson`],
			...[`${job}/attempts/2/log`, `${job}/attempts/2/log/live`, `${job}/attempts/2/log/search?q=a`],
			...[`${path}/jobs/${other}`, `${path}/jobs/${other}/log/live`, `${path}/jobs/${other}/attempts/1/log`],
		];
		// The read model is told in its own time.
		await eventually(async () => (await answerOf(`${path}/runs`)).includes('"finished"'));
		const before = await answersOf(routes);
		await archive(ended);
		const after = await answersOf(routes);
		expect(Object.fromEntries(routes.map((route, at) => [route, after[at]]))).toEqual(
			Object.fromEntries(routes.map((route, at) => [route, before[at]])),
		);
		const statuses = after.map((answer) => Number(answer.slice(0, 3)));
		expect(statuses).toEqual([...Array<number>(13).fill(200), ...Array<number>(6).fill(404)]);
	});

	it("[A47] is read by its number and its jobs' keys as by their ids, and brought back by them", async () => {
		const ended = await anEndedRun();
		const { run, path, lease } = ended;
		await archive(ended);
		const job = `${path}/jobs/${lease.job}`;
		const named = `${path}/runs/1/jobs/build`;
		for (const [name, id] of [
			[`${path}/runs/1`, `${path}/runs/${run}`],
			[`${path}/runs/latest/jobs`, `${path}/runs/${run}/jobs`],
			[named, job],
			[`${path}/runs/1/jobs/${lease.job}`, job],
			[`${named}/attempts/1/log`, `${job}/attempts/1/log`],
			[`${named}/log/live`, `${job}/log/live`],
		] as const) {
			const answer = await answerOf(name);
			expect(answer).toBe(await answerOf(id));
			expect(answer).toMatch(/^200 /);
		}
		expect(codeOf(await answerOf(`${path}/runs/1/jobs/other`))).toBe("404 job-unknown");
		expect((await send<Job>("POST", `${named}/retry`)).body).toMatchObject({ id: lease.job, state: "waiting" });
	});

	it("[A48] has its number until nothing is left of it and of those that stand in one row with it", async () => {
		const { lease, path } = await anEndedRun();
		const body = { jobs: [{ key: "a", run: "true" }] };
		let last = "";
		for (let number = 2; number <= 64; number++) last = (await send<Run>("POST", `${path}/runs`, { body })).body.id;
		expect((await send("POST", `${path}/cancel`, { body: { state: ["waiting"] } })).status).toBe(202);
		await eventually(async () => (await openJobs(lease)) === 0);
		moveClock(8 * dayMs);
		const numbers = "SELECT COUNT(*) AS n FROM run_number";
		const rows = () =>
			runInDurableObject(repoOf(lease), (_, { storage }) => storage.sql.exec<{ n: number }>(numbers).one().n);
		const work = async () => {
			for (let slice = 0; slice < 6; slice++) await runDurableObjectAlarm(repoOf(lease));
		};
		await work();
		expect(await rows()).toBe(1);
		expect((await send<Run>("GET", `${path}/runs/64`)).body.id).toBe(last);
		moveClock(200 * dayMs);
		await work();
		expect(await rows()).toBe(0);
		expect(codeOf(await answerOf(`${path}/runs/1`))).toBe("404 run-unknown");
	});

	it("[L28] says that its log was deleted once that has outlived its days, also when a retry brings it back", async () => {
		const ended = await anEndedRun({ retentionDays: 30 });
		const { run, path, lease } = ended;
		await archive(ended);
		await deleteOldLogs(env, Date.now());
		const routes = [`${path}/jobs/${lease.job}/attempts/1/log`, `${path}/jobs/${lease.job}/attempts/1/log/live`];
		const stateOf = async () => {
			const { attempts } = (await send<Job>("GET", `${path}/jobs/${lease.job}`)).body;
			return [attempts[0]?.log.state, ...(await answersOf(routes)).map(codeOf)];
		};
		expect(await stateOf()).toEqual(["sealed", "200", "200"]);
		moveClock(30 * dayMs);
		await deleteOldLogs(env, Date.now());
		expect(await stateOf()).toEqual(["deleted", "410 log-deleted", "410 log-deleted"]);
		const shown = (await send<Run>("GET", `${path}/runs/${run}`)).body;
		const log = { state: "deleted", length: 12, sha256: expect.any(String), missing: [] };
		expect(shown.jobs?.[0]?.attempts[0]?.log).toEqual(log);
		expect((await send("POST", `${path}/runs/${run}/retry`, { body: { only: "all" } })).status).toBe(202);
		expect(await stateOf()).toEqual(["deleted", "410 log-deleted", "410 log-deleted"]);
	});

	it("[W53][L21] is followed on when a retry brings it back", async () => {
		const ended = await anEndedRun();
		await archive(ended);
		const { run, path } = ended;
		const response = await fetchRaw("GET", `${path}/runs/${run}/events`);
		const reader = response.body?.getReader();
		await reader?.read();
		expect((await send("POST", `${path}/runs/${run}/retry`, { body: { only: "all" } })).status).toBe(202);
		const { value } = (await reader?.read()) ?? {};
		await reader?.cancel();
		const job = { state: "waiting" } satisfies Partial<Job>;
		expect(JSON.parse(new TextDecoder().decode(value).split("data: ")[1] ?? "")).toMatchObject({ type: "job", job });
	});

	it("[W58] is kept as long as its logs are, and 90 days at least; then nothing of it is left but its id", async () => {
		const [short, long] = [await anEndedRun({ retentionDays: 1 }), await anEndedRun({ retentionDays: 365 })];
		for (const ended of [short, long]) await archive(ended);
		const later = async (days: number) => {
			moveClock(days * dayMs);
			for (const { lease } of [short, long]) await runDurableObjectAlarm(repoOf(lease));
			return [await traces(short), await traces(long)];
		};
		const whole = ["200", "200", "1 listed", "1 archived"];
		const gone = ["404 run-unknown", "404 job-unknown", "0 listed", "0 archived"];
		expect(await later(80)).toEqual([whole, whole]);
		expect(await later(20)).toEqual([gone, whole]);
		expect((await fetchRaw("GET", `${long.path}/jobs/${long.lease.job}/attempts/1/log`)).status).toBe(200);
		expect(codeOf(await answerOf(`${long.path}/runs/${long.run}`))).toBe("200");
		expect((await send("POST", `${short.path}/runs/${short.run}/retry`, { body: { only: "all" } })).status).toBe(404);
		expect(await refusedAgain(short)).toBe("run-archived");
		expect(await later(300)).toEqual([gone, gone]);
		expect([await refusedAgain(short), await refusedAgain(long)]).toEqual([null, "run-archived"]);
	});

	it("[W58] that could not be deleted is deleted by a later round", async () => {
		const ended = await anEndedRun();
		await archive(ended);
		await env.DB.exec("ALTER TABLE run RENAME TO run_away");
		moveClock(100 * dayMs);
		await runDurableObjectAlarm(repoOf(ended.lease));
		await env.DB.exec("ALTER TABLE run_away RENAME TO run");
		expect(await env.ARCHIVE.head(archivedRunKey(ended.lease, ended.run))).not.toBeNull();
		expect(codeOf(await answerOf(`${ended.path}/runs/${ended.run}`))).toBe("404 run-unknown");
		moveClock(3_600_000);
		await runDurableObjectAlarm(repoOf(ended.lease));
		expect(await traces(ended)).toEqual(["404 run-unknown", "404 job-unknown", "0 listed", "0 archived"]);
	});

	it("[W58] without any log is kept as long as its logs would be", async () => {
		const { lease, path } = await anEndedRun({ retentionDays: 365 });
		const { id: run } = (await send<Run>("POST", `${path}/runs`, { body: { jobs: [{ key: "a", run: "true" }] } })).body;
		expect((await send("POST", `${path}/runs/${run}/cancel`)).status).toBe(202);
		await archive({ lease, run, path });
		moveClock(300 * dayMs);
		await runDurableObjectAlarm(repoOf(lease));
		expect(codeOf(await answerOf(`${path}/runs/${run}`))).toBe("200");
	});
});

it("[K15] while the archive is away a run in it is shown as the read model has it, and what needs it whole is refused with 503", async () => {
	vi.spyOn(console, "error").mockImplementation(() => undefined);
	const ended = await anEndedRun();
	await archive(ended);
	const worker = new FaultyWorker();
	worker.break("ARCHIVE", "away");
	const page = await worker.ask<Run>("GET", `${ended.path}/runs/${ended.run}`);
	expect([page.status, page.body.outcome, page.body.jobs]).toEqual([200, "passed", undefined]);
	expect(page.stale).toBe(new Date(page.body.version).toISOString());
	const jobs = await worker.ask("GET", `${ended.path}/runs/${ended.run}/jobs`);
	expect([jobs.status, jobs.body.code, jobs.retryAfter]).toEqual([503, "unavailable", "2"]);
	await worker.end();
	vi.restoreAllMocks();
});

it("[K15] the store of archived runs is out of reach when its bucket fails, whatever is asked of it", async () => {
	const fails = () => Promise.reject(Object.assign(new Error("Network connection lost."), { retryable: true }));
	const store = runStore({ ...env, ARCHIVE: { get: fails, put: fails, delete: fails } } as never);
	const name = { owner: "acme", repo: "web" };
	const calls = [store.get(name, "r1"), store.put(name, "r1", "{}"), store.delete(name, ["r1"])];
	for (const call of calls) await expect(call).rejects.toMatchObject({ name: "Outage" });
});
