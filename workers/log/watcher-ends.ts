// Viewers' sockets that an object holds, and the tokens they rest on: kept as a tag of each socket, which outlives the object's
// sleep. While there are such sockets the object wakes twice a minute and asks their owner's object about all of them at once.
import { parseRestsOn } from "../../src/contracts/wire/stream-token.ts";
import { tokenExpired, tokenRevoked } from "../../src/contracts/wire/stream-token.ts";
import { tokenEndedCloseCode } from "../../src/contracts/wire/close-code.ts";
import type { Millis } from "../../src/domain/ids.ts";
import type { Env } from "../env.ts";
import { ownerCalls } from "../stubs.ts";

/** An end acts within this and the time of one call. */
export const watchersLookMs = 30_000;
const prefix = "rests-on:";

export class WatcherEnds {
	readonly #ctx: DurableObjectState;
	readonly #env: () => Env;

	constructor(ctx: DurableObjectState, env: () => Env) {
		this.#ctx = ctx;
		this.#env = env;
	}

	/** What a socket that was asked for so is to be accepted with. */
	tagsOf(restsOn: string | null): string[] {
		return restsOn === null ? [] : [prefix + restsOn];
	}

	/** When to look again; null while no socket rests on a token. */
	nextLookAt(): Millis | null {
		return this.#resting().length > 0 ? Date.now() + watchersLookMs : null;
	}

	/** Closes whose token has ended. An owner's object that does not answer ends nothing: the next look asks again. */
	async look(): Promise<void> {
		const resting = this.#resting();
		if (resting.length === 0) return;
		const owner = (this.#ctx.id.name ?? "").split("/")[0] ?? "";
		const ids = new Set(resting.map(({ id }) => id));
		const answer = await ownerCalls(this.#env(), owner)
			.ended([...ids])
			.catch(() => null);
		const ended = new Set(answer);
		const now = Date.now();
		for (const { socket, id, expiresAt } of resting) {
			if (expiresAt !== null && expiresAt <= now) socket.close(tokenEndedCloseCode, tokenExpired);
			else if (ended.has(id)) socket.close(tokenEndedCloseCode, tokenRevoked);
		}
	}

	/** Sooner than what is set, if a look is due before. */
	async wakeForLook(): Promise<void> {
		const at = this.nextLookAt();
		if (at === null) return;
		const set = await this.#ctx.storage.getAlarm();
		if (set === null || set > at) await this.#ctx.storage.setAlarm(at);
	}

	#resting(): { socket: WebSocket; id: string; expiresAt: Millis | null }[] {
		return this.#ctx.getWebSockets().flatMap((socket) => {
			if (socket.readyState !== WebSocket.OPEN) return [];
			const tag = this.#ctx.getTags(socket).find((each) => each.startsWith(prefix));
			return tag === undefined ? [] : [{ socket, ...parseRestsOn(tag.slice(prefix.length)) }];
		});
	}
}
