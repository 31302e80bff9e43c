// What becomes of an attempt's end: its log held to the digest that was declared, its steps as they were told, and the same end
// told again.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Problem } from "../../src/contracts/http/problem.ts";
import type { Attempt, Job } from "../../src/contracts/http/run.ts";
import type { Grant } from "../../src/contracts/http/runner.ts";
import { exclusiveMarginMs, logLeftGraceMs, overrunMarginMs } from "../../src/domain/limits.ts";
import { eventually, logOf, repoOf, sha256 } from "../log/log-fixture.ts";
import type { Place } from "./api-fixture.ts";
import {
	append,
	aRepo,
	aRunner,
	finish,
	grantOf,
	job,
	lease,
	refusal,
	running,
	send,
	states,
	submit,
} from "./api-fixture.ts";

afterEach(() => {
	vi.useRealTimers();
});

const digestOf = (text: string) => sha256(new TextEncoder().encode(text));

async function jobOf(place: Place, grant: Grant): Promise<Job> {
	return (await send<Job>("GET", `${place.path}/jobs/${grant.job.id}`)).body;
}

function logNameOf({ repository, job: { id, attempt } }: Grant) {
	return { ...repository, job: id, attempt };
}

const leaseOf = (grant: Grant) => ({
	...grant.repository,
	...{ pool: "default", shard: 0, job: grant.job.id, attempt: grant.job.attempt, epoch: grant.lease.epoch },
});

/** The attempt once its log is sealed. */
async function sealedOf(place: Place, grant: Grant): Promise<Attempt> {
	let found: Attempt | undefined;
	await eventually(async () => {
		await runDurableObjectAlarm(logOf(logNameOf(grant)));
		found = (await jobOf(place, grant)).attempts[grant.job.attempt - 1];
		return !["live", "sealing"].includes(found?.log.state ?? "");
	});
	if (found === undefined) throw new Error("no such attempt");
	return found;
}

/** The same of an attempt whose runner never comes back: first its log waits for that. Leaves the clock where it was. */
async function lostOf(place: Place, grant: Grant): Promise<{ waiting: Attempt; sealed: Attempt }> {
	let waiting: Attempt | undefined;
	await eventually(async () => {
		waiting = (await jobOf(place, grant)).attempts[grant.job.attempt - 1];
		return waiting?.log.state === "sealing";
	});
	if (waiting === undefined) throw new Error("no such attempt");
	const wasFake = vi.isFakeTimers();
	const now = Date.now();
	vi.useFakeTimers({ toFake: ["Date"], now: now + 2 * logLeftGraceMs });
	const sealed = await sealedOf(place, grant);
	if (wasFake) vi.setSystemTime(now);
	else vi.useRealTimers();
	return { waiting, sealed };
}

describe("a declared digest", () => {
	it("[L8] that is another one's makes the log a mismatch and leaves the outcome alone", async () => {
		const place = await aRepo();
		await submit(place, [job("a"), job("b")]);
		const [wrong, right] = [await running(place), await running(place)];
		await append(wrong, 0, "actual bytes");
		await finish(wrong, "passed", { logLength: 12, logSha256: digestOf("declared!!!!") });
		await append(right, 0, "actual bytes");
		await finish(right, "passed", { logLength: 12, logSha256: digestOf("actual bytes") });
		const log = { length: 12, sha256: digestOf("actual bytes"), missing: [] };
		expect((await sealedOf(place, wrong)).log).toEqual({ ...log, state: "mismatch" });
		expect((await sealedOf(place, right)).log).toEqual({ ...log, state: "sealed" });
		expect(await jobOf(place, wrong)).toMatchObject({ outcome: "passed", attempts: [{ outcome: "passed" }] });
	});

	it("[L8] is handed over again with an end that its log never heard of", async () => {
		const place = await aRepo();
		await submit(place, [job("a")]);
		const grant = await running(place);
		const name = logNameOf(grant);
		await append(grant, 0, "actual");
		await finish(grant, "passed", { logLength: 12, logSha256: digestOf("declared!!!!") });
		await eventually(async () => (await logOf(name).status())?.record.state === "sealing");
		await runInDurableObject(logOf(name), (_, { storage }) => {
			storage.kv.put("log", { ...storage.kv.get<object>("log"), closed: null });
		});
		await evictDurableObject(logOf(name));
		expect((await logOf(name).status())?.record.state).toBe("live");
		await evictDurableObject(repoOf(place));
		await jobOf(place, grant);
		await repoOf(place).sweep([]);
		await append(grant, 6, " bytes");
		expect((await sealedOf(place, grant)).log).toMatchObject({ state: "mismatch", sha256: digestOf("actual bytes") });
	});
});

describe("steps that the end does not name", () => {
	const at = "2026-01-02T03:04:05.678Z";
	const ended = { name: "one", exitCode: 0, startedAt: at, finishedAt: at, logStart: 0, logEnd: 3 };
	const open = { name: "two", exitCode: null, startedAt: at, finishedAt: null, logStart: 3, logEnd: null };

	async function told(place: Place, request: object = {}): Promise<Grant> {
		await submit(place, [job("a", request)]);
		const grant = await running(place);
		await append(grant, 0, "abc");
		await lease("steps", grant, { steps: [{ ...ended, name: "other" }] });
		await lease("steps", grant, { steps: [ended, { name: "two", startedAt: at, logStart: 3 }] });
		return grant;
	}

	it("[D16] are those that were told last, from the finish on", async () => {
		const place = await aRepo();
		const grant = await told(place);
		// A byte is missing, so that the log is not sealed yet.
		expect((await finish(grant, "passed", { logLength: 4 })).status).toBe(200);
		await eventually(async () => (await jobOf(place, grant)).attempts[0]?.log.state === "sealing");
		expect((await jobOf(place, grant)).attempts[0]?.steps).toEqual([ended, open]);
		await append(grant, 3, "d");
		expect(await sealedOf(place, grant)).toMatchObject({ log: { state: "sealed", length: 4 }, steps: [ended, open] });
	});

	it("[D16] are the end's own where it names any", async () => {
		const place = await aRepo();
		const grant = await told(place);
		await finish(grant, "passed", { logLength: 3, steps: [ended] });
		expect((await sealedOf(place, grant)).steps).toEqual([ended]);
	});

	it("[D16] of a lost runner, of one that was not waited for, and of one past its timeout", async () => {
		const place = await aRepo();
		const lost = await told(place, { onLost: "fail" });
		await repoOf(place).expire([leaseOf(lost)], 30_000);
		for (const attempt of Object.values(await lostOf(place, lost))) {
			expect(attempt).toMatchObject({ outcome: "lost", steps: [ended, open] });
		}
		const forced = await told(place);
		await send("POST", `${place.path}/jobs/${forced.job.id}/cancel`, { body: { force: true } });
		expect((await lostOf(place, forced)).sealed).toMatchObject({ outcome: "canceled", steps: [ended, open] });
		const late = await told(place, { timeoutSeconds: 1 });
		vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 1_000 + overrunMarginMs });
		await runDurableObjectAlarm(repoOf(place));
		expect((await lostOf(place, late)).sealed).toMatchObject({ outcome: "timed-out", steps: [ended, open] });
	});

	it("[D16] stay when the log is deleted", async () => {
		const place = await aRepo();
		const grant = await told(place);
		await finish(grant, "passed", { logLength: 3 });
		const { log } = await sealedOf(place, grant);
		const record = { ...log, state: "deleted" as const };
		await repoOf(place).logSealed({ job: grant.job.id, attempt: 1, record });
		expect((await jobOf(place, grant)).attempts[0]).toMatchObject({ log: { state: "deleted" }, steps: [ended, open] });
	});
});

describe("another end", () => {
	it("[D4][A30] than the one that was told is refused, and changes nothing; the same again gets its answer", async () => {
		const place = await aRepo();
		await submit(place, [job("a", { retry: { maxAttempts: 2, backoff: { initialSeconds: 3_000 } } })]);
		const grant = await running(place);
		const step = { name: "one", exitCode: 1 };
		const report = { outcome: "failed", exitCode: 1, logLength: 0, reason: "exit 1", steps: [step] };
		expect((await lease("finish", grant, report)).status).toBe(200);
		const { attempts } = await jobOf(place, grant);
		for (const other of [
			...[{ outcome: "passed" }, { exitCode: 2 }, { signal: "SIGKILL" }, { reason: "exit 2" }, { logLength: 99 }],
			...[
				{ logSha256: digestOf("x") },
				{ steps: [] },
				{ steps: [{ ...step, logEnd: 1 }] },
				{ platformFault: "drained" },
			],
			...[{ retryAfterSeconds: 1 }, { commit: "0".repeat(40) }],
		]) {
			const answer = await lease<Problem>("finish", grant, { ...report, ...other });
			expect([other, answer.status, answer.body.code]).toEqual([other, 409, "lease-stale"]);
			expect(answer.headers.get("lease-state")).toBe("lost");
		}
		await evictDurableObject(repoOf(place));
		const again = await lease("finish", grant, { ...report, signal: null, commit: null });
		expect([again.status, again.headers.get("lease-state")]).toEqual([200, "ok"]);
		const withoutLog = (all: Attempt[]) => all.map((attempt) => ({ ...attempt, log: null }));
		expect(withoutLog((await jobOf(place, grant)).attempts)).toEqual(withoutLog(attempts));
	});

	it("[D4] is known also of what was canceled or drained, whose outcome is not the one that was told", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("a"), job("b")]);
		const [canceled, drained] = [await running(place), await running(place)];
		await send("POST", `${place.path}/jobs/${canceled.job.id}/cancel`);
		const drain = { platformFault: "drained" };
		for (const code of [200, 200]) {
			expect((await finish(canceled, "failed")).status).toBe(code);
			expect((await finish(drained, "canceled", drain)).status).toBe(code);
		}
		expect((await finish(canceled, "canceled")).status).toBe(409);
		expect((await finish(drained, "canceled")).status).toBe(409);
		expect(await states(place, run)).toBe("a:canceled b:waiting");
	});
});

describe("a lease that has not started", () => {
	it("[D4][A29] is told so, and that it is in order, whatever it reports; then it starts", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("a")]);
		const grant = await grantOf(await aRunner(place));
		const early = [
			await append(grant, 0, "early"),
			await lease("steps", grant, { steps: [{ name: "one" }] }),
			await finish(grant),
		];
		for (const { status, body, headers } of early) {
			expect([status, (body as Problem).code, headers.get("lease-state")]).toEqual([409, "lease-not-started", "ok"]);
		}
		const call = { token: grant.lease.token, headers: { upgrade: "websocket" } };
		expect(await refusal("GET", "/v1/lease/log/feed", call)).toBe("409 lease-not-started");
		expect(await states(place, run)).toBe("a:leased");
		expect((await lease("start", grant)).status).toBe(200);
		expect((await append(grant, 0, "now")).status).toBe(204);
		expect((await finish(grant, "passed", { logLength: 3 })).body.job.outcome).toBe("passed");
	});
});

describe("a lost exclusive job whose slot is still held", () => {
	const exclusive = { concurrencyGroup: "deploy", onLost: "retry" };

	it.each([
		["begun before", true],
		["not begun", false],
	])("[J17][D12] hears `lost`, and its log, %s, its steps and its end are taken", async (_, isBegun) => {
		const place = await aRepo();
		const run = await submit(place, [job("a", exclusive), job("b", exclusive)]);
		const grant = await running(place);
		if (isBegun) expect((await append(grant, 0, "abc")).headers.get("lease-state")).toBe("ok");
		await repoOf(place).expire([leaseOf(grant)], 30_000);
		await vi.waitFor(async () => {
			const late = await append(grant, isBegun ? 3 : 0, "");
			expect([late.status, late.headers.get("lease-state")]).toEqual([204, "lost"]);
		});
		expect((await append(grant, 0, "abcdef")).headers.get("upload-offset")).toBe("6");
		const steps = [{ name: "one", exitCode: 0, logStart: 0, logEnd: 9 }];
		const told = await lease("steps", grant, { steps });
		expect([told.status, told.headers.get("lease-state")]).toEqual([204, "lost"]);
		expect(await states(place, run)).toBe("a:running b:waiting");
		const end = await finish(grant, "passed", { logLength: 9 });
		expect([end.status, end.headers.get("lease-state")]).toEqual([200, "ok"]);
		await eventually(async () => (await logOf(logNameOf(grant)).status())?.record.state === "sealing");
		expect((await append(grant, 6, "ghi")).headers.get("lease-state")).toBe("ok");
		expect(await sealedOf(place, grant)).toMatchObject({
			outcome: "passed",
			log: { state: "sealed", length: 9, sha256: digestOf("abcdefghi") },
			steps: [{ name: "one", logEnd: 9 }],
		});
		expect((await running(place)).job.key).toBe("b");
	});

	it("[J17] is over when the hold is: what it reports then is stale, and what it told of its log is kept", async () => {
		const place = await aRepo();
		await submit(place, [job("a", { ...exclusive, onLost: "fail" })]);
		const grant = await running(place);
		await repoOf(place).expire([leaseOf(grant)], 30_000);
		expect((await append(grant, 0, "abc")).status).toBe(204);
		vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + exclusiveMarginMs });
		await runDurableObjectAlarm(repoOf(place));
		vi.useRealTimers();
		const log = { state: "partial", length: 3, missing: [{ from: 3, to: null }] };
		expect((await lostOf(place, grant)).sealed).toMatchObject({ outcome: "lost", log });
		for (const { status, headers } of [await append(grant, 3, "d"), await finish(grant, "passed", { logLength: 3 })]) {
			expect([status, headers.get("lease-state")]).toEqual([409, "lost"]);
		}
	});
});
