// Hands jobs to runners: picks the repository that goes next, asks it, signs what it gives. One round at a time serves whoever
// waits, the least busy first; after each await everything is asked anew.
import type { Claimed } from "../../contracts/objects/objects.ts";
import type { Grant } from "../../contracts/http/runner.ts";
import type { Attachment, Session } from "../../contracts/wire/sockets/runner-socket.ts";
import { readRepoObjectName } from "../../contracts/wire/object-name.ts";
import { leaseIdFrom } from "../../domain/ids.ts";
import type { LeaseId, Millis } from "../../domain/ids.ts";
import { claimMax, renewSeconds } from "../../domain/limits.ts";
import { chooseRepository, compareWaiting, shareOf } from "../../domain/pool/pool.ts";
import type { WaitingRunner } from "../../domain/pool/pool.ts";
import type { World } from "../ports.ts";
import type { PoolLiveness } from "./runners/pool-liveness.ts";
import type { PoolMemory } from "./pool-memory.ts";
import type { PoolOutside, RunnerSocket } from "./pool-ports.ts";
import type { PoolRunner } from "./pool-tables.ts";
import type { PoolTurns } from "./pool-turns.ts";
import type { ShardPause } from "./shard-pause.ts";

/** A repository that could not be asked, or gave nothing while it says that there is something, is left alone for this long. */
const repositoryRestMs = 500;

/** What a runner wants: how many at most, and what it says it holds (null: it did not say). */
interface Wish {
	named: LeaseId[] | null;
	atMost: number;
	session: boolean;
}

interface Waiting {
	socket: RunnerSocket;
	held: Attachment;
	standing: WaitingRunner;
}

export class PoolGrants {
	readonly #world: World;
	readonly #outside: PoolOutside;
	readonly #turns: PoolTurns;
	readonly #pause: ShardPause;
	readonly #liveness: PoolLiveness;
	/** Slots for which a claim is under way, by runner. */
	readonly #claiming = new Map<string, number>();
	readonly #resting = new Map<string, Millis>();
	#claimsUnderWay = 0;
	/** [P20] Ends that came while a claim was under way: what that claim grants may be among them. */
	readonly #endedMeanwhile = new Set<LeaseId>();
	#isServing = false;
	#again = false;

	constructor(
		{ world, outside }: { world: World; outside: PoolOutside },
		parts: { turns: PoolTurns; pause: ShardPause; liveness: PoolLiveness },
	) {
		this.#world = world;
		this.#outside = outside;
		this.#turns = parts.turns;
		this.#pause = parts.pause;
		this.#liveness = parts.liveness;
	}

	/** Calls overtake each other: an end may come here before the answer that grants its lease. */
	hearEnds(leases: readonly LeaseId[]): void {
		if (this.#claimsUnderWay === 0) return;
		for (const id of leases) this.#endedMeanwhile.add(id);
	}

	/** One grant for a runner with a free slot, or null when nothing fits it. */
	async one(runner: PoolRunner, named: LeaseId[] | null): Promise<Grant | null> {
		const [grant] = await this.#fill(runner.id, { named, atMost: 1, session: false });
		return grant ?? null;
	}

	/** Serves who waits as long as there is something for one of them. */
	serveSoon(): void {
		this.#again = true;
		if (this.#isServing) return;
		this.#isServing = true;
		this.#serve().catch((cause) => this.#world.report({ event: "serve-failed", cause: String(cause) }));
	}

	async #serve(): Promise<void> {
		try {
			while (this.#again) {
				this.#again = false;
				while (this.#turns.memory.demand.isAny && (await this.#serveEach()));
			}
		} finally {
			this.#isServing = false;
		}
	}

	/** Each that waits, once; whether anybody got anything. */
	async #serveEach(): Promise<boolean> {
		const waiting = waitingOf(this.#turns.memory, this.#turns.now());
		let served = false;
		for (const [at, { socket, held }] of waiting.entries()) {
			const { demand } = this.#turns.memory;
			if (!demand.isAny) break;
			const share = shareOf(demand.waiting, waiting.length - at);
			served = (await (held.kind === "poll" ? this.#servePoll(socket) : this.#serveSession(socket, share))) || served;
		}
		return served;
	}

	async #servePoll(socket: RunnerSocket): Promise<boolean> {
		const poll = this.#turns.memory.connections.poll(socket);
		if (poll === null) return false;
		const runner = this.#turns.take(({ runners }, now) => runners.see(poll.runner, now));
		const grant = typeof runner === "string" ? null : await this.one(runner, poll.named);
		if (grant === null) return false;
		// A poll that ended in this very moment: nobody starts the grant, and it lapses.
		this.#turns.take(({ connections }) => connections.answer(socket, JSON.stringify(grant)));
		return true;
	}

	async #serveSession(socket: RunnerSocket, share: number): Promise<boolean> {
		const { connections, runners } = this.#turns.memory;
		const session = connections.session(socket);
		const runner = session && runners.get(session.runner.id);
		if (session === null || runner === null || session.leaving || this.#isSilent(socket, session)) return false;
		const grants = await this.#fill(runner.id, { named: null, atMost: Math.min(share, claimMax), session: true });
		if (grants.length === 0) return false;
		this.#turns.take((memory) => {
			for (const grant of grants) memory.connections.send(socket, { type: "grant", grant });
		});
		return true;
	}

	/** [P22] What it held would be lost by now: it is not there to start anything. */
	#isSilent(socket: RunnerSocket, session: Session): boolean {
		const heardAt = this.#turns.memory.connections.heardAt(socket, session);
		return this.#turns.now() - heardAt > renewSeconds * 1_000;
	}

	/** [P20] Before each claim the runner is looked at anew: it may be to go since the last one. */
	async #fill(id: string, wish: Wish): Promise<Grant[]> {
		while (this.#outside.mayDispatch() && this.#pause.present === null) {
			const runner = this.#turns.memory.runners.get(id);
			if (runner === null) return [];
			const labels = new Set(runner.labels);
			const now = this.#turns.now();
			const claiming = this.#claiming.get(runner.id) ?? 0;
			const room = this.#turns.memory.members.freeSlots(runner, wish.named, now) - claiming;
			const free = Math.min(wish.atMost, room);
			if (free <= 0) return [];
			const repository = this.#choose(labels, now);
			if (repository === null) return [];
			this.#claiming.set(runner.id, claiming + free);
			try {
				const grants = await this.#claim(runner, repository, free, wish.session);
				if (grants.length > 0) return grants;
			} finally {
				this.#claiming.set(runner.id, (this.#claiming.get(runner.id) ?? free) - free);
			}
		}
		return [];
	}

	#choose(labels: ReadonlySet<string>, now: Millis): string | null {
		const isAwake = ({ repository }: { repository: string }) => (this.#resting.get(repository) ?? 0) <= now;
		return chooseRepository([...this.#turns.memory.demand.present()].filter(isAwake), labels);
	}

	async #claim(runner: PoolRunner, repository: string, free: number, session: boolean): Promise<Grant[]> {
		const { id, name, pool, shard, labels } = runner;
		let claimed: Claimed;
		this.#claimsUnderWay++;
		try {
			claimed = await this.#outside.repo(readRepoObjectName(repository)).claim({
				...{ runner: { id, name }, pool, shard, labels, free },
				known: this.#turns.memory.demand.versionOf(repository),
			});
		} catch (cause) {
			this.#world.report({ event: "claim-failed", repository, cause: String(cause) });
			this.#rest(repository);
			this.#endClaim();
			return [];
		}
		const live = claimed.grants.filter(
			({ claim: { job, epoch } }) => !this.#endedMeanwhile.has(leaseIdFrom(job, epoch)),
		);
		this.#endClaim();
		const grants = this.#turns.take((memory, now) => {
			// Held first: what the repository says that it runs has these in it.
			const signed = live.map((granted) => this.#hold({ memory, now }, granted, { runner: id, session }));
			if (claimed.demand === null) memory.demand.learn(repository, null, now);
			else memory.demand.hear(claimed.demand, now);
			return signed;
		});
		if (grants.length > 0) return grants;
		// It gave nothing and says that there is something: asking at once again would spin.
		if (this.#choose(new Set(labels), this.#turns.now()) === repository) this.#rest(repository);
		return [];
	}

	#endClaim(): void {
		this.#claimsUnderWay--;
		if (this.#claimsUnderWay === 0) this.#endedMeanwhile.clear();
	}

	#hold(
		{ memory, now }: { memory: PoolMemory; now: Millis },
		{ grant, claim: lease }: Claimed["grants"][number],
		{ runner, session }: { runner: string; session: boolean },
	): Grant {
		if (memory.leases.count === 0) this.#liveness.begin(memory, now);
		memory.leases.hold(runner, lease, { now, session });
		memory.members.wasGranted(runner, now);
		return { ...grant, lease: { ...grant.lease, token: this.#outside.signLease(lease) } };
	}

	#rest(repository: string): void {
		this.#resting.set(repository, this.#turns.now() + repositoryRestMs);
		void this.#world.wait(repositoryRestMs).done.then(() => {
			this.#resting.delete(repository);
			this.serveSoon();
		});
	}
}

/** Who has room, in the order in which they are served. */
function waitingOf({ connections, members }: PoolMemory, now: Millis): Waiting[] {
	const waiting: Waiting[] = [];
	for (const [socket, held] of connections.polls()) {
		const standing = members.standingOf(held.runner, now);
		if (standing !== null) waiting.push({ socket, held, standing });
	}
	for (const [socket, held] of connections.sessions()) {
		if (held.instanceId === null || held.leaving) continue;
		const standing = members.standingOf(held.runner, now);
		if (standing !== null && standing.leases < standing.capacity) waiting.push({ socket, held, standing });
	}
	return waiting.sort((a, b) => compareWaiting(a.standing, b.standing, now));
}
