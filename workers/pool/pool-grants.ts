// Hands jobs to runners: picks the repository that goes next, asks it, signs what it gives. One round at a time serves whoever
// waits, the least busy first; after each await everything is asked anew.
import { parseKeys, signToken } from "../../src/api/token.ts";
import type { Claimed } from "../../src/contracts/objects/objects.ts";
import type { Grant } from "../../src/contracts/http/runner.ts";
import type { LeaseId, Millis } from "../../src/domain/ids.ts";
import { claimMax } from "../../src/domain/limits.ts";
import { chooseRepository, compareWaiting, shareOf } from "../../src/domain/pool/pool.ts";
import type { WaitingRunner } from "../../src/domain/pool/pool.ts";
import type { Env } from "../env.ts";
import type { PoolMembers } from "./pool-members.ts";
import type { PoolPause } from "./pool-pause.ts";
import type { Poll, PoolSockets, Session } from "./pool-sockets.ts";
import type { PoolRunners } from "./pool-runners.ts";
import type { PoolRunner } from "./pool-tables.ts";
import { repoCalls } from "../stubs.ts";
import { switchesNow } from "../switches/switches.ts";
import { report } from "../report.ts";

/** A repository that could not be asked, or gave nothing while it says that there is something, is left alone for this long. */
const repositoryRestMs = 500;

/** What a runner wants: how many at most, and what it says it holds (null: it did not say). */
interface Wish {
	named: LeaseId[] | null;
	atMost: number;
	session: boolean;
}

export class PoolGrants {
	readonly #env: Env;
	readonly #runners: PoolRunners;
	readonly #members: PoolMembers;
	readonly #sockets: PoolSockets;
	readonly #pause: PoolPause;
	readonly #granted: (first: boolean) => void;
	/** Slots for which a claim is under way, by runner. */
	readonly #claiming = new Map<string, number>();
	readonly #resting = new Map<string, Millis>();
	#isServing = false;
	#again = false;

	/** `granted` is called with each lease that is handed out, and told whether it is the only one. */
	constructor(
		env: Env,
		parts: {
			runners: PoolRunners;
			members: PoolMembers;
			sockets: PoolSockets;
			pause: PoolPause;
			granted: (first: boolean) => void;
		},
	) {
		this.#env = env;
		this.#runners = parts.runners;
		this.#members = parts.members;
		this.#sockets = parts.sockets;
		this.#pause = parts.pause;
		this.#granted = parts.granted;
	}

	/** One grant for a runner with a free slot, or null when nothing fits it. */
	async one(runner: PoolRunner, named: LeaseId[] | null): Promise<Grant | null> {
		const [grant] = await this.#fill(runner, { named, atMost: 1, session: false });
		return grant ?? null;
	}

	/** Serves who waits as long as there is something for one of them. */
	serveSoon(): void {
		this.#again = true;
		if (this.#isServing) return;
		this.#isServing = true;
		this.#serve().catch((cause) => report({ event: "serve-failed", cause: String(cause) }));
	}

	async #serve(): Promise<void> {
		try {
			while (this.#again) {
				this.#again = false;
				while (this.#members.hasDemand() && (await this.#serveEach()));
			}
		} finally {
			this.#isServing = false;
		}
	}

	/** Each that waits, once; whether anybody got anything. */
	async #serveEach(): Promise<boolean> {
		const waiting = this.#waiting(Date.now());
		let served = false;
		for (const [at, { socket, held }] of waiting.entries()) {
			if (!this.#members.hasDemand()) break;
			const share = shareOf(this.#members.waiting, waiting.length - at);
			served = (await this.#serveOne({ socket, held, share })) || served;
		}
		return served;
	}

	/** Who has room, in the order in which they are served. */
	#waiting(now: Millis): { socket: WebSocket; held: Poll | Session }[] {
		const waiting: { socket: WebSocket; held: Poll | Session; standing: WaitingRunner }[] = [];
		for (const [socket, held] of this.#sockets.polls()) {
			const standing = this.#members.standingOf(held.runner, now);
			if (standing !== null) waiting.push({ socket, held, standing });
		}
		for (const [socket, held] of this.#sockets.sessions()) {
			if (held.instanceId === null || held.leaving) continue;
			const standing = this.#members.standingOf(held.runner, now);
			if (standing !== null && standing.leases < standing.capacity) waiting.push({ socket, held, standing });
		}
		return waiting.sort((a, b) => compareWaiting(a.standing, b.standing, now));
	}

	async #serveOne({
		socket,
		held,
		share,
	}: {
		socket: WebSocket;
		held: Poll | Session;
		share: number;
	}): Promise<boolean> {
		if (held.kind === "poll") {
			if (!this.#sockets.isWaiting(socket)) return false;
			const runner = this.#runners.see(held.runner, Date.now());
			const grant = typeof runner === "string" ? null : await this.one(runner, held.named);
			// A poll that ended in this very moment: nobody starts the grant, and it lapses.
			if (grant !== null) this.#sockets.answer(socket, JSON.stringify(grant));
			return grant !== null;
		}
		const session = this.#sockets.session(socket);
		const runner = session && this.#runners.get(session.runner.id);
		if (session === null || runner === null || session.leaving) return false;
		const wish: Wish = { named: null, atMost: Math.min(share, claimMax), session: true };
		const grants = await this.#fill(runner, wish);
		for (const grant of grants) this.#sockets.send(socket, { type: "grant", grant });
		return grants.length > 0;
	}

	async #fill(runner: PoolRunner, wish: Wish): Promise<Grant[]> {
		const labels = new Set(runner.labels);
		while (switchesNow(this.#env).dispatch && this.#pause.present === null) {
			const now = Date.now();
			const claiming = this.#claiming.get(runner.id) ?? 0;
			const free = Math.min(wish.atMost, this.#members.freeSlots(runner, wish.named, now) - claiming);
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
		const resting = this.#resting;
		const awake = [...this.#members.demands()].filter(({ repository }) => (resting.get(repository) ?? 0) <= now);
		return chooseRepository(awake, labels);
	}

	async #claim(runner: PoolRunner, repository: string, free: number, session: boolean): Promise<Grant[]> {
		const [owner = "", repo = ""] = repository.split("/");
		const { id, name, pool, shard, labels } = runner;
		let claimed: Claimed;
		try {
			claimed = await repoCalls(this.#env, { owner, repo }).claim({
				...{ runner: { id, name }, pool, shard, labels, free },
				known: this.#members.demandVersion(repository),
			});
		} catch (cause) {
			report({ event: "claim-failed", repository, cause: String(cause) });
			this.#rest(repository);
			return [];
		}
		// Held first: what the repository says that it runs has these in it.
		const grants = claimed.grants.map((granted) => this.#sign(id, granted, session));
		if (claimed.demand === null) this.#members.learn(repository, null, Date.now());
		else this.#members.hear(claimed.demand, Date.now());
		if (grants.length > 0) return grants;
		// It gave nothing and says that there is something: asking at once again would spin.
		if (this.#choose(new Set(labels), Date.now()) === repository) this.#rest(repository);
		return [];
	}

	#sign(runner: string, { grant, claim }: Claimed["grants"][number], session: boolean): Grant {
		const isFirst = this.#members.leaseCount === 0;
		this.#members.hold(runner, claim, { now: Date.now(), session });
		this.#granted(isFirst);
		const token = signToken(parseKeys(this.#env.SPILLWAY_SIGNING_KEYS), "lease", claim);
		return { ...grant, lease: { ...grant.lease, token } };
	}

	#rest(repository: string): void {
		this.#resting.set(repository, Date.now() + repositoryRestMs);
		setTimeout(() => {
			this.#resting.delete(repository);
			this.serveSoon();
		}, repositoryRestMs);
	}
}
