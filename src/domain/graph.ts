// The needs of a run's jobs: checked once when they are accepted, then followed each time a job ends or is retried.

import type { Outcome } from "./job.ts";
import type { GraphFault } from "./refusal.ts";
import { assert } from "./refusal.ts";
import type { When } from "./submission.ts";

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

/** What the graph knows of a job. `outcome` is null until it is finished. */
export interface Node {
	index: number;
	needs: number[];
	when: When;
	allowFailure: boolean;
	blocked: boolean;
	outcome: Outcome | null;
}

export type Readiness = "open" | "ready" | "skip";

/**
 * [G2] `success` asks that every need ended well, `failure` that one did not, `always` only that all ended.
 * A need that may fail (`allowFailure`) always ends well; a skipped, canceled or expired one does not.
 * A `success` is given up as soon as one need ended badly; the other two wait for all.
 */
export function readiness(node: Node, nodes: ReadonlyMap<number, Node>): Readiness {
	let open = false;
	let bad = false;
	for (const index of node.needs) {
		const need = nodes.get(index);
		assert(need, `the need ${index} of job ${node.index} is in its run`);
		if (need.outcome === null) open = true;
		else if (!endedWell(need)) bad = true;
	}
	if (node.when === "success" && bad) return "skip";
	if (open) return "open";
	if (node.when === "failure") return bad ? "ready" : "skip";
	return "ready";
}

function endedWell(node: Node): boolean {
	if (node.outcome === "passed") return true;
	return node.allowFailure && (node.outcome === "failed" || node.outcome === "timed-out" || node.outcome === "lost");
}

/**
 * [G3] Follows an end through the graph: blocked jobs that became ready, and those that are skipped, whose own end is
 * followed in turn. Changes `nodes` as it goes. `from` are the places that ended.
 */
export function carryOn(nodes: Map<number, Node>, from: number[]): { index: number; readiness: "ready" | "skip" }[] {
	const dependants = dependantsOf(nodes);
	const found: { index: number; readiness: "ready" | "skip" }[] = [];
	const ended = [...from];
	for (let index = ended.pop(); index !== undefined; index = ended.pop()) {
		for (const next of dependants.get(index) ?? []) {
			const node = nodes.get(next);
			if (!node?.blocked) continue;
			const now = readiness(node, nodes);
			if (now === "open") continue;
			node.blocked = false;
			found.push({ index: next, readiness: now });
			if (now === "skip") {
				node.outcome = "skipped";
				ended.push(next);
			}
		}
	}
	return found;
}

/** [G4] The skipped jobs that wait again when `from` run again, however far down. */
export function reopened(nodes: Map<number, Node>, from: number[]): number[] {
	const dependants = dependantsOf(nodes);
	const found = new Set<number>();
	const open = [...from];
	for (let index = open.pop(); index !== undefined; index = open.pop()) {
		for (const next of dependants.get(index) ?? []) {
			if (nodes.get(next)?.outcome !== "skipped" || found.has(next)) continue;
			found.add(next);
			open.push(next);
		}
	}
	return [...found].sort((a, b) => a - b);
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
