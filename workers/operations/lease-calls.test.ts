// The lease's operations with the real objects behind their ports, and no HTTP before them.
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { LeaseIdentity } from "../../src/contracts/objects/objects.ts";
import { parseLeaseId } from "../../src/domain/ids.ts";
import { appendBytesMax } from "../../src/domain/limits.ts";
import { KnownLeases } from "../../src/operations/leases/known-leases.ts";
import {
	appendLog,
	finishAttempt,
	lookAtLease,
	startAttempt,
	tellSteps,
} from "../../src/operations/leases/lease-calls.ts";
import type { Ports } from "../../src/operations/ports.ts";
import type { Env } from "../env.ts";
import { PoolObject } from "../pool/pool-object.ts";
import { acquire, aJob, anIdentity, aReport, aRepository, register, repoOf, submit } from "../repo/queue-fixture.ts";
import { RepoObject } from "../repo/repo-object.ts";
import { moveClock } from "../testing/clock-fixture.ts";
import { wire } from "../wire.ts";

let after: Promise<unknown>[] = [];
const byte = new Uint8Array([10]);

beforeEach(() => {
	after = [];
});

afterEach(() => {
	vi.useRealTimers();
	vi.restoreAllMocks();
});

/** As for another process: it knows nothing of any lease. */
function newPorts(): Ports {
	return {
		...wire(env as unknown as Env, (work) => after.push(work)),
		leases: new KnownLeases(),
		now: () => Date.now(),
	};
}

async function aLease(): Promise<LeaseIdentity> {
	const repo = await aRepository();
	const runner = await register(anIdentity(repo));
	await submit(repo, [aJob("a")]);
	const grant = await acquire(runner);
	const { job, epoch } = parseLeaseId(grant?.lease.id ?? "") ?? { job: "", epoch: 0 };
	return { ...repo, shard: 0, job, attempt: grant?.job.attempt ?? 0, epoch };
}

async function aStarted(ports: Ports): Promise<LeaseIdentity> {
	const lease = await aLease();
	orThrow(await startAttempt(ports, lease));
	return lease;
}

async function renewals(): Promise<number> {
	await Promise.all(after);
	return vi.mocked(PoolObject.prototype.renew).mock.calls.length;
}

describe("a lease's operations", () => {
	it("[O3] renew it at its pool, all together once in a heartbeat, and only while it is alive", async () => {
		vi.spyOn(PoolObject.prototype, "renew");
		const ports = newPorts();
		const lease = await aStarted(ports);
		orThrow(await appendLog(ports, lease, { offset: 0, bytes: byte, kind: "live" }));
		expect(await renewals()).toBe(0);
		moveClock(11_000);
		orThrow(await appendLog(ports, lease, { offset: 1, bytes: byte, kind: "live" }));
		orThrow(await tellSteps(ports, lease, []));
		await lookAtLease(ports, lease);
		expect(await renewals()).toBe(1);
		orThrow(await tellSteps(newPorts(), lease, []));
		expect(await renewals()).toBe(2);
		orThrow(await finishAttempt(ports, lease, aReport({ logLength: 2 })));
		moveClock(11_000);
		expect(await lookAtLease(ports, lease)).toBe("lost");
		expect(await tellSteps(ports, lease, [])).toMatchObject({ refusal: { code: "lease-stale" } });
		expect(await renewals()).toBe(2);
	});

	it("[O3] what a killed runner had left renews nothing", async () => {
		vi.spyOn(PoolObject.prototype, "renew");
		const lease = await aStarted(newPorts());
		orThrow(await appendLog(newPorts(), lease, { offset: 0, bytes: byte, kind: "left" }));
		expect(await renewals()).toBe(0);
		orThrow(await appendLog(newPorts(), lease, { offset: 1, bytes: byte, kind: "live" }));
		expect(await renewals()).toBe(1);
	});

	it("[O4] say that it is canceling within 5 s, and ask its repository no more often for that", async () => {
		const ports = newPorts();
		const lease = await aStarted(ports);
		const asked = vi.spyOn(RepoObject.prototype, "lease");
		const state = async () => orThrow(await tellSteps(ports, lease, [])).lease;
		expect([await state(), await state()]).toEqual(["ok", "ok"]);
		orThrow(await repoOf(lease).cancelJob({ job: lease.job, actor: "dev", reason: null, force: false }));
		moveClock(5_000);
		const before = asked.mock.calls.length;
		const append = await appendLog(ports, lease, { offset: 0, bytes: byte, kind: "live" });
		expect(orThrow(append).lease).toBe("canceling");
		expect(await state()).toBe("canceling");
		moveClock(60_000);
		expect(await state()).toBe("canceling");
		expect(asked.mock.calls.length).toBe(before + 1);
	});

	it("[O5] take no more at a time, and keep no longer a reason, than they say, whatever door it came by", async () => {
		const ports = newPorts();
		const lease = await aStarted(ports);
		const bytes = new Uint8Array(appendBytesMax + 1);
		const refused = await appendLog(ports, lease, { offset: 0, bytes, kind: "live" });
		expect(refused).toEqual({ ok: false, refusal: { code: "too-large", max: appendBytesMax } });
		const reason = `${"x".repeat(499)}\u{1f600}`;
		const { job } = orThrow(await finishAttempt(ports, lease, aReport({ outcome: "failed", reason })));
		expect(job.attempts.at(-1)?.reason).toBe(`${"x".repeat(499)}\ufffd`);
	});
});
