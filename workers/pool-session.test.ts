// Runners' sessions in the real runtime: hello, pushed grants and cancels, and what becomes of leases when sockets go.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { orThrow } from "../src/api/answer.ts";
import type { RunnerIdentity } from "../src/contracts/objects.ts";
import type { ServerFrame } from "../src/contracts/runner-session.ts";
import { parseLeaseId } from "../src/domain/ids.ts";
import { connectRequest } from "./pool-connect.ts";
import type { PoolObject } from "./pool-object.ts";
import type { Repo } from "./queue-fixture.ts";
import { aJob, anIdentity, aReport, aRepository, poolOf, repoOf, submit } from "./queue-fixture.ts";

afterEach(() => {
	vi.useRealTimers();
});

function moveClock(ms: number): void {
	vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
}

/** A runner at its end of a session; frames are taken in the order in which they came. */
class Runner {
	readonly #socket: WebSocket;
	readonly #frames: ServerFrame[] = [];
	readonly closed: Promise<number>;

	constructor(socket: WebSocket) {
		this.#socket = socket;
		socket.addEventListener("message", ({ data }) => {
			if (data !== "pong") this.#frames.push(JSON.parse(String(data)));
		});
		this.closed = new Promise((resolve) => socket.addEventListener("close", ({ code }) => resolve(code)));
		socket.accept();
	}

	static async connect(runner: RunnerIdentity): Promise<Runner> {
		const { webSocket } = await poolOf(runner).fetch(connectRequest({ kind: "session", runner }));
		if (!webSocket) throw new Error("no session");
		return new Runner(webSocket);
	}

	hello(leases: string[] = [], { instanceId = "i1", capacity = 1 } = {}): void {
		this.say({ type: "hello", instanceId, capacity, leases });
	}

	/** A hello that was certainly taken: the pool answers to the lease that nobody has. */
	async helloHeard(leases: string[]): Promise<void> {
		this.hello([...leases, "nobody's"]);
		await this.frame("lost");
	}

	say(frame: unknown): void {
		this.#socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
	}

	close(): void {
		this.#socket.close(1000, "gone");
	}

	async frame<T extends ServerFrame["type"]>(type: T): Promise<ServerFrame & { type: T }> {
		const found = () => this.#frames.findIndex((frame) => frame.type === type);
		await vi.waitFor(() => expect(found()).toBeGreaterThanOrEqual(0), { timeout: 5_000 });
		return this.#frames.splice(found(), 1)[0] as ServerFrame & { type: T };
	}

	async grant() {
		return (await this.frame("grant")).grant;
	}

	get waiting(): number {
		return this.#frames.length;
	}
}

type Granted = Awaited<ReturnType<Runner["grant"]>>;

function claimOf(repo: Repo, grant: Granted) {
	const { job, epoch } = parseLeaseId(grant.lease.id) ?? { job: "", epoch: 0 };
	return { owner: repo.owner, repo: repo.repo, pool: repo.pool, shard: 0, job, attempt: grant.job.attempt, epoch };
}

/** A started lease, held over a session. */
async function running(): Promise<{ repo: Repo; runner: Runner; id: string; claim: ReturnType<typeof claimOf> }> {
	const repo = await aRepository();
	const runner = await Runner.connect(anIdentity(repo));
	runner.hello();
	await submit(repo, [aJob("a")]);
	const grant = await runner.grant();
	const claim = claimOf(repo, grant);
	orThrow(await repoOf(repo).start(claim));
	await runner.helloHeard([grant.lease.id]);
	return { repo, runner, id: grant.lease.id, claim };
}

/** A close that the pool has certainly taken. */
async function closeHeard(repo: Repo, runner: Runner): Promise<void> {
	runner.close();
	const sockets = () => runInDurableObject(poolOf(repo), (_: PoolObject, ctx) => ctx.getWebSockets().length);
	await vi.waitFor(async () => expect(await sockets()).toBe(0));
	await poolOf(repo).figures();
}

async function look(repo: Repo, times: number): Promise<void> {
	for (let looked = 0; looked < times; looked++) {
		moveClock(15_000);
		await runDurableObjectAlarm(poolOf(repo));
	}
}

describe("grants over a session", () => {
	it("[W31] a job is pushed to a runner that said hello, also when the object slept meanwhile", async () => {
		const repo = await aRepository();
		const runner = await Runner.connect(anIdentity(repo));
		runner.hello();
		await vi.waitFor(async () => expect((await poolOf(repo).figures()).idle).toBe(1));
		await evictDurableObject(poolOf(repo), { webSockets: "hibernate" });
		await submit(repo, [aJob("a")]);
		expect((await runner.grant()).job.key).toBe("a");
	});

	it("[W32] as many as its hello's capacity are pushed; a finished job makes room for the next", async () => {
		const repo = await aRepository();
		const runner = await Runner.connect(anIdentity(repo));
		runner.hello([], { capacity: 2 });
		await submit(repo, [aJob("a"), aJob("b"), aJob("c")]);
		const first = await runner.grant();
		const second = await runner.grant();
		expect([first.job.key, second.job.key].sort()).toEqual(["a", "b"]);
		expect((await poolOf(repo).figures()).running).toBe(2);
		orThrow(await repoOf(repo).start(claimOf(repo, first)));
		orThrow(await repoOf(repo).finish(claimOf(repo, first), aReport()));
		expect((await runner.grant()).job.key).toBe("c");
		expect(runner.waiting).toBe(0);
	});

	it("[W33] nothing is pushed before hello or after bye; polls of others are served meanwhile", async () => {
		const repo = await aRepository();
		const silent = await Runner.connect(anIdentity(repo, { id: "silent" }));
		const leaving = await Runner.connect(anIdentity(repo, { id: "leaving" }));
		leaving.hello();
		leaving.say({ type: "bye" });
		await submit(repo, [aJob("a")]);
		await vi.waitFor(async () => expect((await poolOf(repo).figures()).waiting).toBe(1));
		expect((await poolOf(repo).acquire(anIdentity(repo, { id: "poller" }), []))?.job.key).toBe("a");
		expect(silent.waiting + leaving.waiting).toBe(0);
	});

	it("[W34] a frame that is none ends the session, and says so by its code", async () => {
		const repo = await aRepository();
		for (const frame of [
			"{",
			{ type: "hello" },
			{ type: "hello", instanceId: "i", capacity: 1, leases: [], more: 1 },
		]) {
			const runner = await Runner.connect(anIdentity(repo));
			runner.say(frame);
			expect(await runner.closed).toBe(4_400);
		}
	});

	it("[W35] a cancel is pushed to the session that holds the lease", async () => {
		const { repo, runner, id, claim } = await running();
		orThrow(await repoOf(repo).cancelJob({ job: claim.job, actor: "dev", reason: null, force: false }));
		expect(await runner.frame("cancel")).toEqual({ type: "cancel", lease: id, graceSeconds: 10 });
	});
});

describe("leases over a session", () => {
	it("[W36] the newest instance wins: the older is closed, and what it held is lost at once", async () => {
		const { repo, runner, claim } = await running();
		const newer = await Runner.connect(anIdentity(repo));
		newer.hello([], { instanceId: "i2" });
		expect(await runner.closed).toBe(4_009);
		await vi.waitFor(async () => expect(await repoOf(repo).lease(claim)).toBe("lost"));
		moveClock(5_000);
		await runDurableObjectAlarm(repoOf(repo));
		const again = await newer.grant();
		expect(again.job).toMatchObject({ id: claim.job, attempt: 2 });
	});

	it("[W37] a restarted runner that comes back without its leases has lost them at once", async () => {
		const { repo, runner, claim } = await running();
		runner.close();
		const newer = await Runner.connect(anIdentity(repo));
		newer.hello([], { instanceId: "i2" });
		await vi.waitFor(async () => expect(await repoOf(repo).lease(claim)).toBe("lost"));
	});

	it("[W38] a runner that names a lease it does not have is told", async () => {
		const { repo, id } = await running();
		const liar = await Runner.connect(anIdentity(repo, { id: "liar" }));
		liar.hello([id, "nonsense"]);
		const told = [await liar.frame("lost"), await liar.frame("lost")].map(({ lease }) => lease);
		expect(told.sort()).toEqual([id, "nonsense"].sort());
		expect((await poolOf(repo).figures()).running).toBe(1);
	});

	it("[W39] a session that says nothing, pings included, loses its leases within 45 s and is told", async () => {
		const { repo, runner, id, claim } = await running();
		await look(repo, 1);
		expect(await repoOf(repo).lease(claim)).toBe("ok");
		await look(repo, 2);
		expect(await repoOf(repo).lease(claim)).toBe("lost");
		expect(await runner.frame("lost")).toEqual({ type: "lost", lease: id });
	});

	it("[W40] a closed session has 30 s to come back; the same instance then keeps what it names", async () => {
		const { repo, runner, id, claim } = await running();
		await closeHeard(repo, runner);
		await look(repo, 1);
		const back = await Runner.connect(anIdentity(repo));
		await back.helloHeard([id]);
		await look(repo, 1);
		expect(await repoOf(repo).lease(claim)).toBe("ok");
		await closeHeard(repo, back);
		await look(repo, 3);
		expect(await repoOf(repo).lease(claim)).toBe("lost");
	});

	it("[W41] sockets that go without a close, all at once, have a minute from when it is noticed, once", async () => {
		const repo = await aRepository();
		const identities = Array.from({ length: 200 }, (_, at) => anIdentity(repo, { id: `rn${at}` }));
		const runners = await Promise.all(identities.map((identity) => Runner.connect(identity)));
		for (const runner of runners) runner.hello();
		const jobs = identities.map((_, at) => aJob(`j${at}`));
		orThrow(await repoOf(repo).configure({ ...repo, request: { maxRunning: 1_000 }, replace: false }));
		await submit(repo, jobs);
		const claims = await Promise.all(runners.map(async (runner) => claimOf(repo, await runner.grant())));
		for (const claim of claims) orThrow(await repoOf(repo).start(claim));
		await evictDurableObject(poolOf(repo), { webSockets: "close" });
		await look(repo, 4);
		const states = async () => {
			const all = await Promise.all(claims.map((claim) => repoOf(repo).lease(claim)));
			return { ok: all.filter((state) => state === "ok").length, lost: all.filter((state) => state === "lost").length };
		};
		expect(await states()).toEqual({ ok: 200, lost: 0 });
		const back = await Promise.all(identities.slice(0, 150).map((identity) => Runner.connect(identity)));
		back.forEach((runner, at) => {
			const claim = claims[at];
			if (claim) runner.hello([`${claim.job}.${claim.epoch}`]);
		});
		await vi.waitFor(async () =>
			expect((await poolOf(repo).heartbeat(anIdentity(repo, { id: "rn149" }), [])).draining).toBe(false),
		);
		await look(repo, 2);
		expect(await states()).toEqual({ ok: 150, lost: 50 });
	});
});
