// One shard of a pool: which runners live, which leases they hold, what waits for them. It never chooses a job: it picks the
// repository that goes next and asks it. The same program runs in PoolObject, in Node's tests and in the simulation.
import type {
	Demand,
	DemandAnswer,
	NotKnown,
	PoolCalls,
	Renewed,
	RunnerIdentity,
	RunnerWord,
	ShardEntry,
	ShardFigures,
	ShardSettings,
} from "../../contracts/objects/objects.ts";
import { sumFigures } from "../../contracts/objects/pool-figures.ts";
import type { Grant, HeartbeatReply, PoolPatch, RunnerFigures, RunnerPatch } from "../../contracts/http/runner.ts";
import { attachmentOf } from "../../contracts/wire/sockets/runner-socket.ts";
import type { Connect } from "../../contracts/wire/sockets/runner-socket.ts";
import type { PoolShardName } from "../../contracts/wire/object-name.ts";
import { poolObjectName } from "../../contracts/wire/object-name.ts";
import type { LeaseId, Millis } from "../../domain/ids.ts";
import { graceSeconds } from "../../domain/limits.ts";
import type { Result } from "../../domain/refusal.ts";
import type { World } from "../ports.ts";
import { PoolDoubts } from "./pool-doubts.ts";
import { PoolGrants } from "./pool-grants.ts";
import { PoolLiveness } from "./runners/pool-liveness.ts";
import type { PoolMemory } from "./pool-memory.ts";
import type { PoolOutside, RunnerSocket, RunnerSockets } from "./pool-ports.ts";
import { PoolSessions } from "./runners/pool-sessions.ts";
import { PoolShards } from "./pool-shards.ts";
import { PoolTurns } from "./pool-turns.ts";
import { isDraining, ShardPause } from "./shard-pause.ts";

/** How exactly an answer to a demand knows who is connected. A runner counts as gone after a minute and a half. */
const seenEveryMs = 1_000;

export class PoolEngine implements Omit<PoolCalls, "fetch"> {
	readonly #world: World;
	readonly #name: PoolShardName;
	readonly #turns: PoolTurns;
	readonly #grants: PoolGrants;
	readonly #liveness: PoolLiveness;
	readonly #sessions: PoolSessions;
	readonly #pause: ShardPause;
	readonly #shards: PoolShards;
	readonly #doubts: PoolDoubts;
	#sawConnectedAt: Millis = 0;

	constructor(ports: { world: World; outside: PoolOutside; sockets: RunnerSockets; name: PoolShardName }) {
		const { world, outside, name } = ports;
		const turns = new PoolTurns(ports);
		this.#world = world;
		this.#name = name;
		this.#turns = turns;
		this.#shards = new PoolShards(ports, turns);
		this.#doubts = new PoolDoubts(ports, turns);
		this.#liveness = new PoolLiveness(ports, turns);
		this.#pause = new ShardPause(outside, turns, this.#liveness);
		this.#sessions = new PoolSessions(turns, this.#liveness);
		this.#grants = new PoolGrants(ports, { turns, pause: this.#pause, liveness: this.#liveness });
	}

	/** To look at. */
	get memory(): PoolMemory {
		return this.#turns.memory;
	}

	async register(runner: RunnerIdentity, key: string | null = null): Promise<Result<{ replayed: boolean }>> {
		const entry = await this.#shards.enter();
		this.#turns.take((memory, now) => {
			if (entry !== null) {
				this.#pause.obey(memory, now, entry.settings);
				for (const demand of entry.demands) memory.demand.hear(demand, null);
				memory.shards = { ...memory.shards, entered: true };
			}
			this.#seeConnected(memory, now);
			memory.members.forgetGone(now);
		});
		return this.#turns.take(({ runners }, now) => runners.register(runner, key, now));
	}

	async acquire(
		identity: RunnerIdentity,
		named: LeaseId[] | null,
		{ unwell }: RunnerWord = {},
	): Promise<Grant | NotKnown | null> {
		const runner = this.#turns.take(({ runners, leases }, now) => {
			const seen = runners.see(identity, now);
			if (typeof seen === "string") return seen;
			leases.renew(seen.id, named ?? [], now);
			return runners.speaks(seen, { unwell });
		});
		return typeof runner === "string" ? runner : this.#grants.one(runner, named);
	}

	async heartbeat(
		identity: RunnerIdentity,
		ids: LeaseId[],
		{ unwell, leaving = false }: RunnerWord = {},
	): Promise<HeartbeatReply | NotKnown> {
		let isWellAgain = false;
		const reply = this.#turns.take((memory, now) => {
			const { runners, leases, members, connections } = memory;
			const runner = runners.see(identity, now);
			if (typeof runner === "string") return runner;
			leases.renew(runner.id, ids, now);
			// A process that was replaced leaves too, and speaks for itself alone: who holds the session says bye there.
			const isLeft = leaving && connections.sessionOf(runner.id) === null;
			isWellAgain = runner.unwell != null && unwell === undefined;
			runners.speaks(runner, { unwell, leaving: isLeft });
			if (isLeft) members.leaves(runner.id, now);
			const held = ids.map((id) => {
				const lease = leases.get(id);
				const state = lease?.runner !== runner.id ? "lost" : lease.canceling ? "canceling" : "ok";
				return { id, state, graceSeconds } as const;
			});
			return { leases: held, draining: isDraining(memory, runner.id) };
		});
		if (isWellAgain) this.#grants.serveSoon();
		return reply;
	}

	async setRunner(id: string, { draining }: RunnerPatch): Promise<RunnerFigures | null> {
		if (draining !== undefined) this.#pause.drainRunner(id, draining);
		this.#grants.serveSoon();
		return this.#turns.take((memory, now) => {
			this.#seeConnected(memory, now);
			return memory.members.shown(id, memory.settings, now);
		});
	}

	async removeRunner(id: string): Promise<boolean | null> {
		const removed = this.#turns.take(({ runners }, now) => runners.remove(id, now));
		if (removed !== null) await this.#liveness.putOut(id, "removed");
		return removed;
	}

	async tokensEnded(tokens: string[]): Promise<void> {
		const putOut = this.#turns.take(({ runners }) => runners.endTokens(tokens));
		for (const { id } of putOut) await this.#liveness.putOut(id, "its token was revoked");
		this.#grants.serveSoon();
	}

	/** A runner's socket, which `accept` makes once the runner is let in; or why it is not. */
	connect(connect: Connect, accept: () => RunnerSocket): NotKnown | null {
		const seen = this.#turns.take(({ runners }, now) =>
			runners.isPutOut(connect.runner) ? "runner-removed" : runners.see(connect.runner, now),
		);
		if (typeof seen === "string") return seen;
		const socket = accept();
		this.#turns.take(({ connections }, now) => connections.add(socket, attachmentOf(connect, now)));
		if (connect.kind === "poll") this.#grants.serveSoon();
		return null;
	}

	/** What a runner said over its socket. */
	async hear(socket: RunnerSocket, message: string | ArrayBuffer): Promise<void> {
		await this.#sessions.hear(socket, message);
		this.#grants.serveSoon();
	}

	/** The socket was closed, or broke. */
	left(socket: RunnerSocket): void {
		this.#sessions.left(socket);
	}

	async renew(lease: LeaseId): Promise<Renewed> {
		return this.#turns.take(({ leases }, now) => {
			leases.renew(null, [lease], now);
			return { again: leases.get(lease)?.session === false };
		});
	}

	async demand(demand: Demand): Promise<DemandAnswer> {
		this.#turns.take((memory, now) => {
			memory.demand.hear(demand, now);
			// Demand comes many times a second, and to ask a thousand sockets for their last ping takes a millisecond.
			if (now - this.#sawConnectedAt > seenEveryMs) this.#seeConnected(memory, now);
		});
		this.#grants.serveSoon();
		this.#shards.spreadAgain();
		const { members } = this.#turns.memory;
		const unfit = demand.sets.map(({ labels }) => members.liveRunners(labels, this.#turns.now()));
		return { runners: unfit.map(({ live }) => live), unfit, pause: this.#pause.present, shards: this.#shards.count };
	}

	async ended(leases: LeaseId[], lapsed: LeaseId[] = [], faulted: LeaseId[] = []): Promise<void> {
		if (lapsed.length > 0) {
			this.#world.report({ event: "grants-lapsed", pool: poolObjectName(this.#name), leases: lapsed });
		}
		this.#grants.hearEnds(leases);
		this.#turns.take((memory, now) => {
			for (const id of leases) {
				const how = faulted.includes(id) ? "faulted" : lapsed.includes(id) ? "lapsed" : "over";
				this.#liveness.end({ memory, now }, id, how);
			}
		});
		this.#grants.serveSoon();
	}

	async canceled(leases: LeaseId[]): Promise<void> {
		this.#turns.take((memory) => {
			for (const id of leases) {
				const lease = memory.leases.cancel(id);
				const socket = lease && memory.connections.sessionOf(lease.runner);
				if (socket) memory.connections.send(socket, { type: "cancel", lease: id, graceSeconds });
			}
		});
	}

	async holds(leases: LeaseId[]): Promise<LeaseId[]> {
		await this.#liveness.rearm();
		return leases.filter((id) => this.#turns.memory.leases.get(id) !== null);
	}

	async figures(): Promise<ShardFigures> {
		await this.#doubts.ask();
		return this.#turns.take((memory, now) => {
			this.#seeConnected(memory, now);
			memory.members.forgetGone(now);
			return this.#figures(memory, now);
		});
	}

	async runnerIds(): Promise<{ ids: string[]; shards: number }> {
		return this.#turns.take((memory, now) => {
			this.#seeConnected(memory, now);
			memory.members.forgetGone(now);
			return { ids: [...memory.runners.all()].map(({ id }) => id), shards: this.#shards.count };
		});
	}

	async configure(patch: PoolPatch): Promise<void> {
		this.#pause.change(this.#name.pool, patch);
		this.#grants.serveSoon();
		await this.#shards.spread(this.#turns.memory.settings);
	}

	async join(shard: number): Promise<ShardEntry> {
		return this.#turns.take((memory) => this.#shards.join(memory, shard));
	}

	async obey(settings: ShardSettings): Promise<void> {
		this.#turns.take((memory, now) => this.#pause.obey(memory, now, settings));
		this.#grants.serveSoon();
	}

	async alarm(): Promise<void> {
		await this.#liveness.look();
		this.#turns.take((memory, now) => {
			this.#seeConnected(memory, now);
			memory.members.forgetGone(now);
		});
		this.#grants.serveSoon();
	}

	/** Whoever is connected has been seen now. */
	#seeConnected({ runners, connections }: PoolMemory, now: Millis): void {
		this.#sawConnectedAt = now;
		for (const [, poll] of connections.polls()) runners.see(poll.runner, now);
		for (const [socket, session] of connections.sessions()) {
			runners.see(session.runner, connections.heardAt(socket, session));
		}
	}

	#figures({ members, leases, demand, settings }: PoolMemory, now: Millis): ShardFigures {
		const { owner, pool } = this.#name;
		const runners = members.figures(settings, now);
		const idle = runners.filter(({ state }) => state === "idle").length;
		const busy = runners.filter(({ state }) => state === "busy").length;
		const { paused, pauseNote, draining } = settings;
		const own = { owner, pool, paused, pauseNote, draining, runners, running: leases.count, idle, busy };
		const shared = { shards: this.#shards.count, demands: demand.figures(now), waiting: 0, oldestWaitingSeconds: null };
		const facts = { ...own, ...shared };
		return { ...facts, ...sumFigures(facts, [], now) };
	}
}
