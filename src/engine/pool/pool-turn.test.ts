// A turn of a pool's shard that breaks off: every command with every one of its writes failing, over the SQLite of Node.
import { describe, expect, it, vi } from "vitest";
import type { RunnerIdentity } from "../../contracts/objects/objects.ts";
import { runIdFrom } from "../../domain/ids.ts";
import { perform } from "../../simulation/command.ts";
import { must } from "../../simulation/queue-driver.ts";
import { SimulatedPort } from "../../simulation/world/simulated-port.ts";
import { SimulatedShard } from "../../simulation/world/simulated-shard.ts";
import type { SimulatedSocket } from "../../simulation/world/simulated-shard.ts";
import { noon } from "../../testing/clock.ts";
import { PoolTurns } from "./pool-turns.ts";

const pool = "default";
const run = runIdFrom(new Uint8Array(15));
const secondMs = 1_000;

function runner(id: string, rest: Partial<RunnerIdentity> = {}): RunnerIdentity {
	const place = { owner: "acme", pool, shard: 0, labels: [] };
	return { id, name: id, ...place, capacity: 2, ephemeral: false, ...rest };
}

const first = runner("rn1", { registeredBy: "tk1" });
const once = runner("rn2", { ephemeral: true, capacity: 1 });

/** A shard whose first runner holds two jobs over a session, whose second holds its one job, and for which two more jobs wait. */
class ShardWorld {
	readonly port = new SimulatedPort("acme", noon);
	readonly shard: SimulatedShard;
	/** Calls to far ends, in their order. */
	readonly calls: string[] = [];

	constructor() {
		this.shard = new SimulatedShard({ owner: "acme", pool, shard: 0 }, (storage) => ({
			world: {
				storage,
				now: () => this.port.now(),
				random: () => 0.5,
				wait: () => ({ done: new Promise(() => {}), cancel: () => {} }),
				giveWay: async () => {},
				report: () => {},
			},
			outside: {
				repo: () => ({
					claim: (call) => this.#noted("claim", this.port.calls.claim(call)),
					demand: (call) => this.#noted("demand", this.port.calls.demand(call)),
					expire: (...call) => this.#noted("expire", this.port.calls.expire(...call)),
					hearPause: (call) => this.#noted("hearPause", this.port.calls.hearPause(call)),
				}),
				shard: ({ shard }) => ({
					join: () => this.#noted("join", Promise.reject(new Error(`shard ${shard} is away`))),
					obey: () => this.#noted("obey", Promise.resolve()),
				}),
				log: () => ({ unattended: () => this.#noted("unattended", Promise.resolve()) }),
				mayDispatch: () => true,
				signLease: ({ job }) => `token of ${job}`,
			},
		}));
	}

	static async open(): Promise<ShardWorld> {
		const world = new ShardWorld();
		const { port, engine } = world;
		must(await port.calls.configure({ owner: "acme", repo: "web", request: {}, replace: true }));
		const jobs = ["a", "b", "c", "d", "e"].map((key) => ({ key, run: "true" }));
		const rest = { ref: "refs/heads/main", actor: "ann", supersedes: false };
		await perform(port, { do: "submit", run, key: null, jobs, ...rest });
		must(await engine.register(first, null));
		must(await engine.register(once, "rn2"));
		await engine.join(1);
		world.connect(first);
		await world.say({ type: "hello", instanceId: "i1", capacity: 2, leases: [] });
		await world.hear();
		await engine.acquire(once, []);
		await port.rest();
		return world;
	}

	get engine() {
		return this.shard.engine;
	}

	get session(): SimulatedSocket {
		const socket = this.shard.sockets.at(-1);
		if (!socket) throw new Error("nobody is connected");
		return socket;
	}

	get leases(): string[] {
		return [...this.engine.memory.leases.all()].map(({ id }) => id);
	}

	connect(identity: RunnerIdentity): void {
		this.shard.connect({ kind: "session", runner: identity });
	}

	say(frame: unknown): Promise<void> {
		return this.engine.hear(this.session, JSON.stringify(frame));
	}

	/** The repository's demand comes, and whoever waits is served. */
	async hear(): Promise<void> {
		const demand = this.port.queue.outgoing.answerDemand(pool, { shard: 0, known: 0 });
		if (demand) await this.engine.demand(demand);
		await this.port.rest();
	}

	/** What is stored, and what others have seen. */
	trace(): unknown {
		const { sql, alarmAt } = this.shard.storage;
		const tables = ["pool", "runner", "removed", "lease", "demand"];
		const rows = tables.map((table) => sql.exec(`SELECT * FROM ${table}`).toArray());
		const sockets = this.shard.sockets.map((socket) => {
			return { frames: socket.frames, closedWith: socket.closedWith, attached: socket.deserializeAttachment() };
		});
		return structuredClone({ rows, sockets, calls: this.calls, alarmAt });
	}

	remembered(): unknown {
		const { memory } = this.engine;
		const { settings, shards, look, members, leases, demand, connections } = memory;
		return structuredClone({
			...{ settings, shards, look },
			runners: members.figures(settings, this.port.now()),
			leases: [...leases.all()],
			demand: [...demand.heard()],
			held: [...connections.sessions(), ...connections.polls()].map(([, held]) => held),
		});
	}

	#noted<T>(call: string, answer: Promise<T>): Promise<T> {
		this.calls.push(call);
		return answer;
	}
}

type Act = (world: ShardWorld) => Promise<unknown> | unknown;

const acts: Record<string, Act> = {
	"a registration": ({ engine }) => engine.register(runner("rn3"), null),
	"a registration after which nobody is heard of any more": ({ engine, port }) => {
		port.moveClock(3 * 86_400 * secondMs);
		return engine.register(runner("rn3"), null);
	},
	"a request for a job by a runner that is unwell no more": async ({ engine }) => {
		await engine.heartbeat(runner("rn4"), [], { unwell: "no disk" });
		return engine.acquire(runner("rn4"), []);
	},
	"a poll that is answered": async ({ shard, port }) => {
		shard.connect({ kind: "poll", runner: runner("rn4"), named: [] });
		await port.rest();
	},
	"a hello that takes two jobs": async (world) => {
		world.connect(runner("rn5"));
		await world.say({ type: "hello", instanceId: "i1", capacity: 2, leases: [] });
		await world.port.rest();
	},
	"the hello of a newer process": async (world) => {
		world.connect(first);
		await world.say({ type: "hello", instanceId: "i2", capacity: 2, leases: [world.leases[0], "nobody's"] });
		await world.port.rest();
	},
	"a bye": (world) => world.say({ type: "bye" }),
	"a session's end": ({ engine, session }) => engine.left(session),
	"a renewal": ({ engine, leases, port }) => {
		port.moveClock(20 * secondMs);
		return engine.renew(leases[0] ?? "");
	},
	"leases that ended": ({ engine, leases }) => engine.ended(leases, [], leases.slice(1, 2)),
	"a cancel": ({ engine, leases }) => engine.canceled(leases),
	"a drain of the pool": ({ engine }) => engine.configure({ draining: true }),
	"a drain of one runner": ({ engine }) => engine.setRunner("rn1", { draining: true }),
	"a removal": ({ engine }) => engine.removeRunner("rn1"),
	"the end of a token": ({ engine }) => engine.tokensEnded(["tk1"]),
	"the end of a drain that another shard began": async ({ engine }) => {
		const settings = { paused: false, pauseNote: null, draining: true };
		await engine.obey({ ...settings, version: 1 });
		await engine.obey({ ...settings, draining: false, version: 2 });
	},
	"another shard": ({ engine }) => engine.join(4),
	"a look at leases that have gone quiet": ({ engine, session, port }) => {
		engine.left(session);
		port.moveClock(15 * secondMs);
		return engine.alarm().then(() => {
			port.moveClock(20 * secondMs);
			return engine.alarm();
		});
	},
	"figures for which a repository is asked": ({ engine, shard, port }) => {
		port.moveClock(60 * secondMs);
		shard.sleep();
		return engine.figures();
	},
};

describe("a write that fails", () => {
	it.each(Object.entries(acts))("[P19] leaves no trace of its turn: %s", async (_, act) => {
		const before = await expectedTraces(act);
		expect(before.length).toBeGreaterThan(0);
		for (const [at, trace] of before.entries()) {
			const world = await ShardWorld.open();
			let left = at;
			world.shard.storage.beforeWrite = () => {
				if (left-- === 0) throw new Error("the disk is full");
			};
			await Promise.resolve()
				.then(() => act(world))
				.catch(() => null);
			world.shard.storage.beforeWrite = () => {};
			expect(left).toBeLessThan(0);
			expect(world.trace()).toEqual(trace);
			const remembered = world.remembered();
			world.shard.sleep();
			expect(remembered).toEqual(world.remembered());
		}
	});
});

/** For each write of an act that succeeds, what there was when the turn began that it belongs to. */
async function expectedTraces(act: Act): Promise<unknown[]> {
	const world = await ShardWorld.open();
	const traces: unknown[] = [];
	let begun: unknown = null;
	const { take } = PoolTurns.prototype;
	const turns = vi.spyOn(PoolTurns.prototype, "take").mockImplementation(function (this: PoolTurns, work) {
		begun = world.trace();
		return take.call(this, work);
	});
	world.shard.storage.beforeWrite = () => traces.push(begun);
	try {
		await act(world);
	} finally {
		turns.mockRestore();
	}
	return traces;
}
