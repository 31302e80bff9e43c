// Which calls of one isolate are in work, which wait, which goes next and which is shed. The thread that works for one owner works
// for all, so a flood must wait behind itself: each owner has a bounded part of what is in work, owners take turns, and the line of
// a repository is bounded in length and in time. Pure: whoever holds the line tells it the time and wakes those that it lets in.
import type { Millis } from "../ids.ts";

/** From what is shed first to what is shed last. Calls with a runner's or a lease's token have no class: they never wait. */
export const callClasses = ["list", "view", "act", "submission"] as const;
export type CallClass = (typeof callClasses)[number];

export interface LineLimits {
	/** Of one owner: a call is let in while its owner's calls in work cost less than this. */
	ownerCost: number;
	/** Of all owners. More than twice `ownerCost`: then one owner alone never holds up another. */
	cost: number;
	/** A call is shed when as many wait in its repository already, of whatever class. */
	waiting: Readonly<Record<CallClass, number>>;
	/** Of one owner, in all of its repositories. */
	waitingOfOwner: number;
	/** Past as many in all, only an owner without a waiting call may wait. */
	waitingInAll: number;
	/** A call in work for so long waits for something and uses no time of the thread: it counts for its owner alone. */
	slowMs: number;
	/** Longer than any call works. The runtime does not always say that a call has ended, so it counts no longer. */
	forgottenMs: number;
}

export interface GatedCall {
	class: CallClass;
	owner: string;
	/** Null: of no repository. */
	repo: string | null;
	/** In submissions of one job, which cost 1. */
	cost: number;
	/** It does not begin when it has waited for so long. */
	waitMs: number;
}

export interface LinedCall extends GatedCall {
	state: "waiting" | "in-work" | "over";
	/** Since when it is in this state. */
	since: Millis;
}

interface OwnerLine {
	/** Of the calls in work, the slow ones included. */
	cost: number;
	waiting: number;
	/** By repository, those that wait in the order in which they came. The repository whose turn is next comes first. */
	repos: Map<string | null, Set<LinedCall>>;
}

export class CallLine {
	readonly #limits: LineLimits;
	/** Who has calls in work or waiting. The owner whose turn is next comes first. */
	readonly #owners = new Map<string, OwnerLine>();
	/** In work, in the order in which they began. */
	readonly #fresh = new Set<LinedCall>();
	readonly #slow = new Set<LinedCall>();
	#freshCost = 0;
	#waiting = 0;

	constructor(limits: LineLimits) {
		this.#limits = limits;
	}

	/** Waits, until `letIn` lets it in; also the first of all. Null: it is shed, and leaves no trace. */
	arrive(call: GatedCall, now: Millis): LinedCall | null {
		const owner = this.#owners.get(call.owner) ?? { cost: 0, waiting: 0, repos: new Map() };
		const lined: LinedCall = {
			...call,
			cost: Math.min(call.cost, this.#limits.ownerCost),
			state: "waiting",
			since: now,
		};
		const line = owner.repos.get(call.repo) ?? new Set();
		if (line.size >= this.#limits.waiting[call.class]) return null;
		const { waitingOfOwner, waitingInAll } = this.#limits;
		if (owner.waiting >= (this.#waiting < waitingInAll ? waitingOfOwner : 1)) return null;
		this.#owners.set(call.owner, owner);
		owner.repos.set(call.repo, line.add(lined));
		owner.waiting++;
		this.#waiting++;
		return lined;
	}

	/** The calls that may begin now: each owner in its turn, and each of an owner's repositories in its turn. */
	letIn(now: Millis): LinedCall[] {
		this.#passOver(now);
		const begun: LinedCall[] = [];
		for (const [name, owner] of this.#owners) {
			if (this.#freshCost >= this.#limits.cost) break;
			if (owner.waiting === 0 || owner.cost >= this.#limits.ownerCost) continue;
			const call = this.#takeNext(owner, now);
			if (call === null) {
				if (owner.cost === 0) this.#owners.delete(name);
				continue;
			}
			this.#begin(call, owner, now);
			begun.push(call);
			// The loop comes to it again, after all others.
			this.#owners.delete(name);
			this.#owners.set(name, owner);
		}
		return begun;
	}

	/** It has ended, was shed for its time, or its caller has gone. The second time changes nothing. */
	leave(call: LinedCall): void {
		const owner = this.#owners.get(call.owner);
		if (owner === undefined || call.state === "over") return;
		if (call.state === "waiting") this.#stopWaiting(call, owner);
		else this.#end(call, owner);
		call.state = "over";
		if (owner.cost === 0 && owner.waiting === 0) this.#owners.delete(call.owner);
	}

	/** Of a call that waits: from then on it does not begin. */
	waitsUntil(call: LinedCall): Millis {
		return call.since + call.waitMs;
	}

	waiting(): Record<CallClass, number> {
		const count = { list: 0, view: 0, act: 0, submission: 0 };
		for (const { repos } of this.#owners.values())
			for (const line of repos.values()) for (const call of line) count[call.class]++;
		return count;
	}

	/** The first call that may still begin, and its repository goes behind the owner's others. What has waited too long is over. */
	#takeNext(owner: OwnerLine, now: Millis): LinedCall | null {
		for (const [repo, line] of owner.repos) {
			for (const call of line) {
				this.#stopWaiting(call, owner);
				if (now >= this.waitsUntil(call)) {
					call.state = "over";
					continue;
				}
				if (line.size > 0) {
					owner.repos.delete(repo);
					owner.repos.set(repo, line);
				}
				return call;
			}
		}
		return null;
	}

	/** Who has calls here. */
	get owners(): number {
		return this.#owners.size;
	}

	#begin(call: LinedCall, owner: OwnerLine, now: Millis): void {
		call.state = "in-work";
		call.since = now;
		owner.cost += call.cost;
		this.#fresh.add(call);
		this.#freshCost += call.cost;
	}

	#end(call: LinedCall, owner: OwnerLine): void {
		owner.cost -= call.cost;
		if (this.#fresh.delete(call)) this.#freshCost -= call.cost;
		this.#slow.delete(call);
	}

	#stopWaiting(call: LinedCall, owner: OwnerLine): void {
		const line = owner.repos.get(call.repo);
		line?.delete(call);
		if (line?.size === 0) owner.repos.delete(call.repo);
		owner.waiting--;
		this.#waiting--;
	}

	/** Both sets are in the order of their instants, so that this ends at the first that is too young. */
	#passOver(now: Millis): void {
		for (const call of this.#fresh) {
			if (now - call.since < this.#limits.slowMs) break;
			this.#fresh.delete(call);
			this.#freshCost -= call.cost;
			this.#slow.add(call);
		}
		for (const call of this.#slow) {
			if (now - call.since < this.#limits.forgottenMs) break;
			this.leave(call);
		}
	}
}
