// The platform's rate limits as a counter of calls. What it promises is little: each location counts for itself and learns of its
// other machines late, so a caller who comes by several locations has the limit in each; its windows begin by the clock, and it
// does not say when one ends. Its numbers stand in wrangler.toml, and what an operator sets for an owner does not change them.
import type { CallRateName } from "../../src/domain/limit/limit-table.ts";
import type { Env } from "../env.ts";
import type { RateCounter } from "../../src/operations/overload/call-rates.ts";

export type PlatformLimits = Readonly<Record<CallRateName, RateLimit>>;

/** Null on one machine, where a server that counted at another process for each call would only be slower. */
export function platformLimitsOf(
	env: Pick<Env, "TOKEN_CALLS" | "TOKEN_DEAR_CALLS" | "ADDRESS_CALLS">,
): PlatformLimits | null {
	const { TOKEN_CALLS, TOKEN_DEAR_CALLS, ADDRESS_CALLS } = env;
	if (TOKEN_CALLS === undefined || TOKEN_DEAR_CALLS === undefined || ADDRESS_CALLS === undefined) return null;
	return { "token-calls": TOKEN_CALLS, "token-dear-calls": TOKEN_DEAR_CALLS, "address-calls": ADDRESS_CALLS };
}

/** A part of its window: whoever waits the whole of it waits too long in most cases, and one too early is only refused again. */
const retryAfterMs = 10_000;

export function platformRates(limits: PlatformLimits): RateCounter {
	return {
		async take(limit, key) {
			// One that cannot be asked shuts nobody out.
			const counted = await limits[limit].limit({ key }).catch(() => ({ success: true }));
			return counted.success ? null : retryAfterMs;
		},
	};
}
