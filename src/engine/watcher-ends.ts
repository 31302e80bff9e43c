// Viewers' sockets that an object holds, and the tokens and sessions they rest on: kept as tags of each socket, which outlive the
// object's sleep. While there are such sockets the object wakes twice a minute and asks about all of them: their owner's object
// once, and the object of each holder of sessions once.
import type { SessionStanding } from "../contracts/objects/person.ts";
import { tokenEndedCloseCode } from "../contracts/wire/sockets/close-code.ts";
import {
	isMembershipAsBefore,
	membershipChanged,
	parseRestsOn,
	sessionEnded,
	tokenExpired,
	tokenRevoked,
} from "../contracts/wire/sockets/stream-token.ts";
import type { HeldRest } from "../contracts/wire/sockets/stream-token.ts";
import type { Millis } from "../domain/ids.ts";
import type { World } from "./ports.ts";
import { isOpen } from "./sockets.ts";
import type { HeldSocket, HeldSockets } from "./sockets.ts";

/** An end acts within this and the time of one call. */
export const watchersLookMs = 30_000;
const prefix = "rests-on:";

export interface EndedTokens {
	/** Which of these tokens of the object's owner have ended; null while that cannot be said. */
	endedTokens(ids: string[]): Promise<string[] | null>;
	/** How sessions of one holder stand. */
	sessionStanding(holder: string, sessions: string[]): Promise<Pick<SessionStanding, "ended" | "memberships">>;
}

/** What was answered; nothing of those who did not answer. */
interface Heard {
	tokens: ReadonlySet<string>;
	sessions: ReadonlyMap<string, Pick<SessionStanding, "ended" | "memberships">>;
}

/** The tags with which a watcher's socket is accepted; `restsOn` is as its request says. */
export function tagsOf(restsOn: readonly string[]): string[] {
	return restsOn.map((rest) => prefix + rest);
}

export class WatcherEnds {
	readonly #world: World;
	readonly #sockets: HeldSockets;
	readonly #outside: EndedTokens;

	constructor(ports: { world: World; sockets: HeldSockets; outside: EndedTokens }) {
		this.#world = ports.world;
		this.#sockets = ports.sockets;
		this.#outside = ports.outside;
	}

	/** When to look again; null while no socket rests on anything that could end. */
	nextLookAt(): Millis | null {
		return this.#resting().length > 0 ? this.#world.now() + watchersLookMs : null;
	}

	/** Closes each socket whose right has ended. An object that does not answer ends none: the next look asks again. */
	async look(): Promise<void> {
		const resting = this.#resting();
		if (resting.length === 0) return;
		const heard = await this.#ask(resting.flatMap(({ rests }) => rests));
		const now = this.#world.now();
		for (const { socket, rests } of resting) {
			const reason = rests.map((rest) => whyEnded(rest, heard, now)).find((why) => why !== null);
			if (reason != null) socket.close(tokenEndedCloseCode, reason);
		}
	}

	/** Sets the alarm for the next look, unless it goes off before that. */
	async wakeForLook(): Promise<void> {
		const at = this.nextLookAt();
		if (at === null) return;
		const { storage } = this.#world;
		const set = await storage.getAlarm();
		if (set === null || set > at) await storage.setAlarm(at);
	}

	async #ask(rests: readonly HeldRest[]): Promise<Heard> {
		const tokens = new Set(rests.flatMap((rest) => (rest.kind === "token" ? rest.token : [])));
		const holders = new Map<string, Set<string>>();
		for (const rest of rests) {
			if (rest.kind !== "session") continue;
			const sessions = holders.get(rest.holder) ?? new Set();
			holders.set(rest.holder, sessions.add(rest.session));
		}
		const sessions: Map<string, Pick<SessionStanding, "ended" | "memberships">> = new Map();
		const asked = [...holders].map(async ([holder, ids]) => {
			const standing = await this.#outside.sessionStanding(holder, [...ids]).catch(() => null);
			if (standing !== null) sessions.set(holder, standing);
		});
		const ended = tokens.size === 0 ? null : await this.#outside.endedTokens([...tokens]).catch(() => null);
		await Promise.all(asked);
		return { tokens: new Set(ended), sessions };
	}

	#resting(): { socket: HeldSocket; rests: HeldRest[] }[] {
		return this.#sockets.getWebSockets().flatMap((socket) => {
			if (!isOpen(socket)) return [];
			const tags = this.#sockets.getTags(socket).filter((each) => each.startsWith(prefix));
			return tags.length === 0 ? [] : [{ socket, rests: tags.map((tag) => parseRestsOn(tag.slice(prefix.length))) }];
		});
	}
}

function whyEnded(rest: HeldRest, { tokens, sessions }: Heard, now: Millis): string | null {
	const isExpired = rest.expiresAt !== null && rest.expiresAt <= now;
	if (rest.kind === "token") {
		if (isExpired) return tokenExpired;
		return tokens.has(rest.token) ? tokenRevoked : null;
	}
	const standing = sessions.get(rest.holder);
	if (isExpired || standing?.ended.includes(rest.session)) return sessionEnded;
	if (standing === undefined || isMembershipAsBefore(rest.membership, standing.memberships)) return null;
	return membershipChanged;
}
