// Whether an open stream may go on. Streams that the Worker itself ends look every 15 s and with each message. A look waits for
// nobody: it begins to ask where knowledge is old, and the next look sees the answer. An owner that does not answer ends nothing.
import { tokenEndedCloseCode } from "../../../contracts/wire/sockets/close-code.ts";
import {
	isMembershipAsBefore,
	membershipChanged,
	sessionEnded,
	tokenExpired,
	tokenLookMs,
	tokenRevoked,
} from "../../../contracts/wire/sockets/stream-token.ts";
import type { StreamRest } from "../../../contracts/wire/sockets/stream-token.ts";
import { streamRestsOf } from "../../../operations/access.ts";
import type { Caller } from "../../../operations/access.ts";
import type { Services } from "../services.ts";

/** How the document answers for each stream that rests on a token. */
export const perFrame = `One message per frame; closes with ${tokenEndedCloseCode} when the token has ended`;

/** Why a stream must end now; null: it may go on. */
export type StreamStanding = () => string | null;

export function standingOf(services: Services, caller: Caller, { owner }: { owner: string }): StreamStanding {
	const rests = streamRestsOf(caller, owner);
	return () => rests.map((rest) => whyEnded(services, rest)).find((why) => why !== null) ?? null;
}

function whyEnded({ now, ends, sessions }: Services, rest: StreamRest): string | null {
	const isExpired = rest.expiresAt !== null && rest.expiresAt <= now();
	if (rest.kind === "token") {
		if (isExpired) return tokenExpired;
		ends.learn(rest)?.catch(() => undefined);
		return ends.standing(rest) === "ended" ? tokenRevoked : null;
	}
	if (isExpired) return sessionEnded;
	sessions.learn(rest)?.catch(() => undefined);
	const standing = sessions.standing(rest);
	if (standing === "ended") return sessionEnded;
	if (standing === "unknown" || isMembershipAsBefore(rest.membership, standing.memberships)) return null;
	return membershipChanged;
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
