// The invariants of the rule book, checked after each step against what is stored and what those outside know. Each counts anew
// what the rules keep count of, and says what is wrong, or null.
import type { Facts } from "./facts.ts";
import { keepsBooks, forgetsNothing, hasDeadlines } from "./invariants/books.ts";
import {
	isKept,
	hasOneLease,
	isUntouchedByRefusals,
	isUntouchedByTheStale,
	holdsExclusiveSlots,
	standsAsHistory,
	startsNothingCanceled,
} from "./invariants/history.ts";
import {
	keepsLimits,
	isFair,
	leavesNobodyBehind,
	namesReasons,
	showsWhatWaits,
	tellsDemand,
} from "./invariants/queue.ts";
import { holdsEachLeaseOnce, holdsWhatLives } from "./invariants/pools.ts";
import { comesBackAsItWas, leavesAsItWas } from "./invariants/archive.ts";
import { isBounded } from "./invariants/retry.ts";
import type { InvariantMemory } from "./invariants/memory.ts";

type Check = (facts: Facts, memory: InvariantMemory) => string | null;

const checks: readonly [string, Check][] = [
	["I1", isKept],
	["I2", hasOneLease],
	["I2", isUntouchedByRefusals],
	["I2", isUntouchedByTheStale],
	["I2", holdsExclusiveSlots],
	["I3", standsAsHistory],
	["I6", isBounded],
	["I7", keepsLimits],
	["I8", keepsBooks],
	["I9", isFair],
	["I10", hasDeadlines],
	["I10", leavesNobodyBehind],
	["I10", tellsDemand],
	["P16", showsWhatWaits],
	["I10", forgetsNothing],
	["P20", holdsEachLeaseOnce],
	["P20", holdsWhatLives],
	["D15", startsNothingCanceled],
	["E1", namesReasons],
	["T30", leavesAsItWas],
	["T30", comesBackAsItWas],
];

/** Throws with the id of the first invariant that does not hold. */
export function checkInvariants(facts: Facts, memory: InvariantMemory): void {
	for (const [id, check] of checks) {
		const wrong = check(facts, memory);
		if (wrong !== null) throw new Error(`[${id}] ${wrong}`);
	}
}
