// The faults that are on now, in this isolate. They end by themselves, and with the runtime: nobody must take them back.
import type { MessageWay, Target, Way } from "../plan/faults.ts";

export type InsideFault =
	| { target: Target; way: Way; forMs: number; every: number }
	| { target: "messages"; way: MessageWay; forMs: number; every: number };

interface Standing {
	fault: InsideFault;
	until: number;
	calls: number;
}

/** What crawls takes so long; repositories are given 2 s before a submission is spilled. */
export const crawlMs = 2_500;
/** What a queue holds back. */
export const delaySeconds = 5;

/** At most one for each target: a later one takes its place. */
const standing = new Map<Target | "messages", Standing>();
/** Calls that met a fault, since the isolate began. */
const met: Record<string, number> = {};

export function begin(fault: InsideFault): void {
	standing.set(fault.target, { fault, until: Date.now() + fault.forMs, calls: 0 });
}

export function hits(): Record<string, number> {
	return met;
}

/** What befalls this call; null: nothing. */
export function wayFor(target: Target): Way | null {
	return drawn(target) as Way | null;
}

export function wayForMessages(): MessageWay | null {
	return drawn("messages") as MessageWay | null;
}

function drawn(target: Target | "messages"): Way | MessageWay | null {
	const found = standing.get(target);
	if (!found || found.until <= Date.now() || found.calls++ % found.fault.every !== 0) return null;
	const name = `${found.fault.way}-${target}`;
	met[name] = (met[name] ?? 0) + 1;
	return found.fault.way;
}
