import { describe, expect, it } from "vitest";
import { aSpec, someSettings } from "../../testing/builders.ts";
import { noon } from "../../testing/clock.ts";
import { rank } from "../job/job.ts";
import type { Lane, Load } from "./queue.ts";
import { chooseLane, demandOf, laneKey, parseLaneKey, room } from "./queue.ts";

function aLoad(running = 0, groups: Record<string, number> = {}): Load {
	return { running, groups: new Map(Object.entries(groups)) };
}

function aLane(patch: Partial<Lane> & { rank?: number; since?: number } = {}): Lane {
	const { rank: of = 0, since = noon, ...rest } = patch;
	const head = { run: "r", index: 0, rank: of, since };
	return { pool: "default", labels: [], group: null, waiting: 1, head, ...rest };
}

describe("rank", () => {
	it("[Q1] a point of priority is worth a minute of waiting", () => {
		const old = { createdAt: noon - 600_000, priority: 0 };
		expect(rank({ createdAt: noon, priority: 10 })).toBe(rank(old));
		expect(rank({ createdAt: noon, priority: 11 })).toBeLessThan(rank(old));
		expect(rank({ createdAt: noon, priority: 9 })).toBeGreaterThan(rank(old));
	});

	it("[Q1] among equals the older goes first", () => {
		expect(rank({ createdAt: noon - 1, priority: 3 })).toBeLessThan(rank({ createdAt: noon, priority: 3 }));
	});
});

describe("room", () => {
	const groups = { production: { limit: 2 }, frozen: { limit: 0 } };
	const settings = someSettings({ maxRunning: 5, concurrencyGroups: groups });

	it.each([
		["nothing runs", null, aLoad(), 5],
		["some run", null, aLoad(3), 2],
		["more run than may since the limit was lowered", null, aLoad(9), 0],
		["a group with a limit", "production", aLoad(1, { production: 1 }), 1],
		["a group that has less left than the repository", "production", aLoad(1), 2],
		["a repository that has less left than the group", "production", aLoad(4), 1],
		["a full group", "production", aLoad(2, { production: 2 }), 0],
		["a group that runs more than it may now", "production", aLoad(3, { production: 3 }), 0],
		["a group without a limit of its own", "other", aLoad(), 1],
		["a group that may run nothing", "frozen", aLoad(), 0],
	] as const)("[Q2] %s", (_, group, load, expected) => {
		expect(room({ group }, settings, load)).toBe(expected);
	});

	it("[Q2] none while the repository is paused", () => {
		expect(room({ group: null }, someSettings({ paused: true }), aLoad())).toBe(0);
	});
});

describe("chooseLane", () => {
	const runner = { pool: "default", labels: new Set(["linux", "x64"]) };
	const choose = (lanes: Lane[], load = aLoad(), settings = someSettings()) =>
		chooseLane(lanes, runner, settings, load)?.head.rank ?? null;

	it("[Q3] the lowest rank goes next, wherever its lane stands", () => {
		const lanes = [aLane({ rank: 3 }), aLane({ rank: 1, labels: ["linux"] }), aLane({ rank: 2, group: "g" })];
		expect(choose(lanes)).toBe(1);
		expect(choose(lanes.reverse())).toBe(1);
	});

	it("[Q3] a lane of another pool, of labels that the runner lacks, or without room is passed over", () => {
		const lanes = [
			aLane({ rank: 1, pool: "mac" }),
			aLane({ rank: 2, labels: ["linux", "gpu"] }),
			aLane({ rank: 3, group: "production" }),
			aLane({ rank: 5, labels: ["x64", "linux"] }),
		];
		expect(choose(lanes, aLoad(1, { production: 1 }))).toBe(5);
	});

	it("[Q3] nobody goes when nobody may", () => {
		expect(choose([])).toBeNull();
		expect(choose([aLane()], aLoad(), someSettings({ paused: true }))).toBeNull();
		expect(choose([aLane()], aLoad(50))).toBeNull();
	});
});

describe("demandOf", () => {
	it("[Q4] adds up the lanes of one label set, with the best rank and the oldest wait", () => {
		const lanes = [
			aLane({ waiting: 3, rank: 7, since: noon - 1, labels: ["linux"] }),
			aLane({ waiting: 9, rank: 5, since: noon, labels: ["linux"], group: "production" }),
			aLane({ waiting: 2, rank: 6, labels: [] }),
			aLane({ waiting: 4, pool: "mac" }),
		];
		expect(demandOf(lanes, "default", someSettings(), aLoad())).toEqual([
			{ labels: ["linux"], waiting: 4, rank: 5, since: noon - 1 },
			{ labels: [], waiting: 2, rank: 6, since: noon },
		]);
	});

	it("[Q4] counts only what could start now", () => {
		expect(demandOf([aLane({ waiting: 100 })], "default", someSettings(), aLoad(48))).toMatchObject([{ waiting: 2 }]);
		expect(demandOf([aLane({ waiting: 100 })], "default", someSettings(), aLoad(50))).toEqual([]);
	});

	it("[Q4] a lane's name says all of it", () => {
		const spec = aSpec({ labels: ["a:b", "c/d"], concurrencyGroup: "g.1", pool: "p" });
		expect(parseLaneKey(laneKey({ spec }))).toEqual({ pool: "p", labels: ["a:b", "c/d"], group: "g.1" });
	});
});
