// Leases that nobody looks after any more, in the real runtime: the pool forgot one, or the pool's alarm is gone.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { moveClock } from "../testing/clock-fixture.ts";
import { orThrow } from "../../src/doors/http/answer.ts";
import { parseKeys, readToken } from "../../src/auth/token.ts";
import type { LeaseIdentity } from "../../src/contracts/objects/objects.ts";
import { PoolObject } from "../pool/pool-object.ts";
import type { Repo } from "./queue-fixture.ts";
import { acquire, aJob, anIdentity, aReport, aRepository, heartbeat, poolOf, repoOf, submit } from "./queue-fixture.ts";

afterEach(() => {
	vi.useRealTimers();
	vi.restoreAllMocks();
});

/** A job that runs, its lease held by the pool; neither has anything due for a while. */
async function held(): Promise<{ repo: Repo; id: string; lease: LeaseIdentity }> {
	const repo = await aRepository();
	await submit(repo, [aJob("a")]);
	await vi.waitFor(async () => expect((await poolOf(repo).figures()).waiting).toBe(1));
	const grant = await acquire(anIdentity(repo), []);
	const lease = readToken(parseKeys(env.SPILLWAY_SIGNING_KEYS), "lease", grant?.lease.token ?? "");
	if (!grant || !lease) throw new Error("nothing was granted");
	orThrow(await repoOf(repo).start(lease));
	return { repo, id: grant.lease.id, lease };
}

describe("the sweep", () => {
	it("[W56] a lease that its pool forgot is lost, and its job goes on", async () => {
		const { repo, lease } = await held();
		await runInDurableObject(poolOf(repo), (_, { storage }) => storage.sql.exec("DELETE FROM lease"));
		await evictDurableObject(poolOf(repo));
		expect(await repoOf(repo).lease(lease)).toBe("ok");
		await repoOf(repo).sweep([]);
		expect(await repoOf(repo).lease(lease)).toBe("lost");
		expect(orThrow(await repoOf(repo).job(lease.job)).attempts).toMatchObject([{ outcome: "lost" }]);
	});

	it("[W56] one that it has is left alone, also while it ends, and asked for again only after two minutes", async () => {
		const { repo, id, lease } = await held();
		const asked = vi.spyOn(PoolObject.prototype, "holds");
		await repoOf(repo).sweep([]);
		await repoOf(repo).sweep([]);
		expect(asked.mock.calls).toEqual([[[id]]]);
		expect(await repoOf(repo).lease(lease)).toBe("ok");
		orThrow(await repoOf(repo).finish(lease, aReport()));
		moveClock(120_000);
		await repoOf(repo).sweep([]);
		expect(asked).toHaveBeenCalledTimes(1);
		expect(orThrow(await repoOf(repo).job(lease.job)).outcome).toBe("passed");
	});

	it("[W57] a pool whose alarm is gone looks again when it is asked: a quiet lease is lost, a living one stays", async () => {
		for (const isAlive of [true, false]) {
			const { repo, id, lease } = await held();
			await runInDurableObject(poolOf(repo), (_, { storage }) => storage.deleteAlarm());
			await evictDurableObject(poolOf(repo));
			moveClock(20 * 60_000);
			expect(await runDurableObjectAlarm(poolOf(repo))).toBe(false);
			await repoOf(repo).sweep([]);
			// Whoever lives has a minute to say so, since the pool itself was away.
			for (let looked = 0; looked < 6; looked++) {
				if (isAlive) await heartbeat(anIdentity(repo), [id]);
				await runDurableObjectAlarm(poolOf(repo));
				moveClock(15_000);
			}
			expect(await repoOf(repo).lease(lease), isAlive ? "alive" : "quiet").toBe(isAlive ? "ok" : "lost");
		}
	});
});
