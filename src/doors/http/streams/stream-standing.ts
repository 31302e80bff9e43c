// Whether an open stream may go on. Streams that the Worker itself ends look every 15 s and with each message. A look waits for
// nobody: it begins to ask where knowledge is old, and the next look sees the answer. An owner that does not answer ends nothing.
import { tokenEndedCloseCode } from "../../../contracts/wire/sockets/close-code.ts";
import { tokenExpired, tokenLookMs, tokenRevoked } from "../../../contracts/wire/sockets/stream-token.ts";
import { streamTokenOf } from "../../../operations/access.ts";
import type { Caller } from "../../../operations/access.ts";
import type { Services } from "../services.ts";

/** How the document answers for each stream that rests on a token. */
export const perFrame = `One message per frame; closes with ${tokenEndedCloseCode} when the token has ended`;

/** Why a stream must end now; null: it may go on. */
export type StreamStanding = () => string | null;

export function standingOf(services: Services, caller: Caller): StreamStanding {
	const token = streamTokenOf(caller);
	if (token === null) return () => null;
	return () => {
		if (token.expiresAt !== null && token.expiresAt <= services.now()) return tokenExpired;
		services.ends.learn(token)?.catch(() => undefined);
		return services.ends.standing(token) === "ended" ? tokenRevoked : null;
	};
}

/** Calls `end` once when the stream must end, unless `gone` is aborted before. */
export function whenEnded(standing: StreamStanding, gone: AbortSignal, end: (reason: string) => void): void {
	const timer = setInterval(() => {
		const reason = standing();
		if (reason === null) return;
		clearInterval(timer);
		end(reason);
	}, tokenLookMs);
	gone.addEventListener("abort", () => clearInterval(timer), { once: true });
	if (gone.aborted) clearInterval(timer);
}
