// The plan is a function of the seed: what repeats a chaos.
import { describe, expect, it } from "vitest";
import { faultKinds, faultsOf, laneNames } from "./faults.ts";
import type { Fault, FaultKind, Lane } from "./faults.ts";
import { submissionsOf } from "./submissions.ts";

function taken<T>(plan: Iterable<T>, count: number): T[] {
	const items: T[] = [];
	for (const item of plan) if (items.push(item) === count) break;
	return items;
}

const faults = (seed: number, lane: Lane, only: FaultKind[] | null = null): Fault[] =>
	taken(faultsOf(seed, lane, only && new Set(only)), 500);

describe.each(laneNames)("the lane %s", (lane) => {
	it("[H2] has the same faults in the same order for the same seed, and others for another", () => {
		expect(faults(7, lane)).toEqual(faults(7, lane));
		expect(faults(8, lane)).not.toEqual(faults(7, lane));
		expect(faults(7, lane).map(({ number }) => number)).toEqual(Array.from({ length: 500 }, (_, at) => at + 1));
	});

	it("[H2] has each of its kinds in its first round", () => {
		const all = new Set(faults(7, lane).map(({ kind }) => kind));
		const round = faults(7, lane).slice(0, lane === "inside" ? 30 : all.size);
		expect(new Set(round.map(({ kind }) => kind))).toEqual(all);
	});

	it("[H2] leaves out what was not asked for, and keeps the rest as it is", () => {
		const [kind] = new Set(faults(7, lane).map((fault) => fault.kind));
		const only = faults(7, lane, kind ? [kind] : []);
		const same = faults(7, lane).filter((fault) => fault.kind === kind);
		const unnumbered = (all: Fault[]) => all.map(({ number: _, ...fault }) => fault);
		expect(unnumbered(only).slice(0, same.length)).toEqual(unnumbered(same));
		expect(taken(faultsOf(7, lane, new Set()), 1)).toEqual([]);
	});
});

it("[H2] every kind is in some lane", () => {
	const drawn = new Set(laneNames.flatMap((lane) => faults(1, lane).map(({ kind }) => kind)));
	expect([...drawn].sort()).toEqual([...faultKinds].sort());
});

it("[H2] the load is the same for the same seed, and another for another", () => {
	const load = (seed: number) => taken(submissionsOf(seed, "/somewhere"), 300);
	expect(load(7)).toEqual(load(7));
	expect(load(8)).not.toEqual(load(7));
	expect(new Set(load(7).map(({ key }) => key)).size).toBe(300);
	expect(new Set(load(7).map(({ act }) => act))).toEqual(
		new Set(["none", "cancel-run", "cancel-job", "retry-failed", "retry-all"]),
	);
});
