// Viewers' sockets that an object holds, and the tokens they rest on: kept as a tag of each socket, which outlives the object's
// sleep. While there are such sockets the object wakes twice a minute and asks their owner's object about all of them at once.
import { tokenEndedCloseCode } from "../contracts/wire/sockets/close-code.ts";
import { parseRestsOn, tokenExpired, tokenRevoked } from "../contracts/wire/sockets/stream-token.ts";
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
}

/** The tags with which a watcher's socket is accepted; `restsOn` is as its request says. */
export function tagsOf(restsOn: string | null): string[] {
	return restsOn === null ? [] : [prefix + restsOn];
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

	/** When to look again; null while no socket rests on a token. */
	nextLookAt(): Millis | null {
		return this.#resting().length > 0 ? this.#world.now() + watchersLookMs : null;
	}

	/** Closes each socket whose token has ended. An owner's object that does not answer ends none: the next look asks again. */
	async look(): Promise<void> {
		const resting = this.#resting();
		if (resting.length === 0) return;
		const ids = new Set(resting.map(({ id }) => id));
		const answer = await this.#outside.endedTokens([...ids]).catch(() => null);
		const ended = new Set(answer);
		const now = this.#world.now();
		for (const { socket, id, expiresAt } of resting) {
			if (expiresAt !== null && expiresAt <= now) socket.close(tokenEndedCloseCode, tokenExpired);
			else if (ended.has(id)) socket.close(tokenEndedCloseCode, tokenRevoked);
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

	#resting(): { socket: HeldSocket; id: string; expiresAt: Millis | null }[] {
		return this.#sockets.getWebSockets().flatMap((socket) => {
			if (!isOpen(socket)) return [];
			const tag = this.#sockets.getTags(socket).find((each) => each.startsWith(prefix));
			return tag === undefined ? [] : [{ socket, ...parseRestsOn(tag.slice(prefix.length)) }];
		});
	}
}
