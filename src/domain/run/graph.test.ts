import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { outcomes } from "../../testing/builders.ts";
import type { Node } from "./graph.ts";
import { carryOn, checkGraph, nodeReadiness, reopened, skipReason } from "./graph.ts";
import type { Outcome } from "../job/job.ts";
import { requestJobsMax, runJobsMax } from "../limits.ts";
import type { When } from "../job/submission.ts";

const nothing: ReadonlyMap<string, number> = new Map();

function aNode(index: number, patch: Partial<Node> = {}): Node {
	return { index, needs: [], when: "success", allowFailure: false, blocked: false, outcome: null, ...patch };
}

function graphOf(...nodes: Node[]): Map<number, Node> {
	return new Map(nodes.map((node) => [node.index, node]));
}

describe("checkGraph", () => {
	const check = (...jobs: [string, ...string[]][]) =>
		checkGraph(
			jobs.map(([key, ...needs]) => ({ key, needs })),
			nothing,
		);

	it("[G1] a diamond is no cycle", () => {
		expect(check(["a"], ["b", "a"], ["c", "a"], ["d", "b", "c"])).toEqual([]);
	});

	it("[G1] the order in which jobs are written does not matter", () => {
		expect(check(["d", "b"], ["b", "a"], ["a"])).toEqual([]);
	});

	it("[G1] a job that needs itself is a cycle", () => {
		expect(check(["a", "a"])).toEqual([{ index: 0, need: 0, message: "a cycle: a → a" }]);
	});

	it("[G1] a cycle is told as it goes, without what only leads to it", () => {
		expect(check(["x", "a"], ["a", "b"], ["b", "y", "c"], ["c", "a"], ["y"])).toEqual([
			{ index: 3, need: 0, message: "a cycle: a → b → c → a" },
		]);
	});

	it("[G1] every unknown need and doubled key is named with its place", () => {
		expect(check(["a", "z"], ["a"], ["b", "a", "y"])).toEqual([
			{ index: 1, need: null, message: 'the key "a" is used twice' },
			{ index: 0, need: 0, message: 'no job has the key "z"' },
			{ index: 2, need: 1, message: 'no job has the key "y"' },
		]);
	});

	it("[G1] jobs that are added may need what is in the run, and may not take its keys", () => {
		const known = new Map([["build", 0]]);
		expect(checkGraph([{ key: "test", needs: ["build"] }], known)).toEqual([]);
		expect(checkGraph([{ key: "build", needs: [] }], known)).toHaveLength(1);
	});

	it("[G1] a chain as long as a run may be is walked without ending the stack", () => {
		const chain = Array.from({ length: runJobsMax }, (_, at) => ({ key: `k${at}`, needs: [`k${at + 1}`] }));
		const last = chain.at(-1);
		if (last) last.needs = [];
		expect(checkGraph(chain, nothing)).toEqual([]);
		if (last) last.needs = ["k0"];
		expect(checkGraph(chain, nothing)).toHaveLength(1);
	});
});

describe("readiness", () => {
	/** What a need's end means, by `when` of the job that needs it: for a need that must not fail, then for one that may. */
	const table: Record<Outcome, Record<When, [string, string]>> = {
		passed: { success: ["ready", "ready"], failure: ["skip", "skip"], always: ["ready", "ready"] },
		failed: { success: ["skip", "ready"], failure: ["ready", "skip"], always: ["ready", "ready"] },
		"timed-out": { success: ["skip", "ready"], failure: ["ready", "skip"], always: ["ready", "ready"] },
		lost: { success: ["skip", "ready"], failure: ["ready", "skip"], always: ["ready", "ready"] },
		refused: { success: ["skip", "ready"], failure: ["ready", "skip"], always: ["ready", "ready"] },
		expired: { success: ["skip", "ready"], failure: ["ready", "skip"], always: ["ready", "ready"] },
		canceled: { success: ["skip", "skip"], failure: ["ready", "ready"], always: ["ready", "ready"] },
		skipped: { success: ["skip", "skip"], failure: ["ready", "ready"], always: ["ready", "ready"] },
	};
	const cases = outcomes.flatMap((outcome) =>
		(["success", "failure", "always"] as const).map((when) => ({ outcome, when, expected: table[outcome][when] })),
	);

	it.each(cases)("[G2][G5] $when after a need that ended as $outcome: $expected", ({ outcome, when, expected }) => {
		const found = [false, true].map((allowFailure) => {
			const nodes = graphOf(aNode(0, { outcome, allowFailure }), aNode(1, { needs: [0], when, blocked: true }));
			return nodeReadiness(nodes.get(1) ?? aNode(1), nodes);
		});
		expect(found).toEqual(expected);
	});

	it.each([
		["success", "skip"],
		["failure", "open"],
		["always", "open"],
	] as const)("[G2] %s with one bad end and one need still open: %s", (when, expected) => {
		const nodes = graphOf(aNode(0, { outcome: "failed" }), aNode(1), aNode(2, { needs: [0, 1], when }));
		expect(nodeReadiness(nodes.get(2) ?? aNode(2), nodes)).toBe(expected);
	});

	it("[G2] success waits for all when none ended badly", () => {
		const nodes = graphOf(aNode(0, { outcome: "passed" }), aNode(1), aNode(2, { needs: [0, 1] }));
		expect(nodeReadiness(nodes.get(2) ?? aNode(2), nodes)).toBe("open");
	});
});

describe("skipReason", () => {
	const nodes = graphOf(
		aNode(0, { outcome: "passed" }),
		aNode(1, { outcome: "timed-out" }),
		aNode(2, { outcome: "skipped" }),
		aNode(3, { outcome: "failed", allowFailure: true }),
		aNode(4),
	);
	it.each([
		["success", [0, 1, 4], 'it needs what did not pass: "k1" timed out'],
		["success", [2, 1, 3], 'it needs what did not pass: "k2" was skipped, "k1" timed out'],
		["failure", [0, 3], 'it runs when one of its needs fails, and none did: "k0" passed, "k3" failed, as it may'],
	] as const)("[J19] when %s of the needs %j: %s", (when, needs, reason) => {
		const keys = needs.map((need) => `k${need}`);
		expect(skipReason(aNode(9, { needs: [...needs], when }), nodes, keys)).toBe(reason);
	});

	it("[J19] a long list is cut", () => {
		const many = graphOf(...Array.from({ length: 7 }, (_, at) => aNode(at, { outcome: "failed" })));
		const keys = Array.from({ length: 7 }, (_, at) => String(at));
		const reason = skipReason(aNode(9, { needs: keys.map(Number) }), many, keys);
		expect(reason).toMatch(/"4" failed and 2 more$/);
	});
});

describe("carryOn", () => {
	it("[G3] follows a skip to the end, and frees the cleanup", () => {
		const nodes = graphOf(
			aNode(0, { outcome: "failed" }),
			aNode(1, { needs: [0], blocked: true }),
			aNode(2, { needs: [1], blocked: true }),
			aNode(3, { needs: [2], when: "always", blocked: true }),
		);
		expect(carryOn(nodes, [0])).toEqual([
			{ index: 1, readiness: "skip" },
			{ index: 2, readiness: "skip" },
			{ index: 3, readiness: "ready" },
		]);
	});

	it("[G3] leaves alone what no end touches", () => {
		const nodes = graphOf(aNode(0, { outcome: "passed" }), aNode(1), aNode(2, { needs: [1], blocked: true }));
		expect(carryOn(nodes, [0])).toEqual([]);
	});

	it("[G3] looks at each need a fixed number of times, however deep the graph", () => {
		let looks = 0;
		const counted = (needs: number[]): number[] =>
			new Proxy(needs, {
				get: (target, name) => {
					if (typeof name === "string" && /^\d+$/.test(name)) looks++;
					return Reflect.get(target, name);
				},
			});
		const size = 200;
		const chain = Array.from({ length: size }, (_, at) => at + 1);
		const nodes = graphOf(aNode(0, { outcome: "failed" }));
		for (const at of chain) nodes.set(at, aNode(at, { needs: counted([at - 1]), blocked: true }));
		for (let at = size + 1; at <= 2 * size; at++) {
			nodes.set(at, aNode(at, { needs: counted(chain), when: "always", blocked: true }));
		}
		expect(carryOn(nodes, [0])).toHaveLength(2 * size);
		expect(looks).toBeLessThanOrEqual(3 * size * (size + 1));
	});

	it("[G3] is the same as asking every job again until nothing changes", () => {
		fc.assert(
			fc.property(someGraph(), (graph) => {
				const expected = naiveCarryOn(structuredClone(graph));
				const ended = [...graph.values()].filter(({ outcome }) => outcome !== null).map(({ index }) => index);
				const found = carryOn(graph, ended);
				expect(new Map(found.map(({ index, readiness }) => [index, readiness]))).toEqual(expected);
				expect(found).toHaveLength(expected.size);
			}),
		);
	});
});

describe("reopened", () => {
	it("[G4] wakes skipped jobs however far down, and nothing that ran", () => {
		const nodes = graphOf(
			aNode(0, { outcome: "failed" }),
			aNode(1, { needs: [0], outcome: "skipped" }),
			aNode(2, { needs: [1], outcome: "skipped" }),
			aNode(3, { needs: [2], when: "always", outcome: "passed" }),
			aNode(4, { outcome: "skipped" }),
		);
		expect(reopened(nodes, [0])).toEqual([1, 2]);
	});

	it("[G4] leaves skipped what another need holds skipped", () => {
		const jobs = (): Map<number, Node> =>
			graphOf(
				aNode(0, { outcome: "failed" }),
				aNode(1, { outcome: "failed" }),
				aNode(2, { needs: [0, 1], outcome: "skipped" }),
				aNode(3, { needs: [2], outcome: "skipped" }),
			);
		expect(reopened(jobs(), [0])).toEqual([]);
		expect(reopened(jobs(), [0, 1])).toEqual([2, 3]);
	});

	it("[G4] wakes the cleanup that success had skipped", () => {
		const nodes = graphOf(
			aNode(0, { outcome: "passed" }),
			aNode(1, { needs: [0], when: "failure", outcome: "skipped" }),
		);
		expect(reopened(nodes, [0])).toEqual([1]);
	});

	it("[G4] is the same as asking every skipped job again until nothing changes", () => {
		fc.assert(
			fc.property(someGraph(), fc.infiniteStream(fc.boolean()), (graph, coins) => {
				settle(graph);
				const ended = [...graph.values()].filter(({ outcome }) => outcome !== null && outcome !== "skipped");
				const again = ended.filter(() => coins.next().value).map(({ index }) => index);
				const expected = naiveReopened(structuredClone(graph), again);
				expect(reopened(graph, again)).toEqual(expected);
			}),
		);
	});
});

/** Jobs that need only earlier ones, so there is no cycle; those without needs, and some others, have ended. */
function someGraph(): fc.Arbitrary<Map<number, Node>> {
	const job = fc.record({
		needs: fc.uniqueArray(fc.nat(requestJobsMax), { maxLength: 4 }),
		when: fc.constantFrom<When>("success", "failure", "always"),
		allowFailure: fc.boolean(),
		end: fc.option(fc.constantFrom(...outcomes.filter((outcome) => outcome !== "skipped")), { nil: null }),
	});
	return fc.array(job, { minLength: 1, maxLength: 25 }).map((jobs) =>
		graphOf(
			...jobs.map(({ needs, when, allowFailure, end }, index) => {
				const earlier = index === 0 ? [] : [...new Set(needs.map((need) => need % index))];
				const blocked = earlier.length > 0;
				return aNode(index, { needs: earlier, when, allowFailure, blocked, outcome: blocked ? null : end });
			}),
		),
	);
}

/** Lets the whole graph run, every ready job passing or failing by its place, so that what is skipped is skipped with reason. */
function settle(nodes: Map<number, Node>): void {
	const all = [...nodes.values()];
	carryOn(
		nodes,
		all.filter(({ outcome }) => outcome !== null).map(({ index }) => index),
	);
	for (let running = next(all); running !== undefined; running = next(all)) {
		running.outcome = running.index % 3 === 0 ? "failed" : "passed";
		carryOn(nodes, [running.index]);
	}
}

function next(nodes: readonly Node[]): Node | undefined {
	return nodes.find(({ blocked, outcome }) => !blocked && outcome === null);
}

function naiveCarryOn(nodes: Map<number, Node>): Map<number, string> {
	const found = new Map<number, string>();
	for (let changed = true; changed; ) {
		changed = false;
		for (const node of nodes.values()) {
			const now = node.blocked ? nodeReadiness(node, nodes) : "open";
			if (now === "open") continue;
			node.blocked = false;
			if (now === "skip") node.outcome = "skipped";
			found.set(node.index, now);
			changed = true;
		}
	}
	return found;
}

function naiveReopened(nodes: Map<number, Node>, from: number[]): number[] {
	for (const index of from) Object.assign(nodes.get(index) ?? {}, { outcome: null });
	const woken: number[] = [];
	for (let changed = true; changed; ) {
		changed = false;
		for (const node of nodes.values()) {
			if (node.outcome !== "skipped" || nodeReadiness(node, nodes) === "skip") continue;
			node.outcome = null;
			woken.push(node.index);
			changed = true;
		}
	}
	return woken.sort((a, b) => a - b);
}
