// Hands jobs to runners: picks the repository that goes next, asks it, signs what it gives. One round at a time serves whoever
// waits, polls before sessions; after each await everything is asked anew.
import { parseKeys, signToken } from "../src/api/token.ts";
import type { Claimed } from "../src/contracts/objects.ts";
import type { Grant } from "../src/contracts/runner.ts";
import type { LeaseId, Millis } from "../src/domain/ids.ts";
import { claimMax } from "../src/domain/limits.ts";
import { chooseRepository } from "../src/domain/pool.ts";
import type { Env } from "./env.ts";
import type { PoolMembers } from "./pool-members.ts";
import type { PoolPause } from "./pool-pause.ts";
import type { PoolSockets, Session } from "./pool-sockets.ts";
import type { PoolRunner } from "./pool-tables.ts";
import { repoCalls } from "./stubs.ts";
import { switchesNow } from "./switches.ts";

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
	readonly #members: PoolMembers;
	readonly #sockets: PoolSockets;
	readonly #pause: PoolPause;
	readonly #granted: (first: boolean) => void;
	/** Slots for which a claim is under way, by runner. */
	readonly #claiming = new Map<string, number>();
	readonly #resting = new Map<string, Millis>();
	#round: Promise<void> | null = null;
	#again = false;

	/** `granted` is called with each lease that is handed out, and told whether it is the only one. */
	constructor(
		env: Env,
		parts: { members: PoolMembers; sockets: PoolSockets; pause: PoolPause; granted: (first: boolean) => void },
	) {
		this.#env = env;
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
		this.#round ??= this.#serve()
			.catch((cause) => console.error(JSON.stringify({ event: "serve-failed", cause: String(cause) })))
			.finally(() => {
				this.#round = null;
			});
	}

	async #serve(): Promise<void> {
		while (this.#again) {
			this.#again = false;
			for (const [socket, poll] of [...this.#sockets.polls()]) {
				if (!this.#members.hasDemand()) return;
				const grant = await this.one(this.#members.see(poll.runner, Date.now()), poll.named);
				// A poll that ended in this very moment: nobody starts the grant, and it lapses.
				if (grant !== null) this.#sockets.answer(socket, JSON.stringify(grant));
			}
			for (const [socket, session] of [...this.#sockets.sessions()]) {
				if (!this.#members.hasDemand()) break;
				await this.#serveSession(socket, session);
			}
		}
	}

	async #serveSession(socket: WebSocket, session: Session): Promise<void> {
		if (session.instanceId === null || session.leaving || this.#sockets.session(socket) === null) return;
		const runner = this.#members.known(session.runner);
		const wish: Wish = { named: null, atMost: claimMax, session: true };
		for (const grant of await this.#fill({ ...runner, capacity: session.capacity }, wish)) {
			this.#sockets.send(socket, { type: "grant", grant });
		}
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
			claimed = await repoCalls(this.#env, { owner, repo }).claim({ runner: { id, name }, pool, shard, labels, free });
		} catch (cause) {
			console.error(JSON.stringify({ event: "claim-failed", repository, cause: String(cause) }));
			this.#rest(repository);
			return [];
		}
		this.#members.hear(claimed.demand);
		if (claimed.grants.length > 0) return claimed.grants.map((granted) => this.#sign(id, granted, session));
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
