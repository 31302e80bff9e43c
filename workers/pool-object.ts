// One shard of a pool: which runners live, which leases they hold, what waits for them. It never chooses a job: it picks the
// repository that goes next and asks it. A long poll waits here as a hibernatable socket, so that waiting costs nothing.
import { DurableObject } from "cloudflare:workers";
import { parseKeys, signToken } from "../src/api/token.ts";
import type { Claimed, Demand, LeaseClaim, PoolCalls, RunnerIdentity } from "../src/contracts/objects.ts";
import type { Grant, HeartbeatReply, PoolFigures } from "../src/contracts/runner.ts";
import type { LeaseId, Millis } from "../src/domain/ids.ts";
import { graceSeconds, livenessCheckMs } from "../src/domain/limits.ts";
import { chooseRepository, findQuiet } from "../src/domain/pool.ts";
import { assert } from "../src/domain/refusal.ts";
import type { Result } from "../src/domain/refusal.ts";
import type { Env } from "./env.ts";
import { PoolMembers } from "./pool-members.ts";
import { PoolTables } from "./pool-tables.ts";
import type { PoolRunner } from "./pool-tables.ts";
import { repoCalls } from "./stubs.ts";
import { switchesNow } from "./switches.ts";

/** A repository that could not be asked, or had nothing after all, is left alone for this long. */
const repositoryRestMs = 500;

/** What a waiting poll's socket remembers while the object sleeps. */
interface Poll {
	runner: RunnerIdentity;
	named: LeaseId[] | null;
	since: Millis;
}

export class PoolObject extends DurableObject<Env> implements PoolCalls {
	readonly #tables: PoolTables;
	readonly #members: PoolMembers;
	/** Slots for which a claim is under way, by runner. */
	readonly #claiming = new Map<string, number>();
	readonly #resting = new Map<string, Millis>();
	readonly #served = new WeakSet<WebSocket>();
	#pump: Promise<void> | null = null;
	#pumpAgain = false;

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env);
		this.#tables = new PoolTables(ctx.storage.sql);
		this.#members = new PoolMembers(this.#tables);
	}

	async register(runner: RunnerIdentity): Promise<Result<null>> {
		return this.#members.register(runner, Date.now());
	}

	async acquire(identity: RunnerIdentity, named: LeaseId[] | null): Promise<Grant | null> {
		const now = Date.now();
		const runner = this.#members.see(identity, now);
		this.#members.renew(runner.id, named ?? [], now);
		return this.#grant(runner, named);
	}

	async heartbeat(identity: RunnerIdentity, ids: LeaseId[]): Promise<HeartbeatReply> {
		const now = Date.now();
		const runner = this.#members.see(identity, now);
		this.#members.renew(runner.id, ids, now);
		const leases = ids.map((id) => {
			const lease = this.#members.leaseOf(runner.id, id);
			const state = lease === null ? "lost" : lease.canceling ? "canceling" : "ok";
			return { id, state, graceSeconds } as const;
		});
		return { leases, draining: runner.spent };
	}

	/** The Worker's end of a long poll. The identity comes from the Worker, which checked the token; no client reaches this. */
	override async fetch(request: Request): Promise<Response> {
		const poll = JSON.parse(request.headers.get("x-spillway-poll") ?? "null") as Omit<Poll, "since"> | null;
		assert(poll, "only the Worker connects here");
		const { 0: client, 1: server } = new WebSocketPair();
		this.ctx.acceptWebSocket(server);
		server.serializeAttachment({ ...poll, since: Date.now() } satisfies Poll);
		this.#pumpSoon();
		return new Response(null, { status: 101, webSocket: client });
	}

	async renew(lease: LeaseId): Promise<void> {
		this.#members.renew(null, [lease], Date.now());
	}

	async demand(demand: Demand): Promise<{ runners: number[] }> {
		const now = Date.now();
		this.#members.hear(demand);
		this.#pumpSoon();
		for (const { poll } of this.#polls()) this.#members.see(poll.runner, now);
		return { runners: demand.sets.map(({ labels }) => this.#members.liveRunners(labels, now)) };
	}

	async ended(leases: LeaseId[]): Promise<void> {
		for (const id of leases) this.#members.end(id);
		this.#pumpSoon();
	}

	async canceled(leases: LeaseId[]): Promise<void> {
		for (const id of leases) this.#members.cancel(id);
	}

	async figures(): Promise<PoolFigures> {
		const now = Date.now();
		for (const { poll } of this.#polls()) this.#members.see(poll.runner, now);
		const [owner = "", pool = ""] = (this.ctx.id.name ?? "").split("/");
		return this.#members.figures({ owner, pool }, now);
	}

	/** Looks for quiet leases while any are out. A waiting poll is a sign of life for what it named. */
	override async alarm(): Promise<void> {
		const now = Date.now();
		if (this.#members.leaseCount > 0) await this.ctx.storage.setAlarm(now + livenessCheckMs);
		for (const { poll } of this.#polls()) this.#members.renew(poll.runner.id, poll.named ?? [], now);
		const { lookedAt, graceUntil } = this.#tables.look();
		const found = findQuiet(this.#members.leases(), { lastLookAt: lookedAt, graceUntil, now });
		this.#tables.saveLook({ lookedAt: now, graceUntil: found.graceUntil });
		await this.#expire(found.quiet);
		this.#members.forgetGone(now);
		this.#pumpSoon();
	}

	async #expire(ids: LeaseId[]): Promise<void> {
		const claims = [...this.#members.leases()].filter(({ id }) => ids.includes(id));
		for (const [, leases] of Map.groupBy(claims, ({ claim }) => `${claim.owner}/${claim.repo}`)) {
			const [first] = leases;
			if (!first) continue;
			try {
				await repoCalls(this.env, first.claim).expire(leases.map(({ claim }) => claim));
				for (const { id } of leases) this.#members.end(id);
			} catch (cause) {
				// The next look finds them again.
				console.error(JSON.stringify({ event: "expire-failed", cause: String(cause) }));
			}
		}
	}

	/** Serves waiting polls, the one that waits longest first, as long as there is something for one of them. */
	#pumpSoon(): void {
		this.#pumpAgain = true;
		this.#pump ??= this.#serve()
			.catch((cause) => console.error(JSON.stringify({ event: "pump-failed", cause: String(cause) })))
			.finally(() => {
				this.#pump = null;
			});
	}

	async #serve(): Promise<void> {
		while (this.#pumpAgain) {
			this.#pumpAgain = false;
			const polls = this.#polls();
			for (const { socket, poll } of polls) {
				if (this.#served.has(socket)) continue;
				const grant = await this.#grant(this.#members.see(poll.runner, Date.now()), poll.named);
				if (grant === null) continue;
				this.#served.add(socket);
				try {
					socket.send(JSON.stringify(grant));
					socket.close(1000, "granted");
				} catch {
					// Its poll ended in this very moment: nobody starts the grant, and it lapses.
				}
			}
		}
	}

	#polls(): { socket: WebSocket; poll: Poll }[] {
		return this.ctx
			.getWebSockets()
			.filter((socket) => socket.readyState === WebSocket.OPEN && !this.#served.has(socket))
			.map((socket) => ({ socket, poll: socket.deserializeAttachment() as Poll }))
			.sort((a, b) => a.poll.since - b.poll.since);
	}

	/** One grant for a runner with a free slot, or null when nothing fits it. After each await the members are asked anew. */
	async #grant(runner: PoolRunner, named: LeaseId[] | null): Promise<Grant | null> {
		while (switchesNow(this.env).dispatch) {
			const now = Date.now();
			const claiming = this.#claiming.get(runner.id) ?? 0;
			if (this.#members.freeSlots(runner, named, now) - claiming <= 0) return null;
			const repository = this.#choose(new Set(runner.labels), now);
			if (repository === null) return null;
			this.#claiming.set(runner.id, claiming + 1);
			try {
				const granted = await this.#claim(runner, repository);
				if (granted) return granted;
			} finally {
				this.#claiming.set(runner.id, (this.#claiming.get(runner.id) ?? 1) - 1);
			}
		}
		return null;
	}

	#choose(labels: ReadonlySet<string>, now: Millis): string | null {
		const awake = [...this.#members.demands()].filter(({ repository }) => (this.#resting.get(repository) ?? 0) <= now);
		return chooseRepository(awake, labels);
	}

	async #claim(runner: PoolRunner, repository: string): Promise<Grant | null> {
		const [owner = "", repo = ""] = repository.split("/");
		const { id, name, pool, shard, labels } = runner;
		let claimed: Claimed;
		try {
			claimed = await repoCalls(this.env, { owner, repo }).claim({
				runner: { id, name },
				pool,
				shard,
				labels,
				free: 1,
			});
		} catch (cause) {
			console.error(JSON.stringify({ event: "claim-failed", repository, cause: String(cause) }));
			this.#rest(repository);
			return null;
		}
		this.#members.hear(claimed.demand);
		const [first] = claimed.grants;
		if (first) return this.#hand(runner.id, first);
		// It gave nothing and says that there is something: asking at once again would spin.
		if (this.#choose(new Set(labels), Date.now()) === repository) this.#rest(repository);
		return null;
	}

	#rest(repository: string): void {
		this.#resting.set(repository, Date.now() + repositoryRestMs);
		setTimeout(() => {
			this.#resting.delete(repository);
			this.#pumpSoon();
		}, repositoryRestMs);
	}

	#hand(runner: string, { grant, claim }: { grant: Claimed["grants"][number]["grant"]; claim: LeaseClaim }): Grant {
		const isFirst = this.#members.leaseCount === 0;
		const now = Date.now();
		this.#members.hold(runner, claim, now);
		if (isFirst) this.#beginLooking(now);
		const token = signToken(parseKeys(this.env.SPILLWAY_SIGNING_KEYS), "lease", claim);
		return { ...grant, lease: { ...grant.lease, token } };
	}

	/** While no lease was out nobody looked: that must not count as having been away. */
	#beginLooking(now: Millis): void {
		this.#tables.saveLook({ ...this.#tables.look(), lookedAt: now });
		void this.ctx.storage.setAlarm(now + livenessCheckMs);
	}
}
