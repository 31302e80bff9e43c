// One shard of a pool: which runners live, which leases they hold, what waits for them. It never chooses a job: it picks the
// repository that goes next and asks it. Waiting runners are hibernatable sockets, so that waiting costs nothing.
import { DurableObject } from "cloudflare:workers";
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
} from "../../src/contracts/objects/objects.ts";
import type { Grant, HeartbeatReply, PoolPatch, RunnerFigures, RunnerPatch } from "../../src/contracts/http/runner.ts";
import type { LeaseId, Millis } from "../../src/domain/ids.ts";
import { graceSeconds } from "../../src/domain/limits.ts";
import type { Result } from "../../src/domain/refusal.ts";
import type { Env } from "../env.ts";
import { readConnect } from "./pool-connect.ts";
import { PoolDoubts } from "./pool-doubts.ts";
import { PoolGrants } from "./pool-grants.ts";
import { PoolLiveness } from "./pool-liveness.ts";
import { PoolMembers } from "./pool-members.ts";
import { PoolPause } from "./pool-pause.ts";
import { PoolRunners } from "./pool-runners.ts";
import { PoolSessions } from "./pool-sessions.ts";
import { PoolShards } from "./pool-shards.ts";
import { PoolSockets } from "./pool-sockets.ts";
import type { Poll, Session } from "./pool-sockets.ts";
import { PoolTables } from "./pool-tables.ts";
import { report } from "../report.ts";

/** How exactly an answer to a demand knows who is connected. A runner counts as gone after a minute and a half. */
const seenEveryMs = 1_000;

export class PoolObject extends DurableObject<Env> implements PoolCalls {
	readonly #runners: PoolRunners;
	readonly #members: PoolMembers;
	readonly #sockets: PoolSockets;
	readonly #grants: PoolGrants;
	readonly #liveness: PoolLiveness;
	readonly #sessions: PoolSessions;
	readonly #pause: PoolPause;
	readonly #shards: PoolShards;
	readonly #doubts: PoolDoubts;
	#sawConnectedAt: Millis = 0;

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env);
		const tables = new PoolTables(ctx.storage);
		const runners = new PoolRunners(tables);
		const members = new PoolMembers(tables, runners);
		const sockets = new PoolSockets(ctx);
		this.#shards = new PoolShards(env, tables, ctx.id.name ?? "");
		this.#runners = runners;
		this.#members = members;
		this.#sockets = sockets;
		this.#doubts = new PoolDoubts(env, this.#shards.name, members);
		this.#liveness = new PoolLiveness({ ctx, env }, { tables, runners, members, sockets });
		this.#pause = new PoolPause({ tables, runners, members, sockets, liveness: this.#liveness });
		this.#sessions = new PoolSessions({ runners, members, sockets, pause: this.#pause, liveness: this.#liveness });
		this.#grants = new PoolGrants(env, {
			...{ runners, members, sockets, pause: this.#pause },
			granted: (first) => first && this.#liveness.begin(),
		});
	}

	async register(runner: RunnerIdentity, key: string | null = null): Promise<Result<{ replayed: boolean }>> {
		const entry = await this.#shards.enter();
		if (entry !== null) {
			this.#pause.obey(entry.settings);
			for (const demand of entry.demands) this.#members.hear(demand, null);
			this.#shards.entered();
		}
		const now = this.#seeConnected();
		this.#members.forgetGone(now);
		return this.#runners.register(runner, key, now);
	}

	async acquire(
		identity: RunnerIdentity,
		named: LeaseId[] | null,
		{ unwell }: RunnerWord = {},
	): Promise<Grant | NotKnown | null> {
		const now = Date.now();
		const runner = this.#runners.see(identity, now);
		if (typeof runner === "string") return runner;
		this.#members.renew(runner.id, named ?? [], now);
		return this.#grants.one(this.#runners.speaks(runner, { unwell }), named);
	}

	async heartbeat(
		identity: RunnerIdentity,
		ids: LeaseId[],
		{ unwell, leaving = false }: RunnerWord = {},
	): Promise<HeartbeatReply | NotKnown> {
		const now = Date.now();
		const runner = this.#runners.see(identity, now);
		if (typeof runner === "string") return runner;
		this.#members.renew(runner.id, ids, now);
		// A process that was replaced leaves too, and speaks for itself alone: who holds the session says bye there.
		const isLeft = leaving && this.#sockets.sessionOf(runner.id) === null;
		this.#runners.speaks(runner, { unwell, leaving: isLeft });
		if (isLeft) this.#members.leaves(runner.id, now);
		const leases = ids.map((id) => {
			const lease = this.#members.leaseOf(runner.id, id);
			const state = lease === null ? "lost" : lease.canceling ? "canceling" : "ok";
			return { id, state, graceSeconds } as const;
		});
		return { leases, draining: this.#pause.isDraining(runner.id) };
	}

	async setRunner(id: string, { draining }: RunnerPatch): Promise<RunnerFigures | null> {
		if (draining !== undefined) this.#pause.drainRunner(id, draining);
		this.#grants.serveSoon();
		return this.#members.shown(id, this.#pause.settings, this.#seeConnected());
	}

	async removeRunner(id: string): Promise<boolean | null> {
		const removed = this.#runners.remove(id, Date.now());
		if (removed !== null) await this.#liveness.remove(id, "removed");
		return removed;
	}

	async tokensEnded(tokens: string[]): Promise<void> {
		for (const { id } of this.#runners.endTokens(tokens)) await this.#liveness.remove(id, "its token was revoked");
		this.#grants.serveSoon();
	}

	override async fetch(request: Request): Promise<Response> {
		const connect = readConnect(request);
		const now = Date.now();
		const seen = this.#runners.isPutOut(connect.runner)
			? ("runner-removed" as const)
			: this.#runners.see(connect.runner, now);
		if (typeof seen === "string") return Response.json({ code: seen }, { status: 404 });
		const held: Poll | Session =
			connect.kind === "poll"
				? { ...connect, since: now }
				: { ...connect, instanceId: null, leaving: false, heardAt: now };
		const response = this.#sockets.accept(held);
		if (held.kind === "poll") this.#grants.serveSoon();
		return response;
	}

	override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
		await this.#sessions.hear(socket, message);
		this.#grants.serveSoon();
	}

	override async webSocketClose(socket: WebSocket): Promise<void> {
		this.#sessions.left(socket);
	}

	override async webSocketError(socket: WebSocket): Promise<void> {
		this.#sessions.left(socket);
	}

	async renew(lease: LeaseId): Promise<Renewed> {
		this.#members.renew(null, [lease], Date.now());
		return { again: this.#members.lease(lease)?.session === false };
	}

	async demand(demand: Demand): Promise<DemandAnswer> {
		this.#members.hear(demand, Date.now());
		this.#grants.serveSoon();
		this.#shards.spreadAgain(this.#pause.settings);
		// Demand comes many times a second, and to ask a thousand sockets for their last ping takes a millisecond.
		const now = Date.now();
		if (now - this.#sawConnectedAt > seenEveryMs) this.#seeConnected();
		const unfit = demand.sets.map(({ labels }) => this.#members.liveRunners(labels, now));
		return { runners: unfit.map(({ live }) => live), unfit, pause: this.#pause.present, shards: this.#shards.count };
	}

	async ended(leases: LeaseId[], lapsed: LeaseId[] = [], faulted: LeaseId[] = []): Promise<void> {
		if (lapsed.length > 0) report({ event: "grants-lapsed", pool: this.ctx.id.name, leases: lapsed });
		for (const id of leases) {
			this.#liveness.end(id, faulted.includes(id) ? "faulted" : lapsed.includes(id) ? "lapsed" : "over");
		}
		this.#grants.serveSoon();
	}

	async canceled(leases: LeaseId[]): Promise<void> {
		for (const id of leases) {
			const lease = this.#members.cancel(id);
			const socket = lease && this.#sockets.sessionOf(lease.runner);
			if (socket) this.#sockets.send(socket, { type: "cancel", lease: id, graceSeconds });
		}
	}

	async holds(leases: LeaseId[]): Promise<LeaseId[]> {
		await this.#liveness.rearm();
		return leases.filter((id) => this.#members.lease(id) !== null);
	}

	async figures(): Promise<ShardFigures> {
		await this.#doubts.ask();
		const { owner, pool } = this.#shards.name;
		const now = this.#seeConnected();
		this.#members.forgetGone(now);
		return this.#members.figures({ owner, pool }, { settings: this.#pause.settings, shards: this.#shards.count, now });
	}

	async configure(patch: PoolPatch): Promise<void> {
		this.#pause.change(this.env, this.#shards.name.pool, patch);
		this.#grants.serveSoon();
		await this.#shards.spread(this.#pause.settings);
	}

	async join(shard: number): Promise<ShardEntry> {
		return this.#shards.join(shard, this.#pause.settings, this.#members.told());
	}

	async obey(settings: ShardSettings): Promise<void> {
		this.#pause.obey(settings);
		this.#grants.serveSoon();
	}

	override async alarm(): Promise<void> {
		await this.#liveness.look();
		this.#members.forgetGone(this.#seeConnected());
		this.#grants.serveSoon();
	}

	/** Whoever is connected has been seen now. */
	#seeConnected(): number {
		const now = Date.now();
		this.#sawConnectedAt = now;
		for (const [, poll] of this.#sockets.polls()) this.#runners.see(poll.runner, now);
		for (const [socket, session] of this.#sockets.sessions()) {
			this.#runners.see(session.runner, this.#sockets.heardAt(socket, session));
		}
		return now;
	}
}
