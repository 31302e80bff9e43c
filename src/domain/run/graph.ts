// The needs of a run's jobs: checked once when they are accepted, then followed each time a job ends or is retried.

import type { Outcome } from "../job/job.ts";
import type { GraphFault } from "../refusal.ts";
import { assert } from "../refusal.ts";
import type { When } from "../job/submission.ts";

/** [G1] Unknown needs, doubled keys and cycles are found before anything is stored. `known` are the keys already in the run. */
export function checkGraph(jobs: { key: string; needs: string[] }[], known: ReadonlyMap<string, number>): GraphFault[] {
	const faults: GraphFault[] = [];
	const places = new Map<string, number>();
	jobs.forEach((job, index) => {
		if (places.has(job.key) || known.has(job.key)) {
			faults.push({ index, need: null, message: `the key "${job.key}" is used twice` });
		} else places.set(job.key, index);
	});
	jobs.forEach((job, index) => {
		job.needs.forEach((key, need) => {
			if (!places.has(key) && !known.has(key)) {
				faults.push({ index, need, message: `no job has the key "${key}"` });
			}
		});
	});
	return faults.length > 0 ? faults : findCycle(jobs, places);
}

/** Depth first without recursion: a chain of 10,000 jobs must not end the stack. */
function findCycle(jobs: { key: string; needs: string[] }[], places: ReadonlyMap<string, number>): GraphFault[] {
	const done = new Uint8Array(jobs.length); // 0 new, 1 on the path, 2 done
	for (let root = 0; root < jobs.length; root++) {
		if (done[root] !== 0) continue;
		const path: { at: number; need: number }[] = [{ at: root, need: 0 }];
		done[root] = 1;
		for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
			const needs = jobs[top.at]?.needs ?? [];
			const key = needs[top.need];
			if (key === undefined) {
				done[top.at] = 2;
				path.pop();
				continue;
			}
			const target = places.get(key);
			if (target !== undefined && done[target] === 1) {
				const cycle = path.slice(path.findIndex((step) => step.at === target)).map((step) => jobs[step.at]?.key);
				return [{ index: top.at, need: top.need, message: `a cycle: ${[...cycle, key].join(" → ")}` }];
			}
			top.need++;
			if (target !== undefined && done[target] === 0) {
				done[target] = 1;
				path.push({ at: target, need: 0 });
			}
		}
	}
	return [];
}

/** [G5] What an end means to the jobs below and to the run: `allowFailure` forgives what counts as failed, and nothing else. */
export const meaningOf: Record<Outcome, "well" | "failed" | "canceled" | "skipped"> = {
	passed: "well",
	failed: "failed",
	"timed-out": "failed",
	lost: "failed",
	refused: "failed",
	expired: "failed",
	canceled: "canceled",
	skipped: "skipped",
};

/** What the graph knows of a job. `outcome` is null until it is finished. */
export interface Node {
	index: number;
	needs: number[];
	when: When;
	allowFailure: boolean;
	blocked: boolean;
	outcome: Outcome | null;
}

export type NodeReadiness = "open" | "ready" | "skip";

/** How a node's needs stand. */
interface Tally {
	open: number;
	bad: number;
}

/**
 * [G2] `success` asks that every need ended well, `failure` that one did not, `always` only that all ended. A `success` is
 * given up as soon as one need ended badly; the other two wait for all.
 */
export function nodeReadiness(node: Node, nodes: ReadonlyMap<number, Node>): NodeReadiness {
	return verdict(node.when, tallyOf(node, nodes));
}

function verdict(when: When, { open, bad }: Tally): NodeReadiness {
	if (when === "success" && bad > 0) return "skip";
	if (open > 0) return "open";
	if (when === "failure") return bad > 0 ? "ready" : "skip";
	return "ready";
}

const endText: Record<Outcome, string> = {
	passed: "passed",
	failed: "failed",
	"timed-out": "timed out",
	lost: "was lost",
	refused: "was refused",
	expired: "expired",
	canceled: "was canceled",
	skipped: "was skipped",
};

/** [J19] Why a job is skipped: which of its needs ended otherwise than its `when` asks. `keys` are its needs' as they stand in `node.needs`. */
export function skipReason({ needs, when }: Node, nodes: ReadonlyMap<number, Node>, keys: readonly string[]): string {
	const ended = needs.flatMap((index, at) => {
		const need = nodes.get(index);
		if (!need?.outcome) return [];
		const forgiven = need.outcome !== "passed" && endedWell(need.outcome, need) ? ", as it may" : "";
		return [{ need, text: `"${keys[at] ?? index}" ${endText[need.outcome]}${forgiven}` }];
	});
	if (when === "failure") {
		return `it runs when one of its needs fails, and none did: ${cut(ended.map(({ text }) => text))}`;
	}
	const bad = ended.filter(({ need }) => need.outcome && !endedWell(need.outcome, need));
	return `it needs what did not pass: ${cut(bad.map(({ text }) => text))}`;
}

function cut(texts: string[]): string {
	return texts.length > 5 ? `${texts.slice(0, 5).join(", ")} and ${texts.length - 5} more` : texts.join(", ");
}

function tallyOf(node: Node, nodes: ReadonlyMap<number, Node>): Tally {
	const tally = { open: 0, bad: 0 };
	for (const index of node.needs) {
		const need = nodes.get(index);
		assert(need, `the need ${index} of job ${node.index} is in its run`);
		if (need.outcome === null) tally.open++;
		else if (!endedWell(need.outcome, need)) tally.bad++;
	}
	return tally;
}

function endedWell(outcome: Outcome, { allowFailure }: Node): boolean {
	const meaning = meaningOf[outcome];
	return meaning === "well" || (meaning === "failed" && allowFailure);
}

/**
 * [G3] Follows an end through the graph: blocked jobs that became ready, and those that are skipped, whose own end is
 * followed in turn. Changes `nodes` as it goes. `from` are the places that ended. Each need is looked at a fixed number of
 * times, however deep the graph: a chain of skips above a thousand `always` jobs must not take the object's whole time.
 */
export function carryOn(nodes: Map<number, Node>, from: number[]): { index: number; readiness: "ready" | "skip" }[] {
	const dependants = dependantsOf(nodes);
	const tallies = new Map<number, Tally>();
	const found: { index: number; readiness: "ready" | "skip" }[] = [];
	const look = from.flatMap((index) => dependants.get(index) ?? []);
	for (const node of nodes.values()) if (node.blocked) tallies.set(node.index, tallyOf(node, nodes));
	for (let index = look.pop(); index !== undefined; index = look.pop()) {
		const node = nodes.get(index);
		const tally = tallies.get(index);
		if (!node?.blocked || !tally) continue;
		const now = verdict(node.when, tally);
		if (now === "open") continue;
		node.blocked = false;
		found.push({ index, readiness: now });
		if (now === "ready") continue;
		node.outcome = "skipped";
		for (const next of dependants.get(index) ?? []) {
			const tally = tallies.get(next);
			if (!tally) continue;
			tally.open--;
			tally.bad++;
			look.push(next);
		}
	}
	return found;
}

/**
 * [G4] The skipped jobs that wait again when `from` run again, however far down. One that another need, not run again, holds
 * skipped stays so. Changes `nodes`: what runs again has no outcome.
 */
export function reopened(nodes: Map<number, Node>, from: number[]): number[] {
	const dependants = dependantsOf(nodes);
	const waking = new Set(from);
	const bad = new Map<number, number>();
	for (const node of nodes.values()) if (node.outcome === "skipped") bad.set(node.index, tallyOf(node, nodes).bad);
	// A set is walked in order of insertion, and what is added meanwhile is walked too.
	for (const index of waking) {
		const node = nodes.get(index);
		if (!node) continue;
		const wasBad = node.outcome !== null && !endedWell(node.outcome, node);
		node.outcome = null;
		for (const next of dependants.get(index) ?? []) {
			const below = nodes.get(next);
			if (below?.outcome !== "skipped" || waking.has(next)) continue;
			const left = (bad.get(next) ?? 0) - (wasBad ? 1 : 0);
			bad.set(next, left);
			if (left === 0) waking.add(next);
		}
	}
	for (const index of from) waking.delete(index);
	return [...waking].sort((a, b) => a - b);
}

function dependantsOf(nodes: ReadonlyMap<number, Node>): Map<number, number[]> {
	const dependants = new Map<number, number[]>();
	for (const node of nodes.values()) {
		for (const need of node.needs) {
			const list = dependants.get(need);
			if (list) list.push(node.index);
			else dependants.set(need, [node.index]);
		}
	}
	return dependants;
}
