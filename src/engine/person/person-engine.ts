// The sessions of one person, and a copy of what the person is at each owner; or the invitations under one name, or the sessions of
// one token or the operator. It calls nobody: owners tell it, isolates ask it. The same program runs in PersonObject and in Node's
// tests.
import type {
	HeldSession,
	Holder,
	OwnerMembership,
	PersonCalls,
	SessionStanding,
} from "../../contracts/objects/person.ts";
import type { Millis } from "../../domain/ids.ts";
import { sessionIdleMs, sessionsMax } from "../../domain/limits.ts";
import type { World } from "../ports.ts";
import { PersonTables } from "./person-tables.ts";

/** How exactly it is known when a session was used: a write each time would be one each half minute. */
const usedEveryMs = 10 * 60_000;
/** What is over is forgotten this much later at most. */
const forgetAgainMs = 60 * 60_000;

export class PersonEngine implements PersonCalls {
	readonly #world: World;
	readonly #tables: PersonTables;

	constructor({ world }: { world: World }) {
		this.#world = world;
		this.#tables = new PersonTables(world.storage);
	}

	async standing(sessions: string[]): Promise<SessionStanding> {
		const now = this.#world.now();
		const live = new Map(this.#live(now).map((session) => [session.id, session]));
		const stale = sessions.filter((id) => now - (live.get(id)?.usedAt ?? now) >= usedEveryMs);
		if (stale.length > 0) this.#tables.use(stale, now);
		const ended = sessions.filter((id) => !live.has(id));
		return { ended, holder: this.#tables.holder, memberships: this.#tables.memberships() };
	}

	async openSession({ session, holder }: { session: HeldSession; holder: Holder }): Promise<void> {
		const now = this.#world.now();
		const live = this.#live(now).filter(({ id }) => id !== session.id);
		// The list begins with the last used: what is past the bound was not used for longest.
		this.#tables.dropSessions(live.slice(sessionsMax - 1).map(({ id }) => id));
		this.#tables.setHolder(holder);
		this.#tables.addSession(session);
		await this.#wakeBy(session.expiresAt);
	}

	async sessions(): Promise<HeldSession[]> {
		return this.#live(this.#world.now());
	}

	async endSession(id: string): Promise<boolean> {
		const wasThere = this.#live(this.#world.now()).some((session) => session.id === id);
		if (wasThere) this.#tables.dropSessions([id]);
		return wasThere;
	}

	async hearMembership({
		owner,
		version,
		membership,
	}: {
		owner: string;
		version: number;
		membership: OwnerMembership | null;
	}): Promise<void> {
		this.#tables.setMembership(owner, version, membership);
	}

	async memberships(): Promise<OwnerMembership[]> {
		return this.#tables.memberships();
	}

	async holder(): Promise<Holder | null> {
		return this.#tables.holder;
	}

	/** Forgets what is over. An object of which nothing is left takes no room. */
	async alarm(): Promise<void> {
		const now = this.#world.now();
		const live = this.#live(now);
		const kept = new Set(live.map(({ id }) => id));
		this.#tables.dropSessions(
			this.#tables
				.sessions()
				.map(({ id }) => id)
				.filter((id) => !kept.has(id)),
		);
		if (this.#tables.isEmpty) return this.#tables.deleteAll();
		const ends = live.map(endOf);
		if (ends.length > 0) await this.#world.storage.setAlarm(Math.max(Math.min(...ends), now + forgetAgainMs));
	}

	/** The last used first. */
	#live(now: Millis): HeldSession[] {
		return this.#tables.sessions().filter((session) => now < endOf(session));
	}

	async #wakeBy(at: Millis): Promise<void> {
		const { storage } = this.#world;
		const set = await storage.getAlarm();
		if (set === null || set > at) await storage.setAlarm(at);
	}
}

function endOf({ usedAt, expiresAt }: HeldSession): Millis {
	return Math.min(expiresAt, usedAt + sessionIdleMs);
}
