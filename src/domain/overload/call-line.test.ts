import { describe, expect, it } from "vitest";
import { seededRandom } from "../../testing/random.ts";
import type { SeededRandom } from "../../testing/random.ts";
import { CallLine, callClasses } from "./call-line.ts";
import type { CallClass, GatedCall, LinedCall, LineLimits } from "./call-line.ts";
import { callLimits, spillLimits } from "./overload-limits.ts";

const limits: LineLimits = {
	ownerCost: 4,
	cost: 9,
	waiting: { list: 2, view: 4, act: 6, submission: 8 },
	waitingOfOwner: 12,
	waitingInAll: 20,
	slowMs: 100,
	forgottenMs: 1_000,
};

const call = (owner: string, rest: Partial<GatedCall> = {}): GatedCall => ({
	class: "submission",
	owner,
	repo: "web",
	cost: 1,
	waitMs: 500,
	...rest,
});

/** Those of the calls that are not shed, each let in if it may be. */
function arrive(line: CallLine, calls: GatedCall[], now = 0): LinedCall[] {
	return calls.map((each) => arriveOne(line, each, now)).filter((lined) => lined !== null);
}

function arriveOne(line: CallLine, each: GatedCall, now = 0): LinedCall | null {
	const lined = line.arrive(each, now);
	line.letIn(now);
	return lined;
}

const times = (count: number, each: GatedCall) => Array.from({ length: count }, () => each);
const owners = (calls: LinedCall[]) => calls.map(({ owner }) => owner).join("");
const repos = (calls: LinedCall[]) => calls.map(({ repo }) => repo).join("");

describe("the line of calls", () => {
	it("[V1] one owner's calls in work are bounded by their cost, and another owner's is let in at once beside any of them", () => {
		const line = new CallLine(limits);
		expect(arrive(line, times(5, call("a"))).map(({ state }) => state)).toEqual([
			...times(4, call("a")).map(() => "in-work"),
			"waiting",
		]);
		expect(arriveOne(line, call("b"))?.state).toBe("in-work");
		// The most that one owner can have in work: almost all of its part, and then its dearest call.
		const dear = new CallLine(limits);
		arrive(dear, [...times(3, call("a")), call("a", { cost: 1_000 })]);
		expect(arriveOne(dear, call("a"))?.state).toBe("waiting");
		expect(arriveOne(dear, call("b", { cost: 1_000 }))?.state).toBe("in-work");
		for (const { cost, ownerCost } of [callLimits, spillLimits]) expect(cost).toBeGreaterThan(2 * ownerCost);
	});

	it("[V2] owners take turns, whatever each has waiting, and so do an owner's repositories, each in order of arrival", () => {
		const line = new CallLine({ ...limits, cost: 1, ownerCost: 1 });
		const [first] = arrive(line, [call("x"), ...times(5, call("a")), ...times(2, call("b")), call("c")]);
		const turns: LinedCall[] = [];
		for (let next = first; next !== undefined; next = turns.at(-1)) {
			line.leave(next);
			const begun = line.letIn(1);
			if (begun.length === 0) break;
			turns.push(...begun);
		}
		expect(owners(turns)).toBe("abcabaaa");

		const one = new CallLine({ ...limits, ownerCost: 1 });
		const [busy] = arrive(one, [call("a"), ...times(3, call("a", { repo: "p" })), call("a", { repo: "q" })]);
		const [place, ...rest] = [busy, ...arrive(one, [call("a", { repo: "r" })])];
		const served: LinedCall[] = [];
		for (let next = place; next !== undefined; next = served.at(-1)) {
			one.leave(next);
			const begun = one.letIn(1);
			if (begun.length === 0) break;
			served.push(...begun);
		}
		expect(rest).toHaveLength(1);
		expect(repos(served)).toBe("pqrpp");
	});

	const table: Record<CallClass, number[]> = {
		list: [1, 1, 0, 0, 0, 0, 0, 0, 0],
		view: [1, 1, 1, 1, 0, 0, 0, 0, 0],
		act: [1, 1, 1, 1, 1, 1, 0, 0, 0],
		submission: [1, 1, 1, 1, 1, 1, 1, 1, 0],
	};
	it.each(callClasses)("[V3] as its repository's line grows, lists are shed first and submissions last: %s", (each) => {
		for (const [waiting, isTaken] of table[each].entries()) {
			const line = new CallLine(limits);
			arrive(line, [...times(4, call("a")), ...times(waiting, call("a"))]);
			const lined = line.arrive(call("a", { class: each }), 0);
			expect(lined === null ? 0 : 1, `${each} behind ${waiting}`).toBe(isTaken);
			// Another repository of the same owner has a line of its own.
			expect(line.arrive(call("a", { class: each, repo: "other" }), 0)?.state).toBe("waiting");
		}
		const most = callClasses.map((name) => callLimits.waiting[name]);
		expect([...most].sort((a, b) => a - b)).toEqual(most);
	});

	it("[V3] an owner's lines are bounded together, and past the bound of all only an owner without a waiting call may wait", () => {
		const line = new CallLine(limits);
		const many = Array.from({ length: 40 }, (_, index) => call("a", { repo: `r${index}` }));
		expect(arrive(line, many)).toHaveLength(4 + 12);
		arrive(line, [
			...times(5, call("b")),
			...times(20, call("c")).map((each, index) => ({ ...each, repo: `${index}` })),
		]);
		expect(line.arrive(call("c", { repo: "new" }), 0)).toBeNull();
		expect(line.arrive(call("d"), 0)?.state).toBe("waiting");
		expect(line.arrive(call("d"), 0)).toBeNull();
	});

	it("[V7] a call does not begin once it has waited its time", () => {
		const line = new CallLine({ ...limits, ownerCost: 1 });
		const [first, late, patient] = arrive(line, [call("a"), call("a"), call("a", { waitMs: 900 })]);
		if (first === undefined) throw new Error("nothing began");
		line.leave(first);
		expect(line.letIn(500)).toEqual([patient]);
		expect(late?.state).toBe("over");
	});

	it("[V8] a call whose caller has gone leaves its line, and one that left twice counts once", () => {
		const line = new CallLine({ ...limits, ownerCost: 1 });
		const [first, gone, next] = arrive(line, times(3, call("a")));
		for (let twice = 0; twice < 2; twice++) if (gone) line.leave(gone);
		expect(line.waiting()).toEqual({ list: 0, view: 0, act: 0, submission: 1 });
		for (let twice = 0; twice < 2; twice++) if (first) line.leave(first);
		expect(line.letIn(1)).toEqual([next]);
		expect(line.letIn(1)).toEqual([]);
	});

	it("[V9] a call that is slow counts for its owner alone, and one that never ends counts for nobody in the end", () => {
		const line = new CallLine(limits);
		arrive(line, [...times(4, call("a")), ...times(4, call("b")), call("c")]);
		const [a, c] = arrive(line, [call("a", { waitMs: 9_000 }), call("c")], 50);
		expect([a?.state, c?.state]).toEqual(["waiting", "waiting"]);
		expect(line.letIn(99)).toEqual([]);
		expect(line.letIn(100)).toEqual([c]);
		expect(line.letIn(999)).toEqual([]);
		expect(line.letIn(1_000)).toEqual([a]);
	});
});

interface World {
	line: CallLine;
	limits: LineLimits;
	random: SeededRandom;
	now: number;
	open: LinedCall[];
	/** Of each owner that waits and has nothing in work, which others were let in since. */
	passed: Map<string, Set<string>>;
}

const all = ["a", "b", "c", "d"];

/** An arrival, an end or a departure, some time, and then whoever may begin. */
function step(world: World): LinedCall[] {
	const { line, random, open } = world;
	world.now += random.below(20);
	if (random.chance(0.6)) {
		const made = { class: random.pick(callClasses), repo: random.pick(["p", "q", "r"]), cost: 1 + random.below(6) };
		const waitMs = 50 + random.below(500);
		const lined = line.arrive(call(random.pick(all), { ...made, waitMs }), world.now);
		if (lined !== null) open.push(lined);
	} else if (open.length > 0) {
		const [left] = open.splice(random.below(open.length), 1);
		if (left) line.leave(left);
	}
	const begun = line.letIn(world.now);
	world.open = open.filter(({ state }) => state !== "over");
	return begun;
}

const costOf = (calls: LinedCall[]) => calls.reduce((sum, { cost }) => sum + cost, 0);

/** The first thing that does not hold. */
function fault({ line, limits: bounds, open, now }: World): string | null {
	const inWork = open.filter(({ state }) => state === "in-work");
	const waiting = open.filter(({ state }) => state === "waiting");
	if (Object.values(line.waiting()).reduce((sum, count) => sum + count) !== waiting.length) return "a call is lost";
	const fresh = costOf(inWork.filter(({ since }) => now - since < bounds.slowMs));
	for (const name of all) {
		const cost = costOf(inWork.filter(({ owner }) => owner === name));
		if (cost >= 2 * bounds.ownerCost) return `${name} has ${cost} in work`;
		const mine = waiting.filter(({ owner }) => owner === name);
		if (mine.length > bounds.waitingOfOwner) return `${mine.length} of ${name} wait`;
		const isHeldUp = mine.some((each) => now < line.waitsUntil(each));
		if (isHeldUp && cost < bounds.ownerCost && fresh < bounds.cost) return `${name} waits beside room`;
	}
	return null;
}

/** With one call in work at once: no owner is let in twice while another waits. */
function turnFault({ line, open, passed, now }: World, begun: LinedCall[]): string | null {
	// Whoever has left, or has waited too long, is passed by nobody.
	const waiting = open.filter((each) => each.state === "waiting" && now < line.waitsUntil(each));
	for (const name of [...passed.keys()]) if (waiting.every(({ owner }) => owner !== name)) passed.delete(name);
	for (const { owner } of begun) {
		passed.delete(owner);
		for (const [name, others] of passed) {
			if (others.has(owner)) return `${owner} was let in twice while ${name} waited`;
			others.add(owner);
		}
	}
	for (const name of all) {
		const hasNone = open.every(({ owner, state }) => owner !== name || state !== "in-work");
		if (!hasNone || waiting.every(({ owner }) => owner !== name)) passed.delete(name);
		else if (!passed.has(name)) passed.set(name, new Set());
	}
	return null;
}

it.each([
	["as set", limits],
	["one at once", { ...limits, cost: 1, ownerCost: 1 }],
] as const)(
	"[V1][V2][V7][V9] by chance, %s: bounds hold, nobody waits beside room or out of turn, and every wait ends",
	(_, bounds) => {
		for (let seed = 1; seed <= 100; seed++) {
			const random = seededRandom(seed);
			const world: World = { line: new CallLine(bounds), limits: bounds, random, now: 0, open: [], passed: new Map() };
			for (let steps = 0; steps < 300; steps++) {
				const begun = step(world);
				const found = fault(world) ?? (bounds.cost === 1 ? turnFault(world, begun) : null);
				if (found !== null) throw new Error(`seed ${seed}, step ${steps}: ${found}`);
			}
			for (let rounds = 0; rounds < 20; rounds++) {
				world.now += bounds.forgottenMs;
				world.line.letIn(world.now);
			}
			expect(world.open.filter(({ state }) => state === "waiting")).toEqual([]);
			expect(world.line.owners).toBe(0);
			expect(arriveOne(world.line, call("e"), world.now)?.state).toBe("in-work");
		}
	},
);
