// How a journey waits: it looks again and again at what it waits for, and says what that was when it does not come.
import { setTimeout as pause } from "node:timers/promises";

const lookAgainMs = 50;
/** Far beyond what anything here takes, also on a machine with better things to do. */
const withinMsDefault = 60_000;

/** Resolves to the first thing that `look` finds; null, undefined and false are nothing. */
export async function until<T>(
	what: string,
	look: () => Promise<T | null | undefined | false>,
	{ withinMs = withinMsDefault }: { withinMs?: number } = {},
): Promise<T> {
	for (const endsAt = Date.now() + withinMs; ; await pause(lookAgainMs)) {
		const found = await look();
		if (found !== null && found !== undefined && found !== false) return found;
		if (Date.now() > endsAt) throw new Error(`not within ${withinMs / 1_000} s: ${what}`);
	}
}
