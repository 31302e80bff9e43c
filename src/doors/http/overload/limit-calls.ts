// Which calls are counted, and as whose: those with a good token as the token's, all others as their address's. Behind one address
// may sit a thousand people, so what an address is refused never touches whoever brings a token that this process knows. Runners,
// leases and the operator are counted nowhere.
import type { Context } from "hono";
import { sameText } from "../../../auth/token.ts";
import { limitFacts } from "../../../contracts/wire/refusal-facts.ts";
import type { Millis } from "../../../domain/ids.ts";
import { limitOf } from "../../../domain/limit/limit-table.ts";
import type { CallRateName } from "../../../domain/limit/limit-table.ts";
import { listCost } from "../../../domain/overload/overload-limits.ts";
import type { LimitReached } from "../../../domain/refusal.ts";
import { addressKey } from "../../../domain/text/client-address.ts";
import { ProblemAnswer } from "../answer.ts";
import { addressOf, bearerText, bringsWork, isOperator } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { isKnownToken } from "../verified-tokens.ts";
import { classOf } from "./call-class.ts";

/** [V5] Whoever watches the process must hear of it in a flood above all. */
const uncountedPaths: ReadonlySet<string> = new Set(["/healthz", "/readyz", "/metrics"]);
/** The page's files, and what is published, say the same to everybody at next to no price. */
const askingPath = /^\/(v1|auth)\//;
/** What ends work is looked at whatever else comes from its address. */
const workPath = /^\/v1\/(lease|runner)\//;

/** [V30] Before any token is verified. Throws 429 for a stranger from an address that is past its limit. */
export function refuseSpentAddress(c: Context<ApiEnv>): void {
	const { path } = c.req;
	if (uncountedPaths.has(path) || workPath.test(path)) return;
	const text = bearerText(c);
	// One without any is no dearer to look at than this is.
	const { callRates, now, operatorToken } = c.get("services");
	if (text === undefined || isKnownToken(text) || sameText(text, operatorToken)) return;
	const address = addressOf(c);
	if (address === null) return;
	throwIf(callRates.spent("address-calls", addressKey(address), { max: limitOf("address-calls"), now: now() }));
}

/**
 * [V28][V29] After it is known which token or session the call brings. Throws 429 for whoever is past a limit; nothing of the call
 * was done.
 */
export async function countCall(c: Context<ApiEnv>): Promise<void> {
	const { path, method } = c.req;
	if (uncountedPaths.has(path) || bringsWork(c) || isOperator(c)) return;
	const { callRates, now } = c.get("services");
	const counted = countedAs(c);
	if (counted === null) return countStranger(c);
	const at = now();
	const cost = classOf(method, { path, query: new URL(c.req.url).searchParams })?.cost ?? 0;
	for (const limit of cost >= listCost ? (["token-calls", "token-dear-calls"] as const) : (["token-calls"] as const)) {
		throwIf(await callRates.take(limit, counted.key, { max: counted.max(limit, at), now: at }));
	}
}

/** [V45] A person is counted as if all of the person's sessions were one token. Null: a stranger's. */
function countedAs(c: Context<ApiEnv>): { key: string; max(limit: CallRateName, now: Millis): number } | null {
	const [behind, session] = [c.get("behind"), c.get("session")];
	if (behind !== null) {
		const { ownerLimits, owner: calls } = c.get("services");
		const ask = () => calls(behind.owner).limits();
		return {
			key: `${behind.owner} ${behind.token}`,
			max: (limit, now) => ownerLimits.of(behind.owner, limit, { now, ask }),
		};
	}
	return session && { key: `session ${session.holder}`, max: (limit) => limitOf(limit) };
}

async function countStranger(c: Context<ApiEnv>): Promise<void> {
	if (!askingPath.test(c.req.path)) return;
	const { callRates, now } = c.get("services");
	const address = addressOf(c);
	// Where nobody says from where a call came, all of them would be one caller's.
	if (address === null) return;
	const call = { max: limitOf("address-calls"), now: now() };
	throwIf(await callRates.take("address-calls", addressKey(address), call));
}

function throwIf(reached: LimitReached | null): void {
	if (reached !== null) throw new ProblemAnswer(limitFacts(reached));
}
