// A lease that is kept alive by the upload socket of its log, which passes by the Worker.
import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { moveClock } from "../testing/clock-fixture.ts";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { LeaseIdentity } from "../../src/contracts/objects/objects.ts";
import { parseLeaseId } from "../../src/domain/ids.ts";
import { SessionRunner } from "../pool/pool-fixture.ts";
import { PoolObject } from "../pool/pool-object.ts";
import type { Repo } from "../repo/queue-fixture.ts";
import { acquire, aJob, anIdentity, aRepository, poolOf, register, repoOf, submit } from "../repo/queue-fixture.ts";
import { Uploader } from "./log-fixture.ts";

afterEach(() => {
	vi.useRealTimers();
	vi.restoreAllMocks();
});

const byte = new Uint8Array(1);

function renewals() {
	return vi.spyOn(PoolObject.prototype, "renew").mock.settledResults;
}

async function started(repo: Repo, grant: { lease: { id: string }; job: { attempt: number } }): Promise<LeaseIdentity> {
	const { job, epoch } = parseLeaseId(grant.lease.id) ?? { job: "", epoch: 0 };
	const lease = { ...repo, shard: 0, job, attempt: grant.job.attempt, epoch };
	orThrow(await repoOf(repo).start(lease));
	return lease;
}

async function stateOf(lease: LeaseIdentity): Promise<string> {
	return orThrow(await repoOf(lease).job(lease.job)).state;
}

/** Frames every 12 s for more than a minute, each renewal waited for; the pool looks for quiet leases all the while. */
async function uploadForLong(lease: LeaseIdentity, uploader: Uploader, renewed: unknown[]): Promise<void> {
	for (let sent = 0; sent < 6; sent++) {
		moveClock(12_000);
		const before = renewed.length;
		uploader.send(sent, byte);
		await uploader.acknowledged();
		await vi.waitFor(() => expect(renewed.length).toBeGreaterThan(before));
		await runDurableObjectAlarm(poolOf(lease));
	}
}

describe("a lease whose log comes by a socket", () => {
	it("[L33] lives as long as frames come, without any call, at one renewal in ten seconds", async () => {
		const repo = await aRepository();
		const identity = await register(anIdentity(repo));
		await submit(repo, [aJob("a")]);
		const grant = await acquire(identity, null);
		if (grant === null) throw new Error("no grant");
		const lease = await started(repo, grant);
		const renewed = renewals();
		const uploader = await Uploader.open(lease);
		await uploader.acknowledged();
		await uploadForLong(lease, uploader, renewed);
		expect(await stateOf(lease)).toBe("running");
		const before = renewed.length;
		for (let sent = 6; sent < 12; sent++) {
			moveClock(1_000);
			uploader.send(sent, byte);
			await uploader.acknowledged();
		}
		moveClock(9_000);
		uploader.send(12, byte);
		await uploader.acknowledged();
		await vi.waitFor(() => expect(renewed.length).toBeGreaterThan(before));
		expect(renewed.length).toBe(before + 1);
	});

	it("[L33] is left to its session's pings while there is one, and lives by its frames again without", async () => {
		const repo = await aRepository();
		const runner = await SessionRunner.connect(anIdentity(repo));
		runner.hello();
		await submit(repo, [aJob("a")]);
		const grant = await runner.grant();
		const lease = await started(repo, grant);
		await runner.helloHeard([grant.lease.id]);
		const renewed = renewals();
		const uploader = await Uploader.open(lease);
		await uploader.acknowledged();
		await vi.waitFor(() => expect(renewed).toMatchObject([{ value: { again: false } }]));
		for (let sent = 0; sent < 3; sent++) {
			moveClock(12_000);
			uploader.send(sent, byte);
			await uploader.acknowledged();
		}
		expect(renewed.length).toBe(1);
		runner.close();
		await vi.waitFor(async () => {
			uploader.send(0, byte);
			await uploader.acknowledged();
			expect(renewed.length).toBe(2);
		});
		await uploadForLong(lease, uploader, renewed);
		expect(await stateOf(lease)).toBe("running");
	});
});
