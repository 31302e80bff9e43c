import { describe, expect, it } from "vitest";
import { noon } from "../../testing/clock.ts";
import { lapseForgivenMs, lateLookMs, livenessCheckMs, poolShardsMax } from "../limits.ts";
import type { Fitness, HeldLease, RepositoryDemand, WaitingRunner } from "./pool.ts";
import {
	chooseRepository,
	compareWaiting,
	findQuiet,
	fits,
	isOnlyLess,
	shardOf,
	shareOf,
	takenSlots,
	unfitnessOf,
	unwellReason,
} from "./pool.ts";
import type { LabelDemand } from "../queue/queue.ts";

const linux = new Set(["linux", "x64"]);

function aDemand(
	repository: string,
	running: number,
	set: Partial<RepositoryDemand["sets"][number]> = {},
): RepositoryDemand {
	return { repository, running, weight: 1, sets: [{ labels: [], waiting: 1, rank: 0, since: noon, ...set }] };
}

it.each([
	[[], true],
	[["linux"], true],
	[["linux", "x64"], true],
	[["linux", "gpu"], false],
	[["Linux"], false],
])("[P1] a runner with linux and x64 takes %j: %s", (labels, expected) => {
	expect(fits(labels, linux)).toBe(expected);
});

describe("chooseRepository", () => {
	it("[P2] who runs least here goes first, whatever its rank", () => {
		expect(chooseRepository([aDemand("a", 2, { rank: 1 }), aDemand("b", 1, { rank: 9 })], linux)).toBe("b");
	});

	it("[P2] then the lower rank, then the older wait", () => {
		expect(chooseRepository([aDemand("a", 1, { rank: 2 }), aDemand("b", 1, { rank: 1 })], linux)).toBe("b");
		expect(chooseRepository([aDemand("a", 1), aDemand("b", 1, { since: noon - 1 })], linux)).toBe("b");
		expect(chooseRepository([aDemand("a", 1), aDemand("b", 1)], linux)).toBe("a");
	});

	it("[P1][P2] who wants nothing, or other labels, is passed over", () => {
		const demands = [aDemand("a", 0, { waiting: 0 }), aDemand("b", 0, { labels: ["gpu"] }), aDemand("c", 7)];
		expect(chooseRepository(demands, linux)).toBe("c");
		expect(chooseRepository(demands.slice(0, 2), linux)).toBeNull();
	});

	it("[P2] a burst of one repository does not keep another waiting", () => {
		const burst = { running: 0, left: 100 };
		const small = { running: 0, left: 2 };
		const served: string[] = [];
		for (let slot = 0; slot < 6; slot++) {
			const demands = [
				aDemand("burst", burst.running, { waiting: burst.left, rank: 0 }),
				aDemand("small", small.running, { waiting: small.left, rank: 100 }),
			];
			const chosen = chooseRepository(demands, linux);
			if (chosen === null) break;
			const repository = chosen === "burst" ? burst : small;
			repository.running++;
			repository.left--;
			served.push(chosen);
		}
		expect(served).toEqual(["burst", "small", "burst", "small", "burst", "burst"]);
	});

	it("[P7] a repository of weight 3 runs three jobs for each of one of weight 1", () => {
		const heavy = { ...aDemand("heavy", 0, { rank: 9 }), weight: 3 };
		const light = aDemand("light", 0);
		const served: string[] = [];
		for (let slot = 0; slot < 12; slot++) {
			const chosen = chooseRepository([heavy, light], linux) ?? "";
			(chosen === "heavy" ? heavy : light).running++;
			served.push(chosen);
		}
		expect(served.filter((chosen) => chosen === "heavy")).toHaveLength(9);
		expect(served.slice(0, 5)).toEqual(["light", "heavy", "heavy", "heavy", "light"]);
	});
});

describe("shards", () => {
	it("[P6] a runner's shard is always the same, below their number, and each has its part of many runners", () => {
		// The published hashes of these are 811c9dc5, e40c292c and bf9cf968.
		expect(["", "a", "foobar"].map((id) => shardOf(id, 16))).toEqual([5, 12, 8]);
		for (const shards of [1, 3, poolShardsMax]) {
			const runners = Array.from({ length: 1_000 * shards }, (_, at) => shardOf(`rn${at * 7_919}`, shards));
			const sizes = Array.from({ length: shards }, (_, shard) => runners.filter((own) => own === shard).length);
			expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(1_000 * shards);
			expect(Math.min(...sizes)).toBeGreaterThan(850);
		}
	});

	const set = (waiting: number, rest: Partial<LabelDemand> = {}) => ({
		...{ labels: ["linux"], waiting, rank: 5, since: noon },
		...rest,
	});
	it.each<[string, LabelDemand[], LabelDemand[], boolean]>([
		["the same", [set(2)], [set(2)], true],
		["fewer", [set(2)], [set(1)], true],
		["none", [set(2)], [], true],
		["a later one at the head", [set(2)], [set(1, { rank: 6, since: noon + 1 })], true],
		["more", [set(2)], [set(3)], false],
		["a more urgent one", [set(2)], [set(1, { rank: 4 })], false],
		["an older one", [set(2)], [set(1, { since: noon - 1 })], false],
		["other labels", [set(2)], [set(1, { labels: ["gpu"] })], false],
		["more labels", [set(2)], [set(2), set(1, { labels: ["gpu"] })], false],
	])("[P10] whether other shards must hear what a claim left: %s", (_, before, after, isLess) => {
		expect(isOnlyLess(before, after)).toBe(isLess);
	});
});

describe("runners that wait", () => {
	const free: WaitingRunner = { leases: 0, capacity: 4, grantedAt: 0, lapsedAt: null, faults: 0 };
	it.each<[string, Partial<WaitingRunner>, Partial<WaitingRunner>]>([
		["the less busy", { leases: 1 }, { leases: 2 }],
		["the less busy for its size", { leases: 2, capacity: 8 }, { leases: 1, capacity: 2 }],
		["of equals, who was handed a job longest ago", { grantedAt: noon - 2 }, { grantedAt: noon - 1 }],
		["who never was handed one", {}, { grantedAt: noon - 1 }],
		["the busier, where the other let a grant lapse", { leases: 3 }, { lapsedAt: noon - lapseForgivenMs + 1 }],
		["the busier, where the other's machine failed its last job", { leases: 3 }, { faults: 1 }],
		["whose lapse is long ago", { lapsedAt: noon - lapseForgivenMs }, { leases: 1 }],
	])("[P8] first goes %s", (_, first, second) => {
		const [a, b] = [
			{ ...free, ...first },
			{ ...free, ...second },
		];
		expect(compareWaiting(a, b, noon)).toBeLessThan(0);
		expect(compareWaiting(b, a, noon)).toBeGreaterThan(0);
		expect(compareWaiting(a, { ...a }, noon)).toBe(0);
	});

	it.each<[string, Partial<Fitness>, number, ReturnType<typeof unfitnessOf>]>([
		["is well", {}, 0, null],
		["drains", { draining: true, unwell: "x" }, 0, "draining"],
		["said bye", { left: true }, 0, "draining"],
		["says that it is unwell", { unwell: "its disk is full" }, 10 ** 9, "unwell"],
		["failed a job just now and says nothing", { faults: 1, faultedAt: noon }, 1_999, "unwell"],
		["failed one and has rested", { faults: 1, faultedAt: noon }, 2_000, null],
		["failed three in a row", { faults: 3, faultedAt: noon }, 7_999, "unwell"],
		["failed very many in a row", { faults: 50, faultedAt: noon }, 299_999, "unwell"],
		["failed very many in a row, and rested for long", { faults: 50, faultedAt: noon }, 300_000, null],
		["failed some and says that it is well again", { faults: 3, faultedAt: null }, 1, null],
	])("[P11][P12][P13] a runner that %s: %j, %i ms later: %j", (_, fitness, ms, expected) => {
		expect(unfitnessOf({ draining: false, ...fitness }, noon + ms)).toBe(expected);
	});

	it("[P12] why it is unwell is in its own words, or in ours", () => {
		expect(unwellReason({ draining: false, unwell: "no git", faults: 2 })).toBe("no git");
		expect(unwellReason({ draining: false, faults: 1 })).toBe("its machine failed its last job");
		expect(unwellReason({ draining: false, faults: 2 })).toBe("its machine failed its last 2 jobs");
	});

	it.each([
		[1, 1_000, 1],
		[4, 2, 2],
		[5, 2, 3],
		[1_000, 8, 125],
		[0, 3, 1],
		[7, 0, 7],
	])("[P9] of %i jobs the first of %i runners gets %i at once", (waiting, runners, share) => {
		expect(shareOf(waiting, runners)).toBe(share);
	});
});

function aLease(id: string, agoMs: number, renewedAgoMs = agoMs): HeldLease {
	return { id, grantedAt: noon - agoMs, renewedAt: noon - renewedAgoMs };
}

describe("takenSlots", () => {
	const leases = [aLease("old", 60_000), aLease("named", 60_000), aLease("on its way", 9_999), aLease("late", 10_000)];

	it("[P3] what is named counts, and what may still be on its way", () => {
		expect(takenSlots(leases, new Set(["named"]), noon)).toBe(2);
	});

	it("[P3] a runner that does not say what it holds holds all", () => {
		expect(takenSlots(leases, null, noon)).toBe(4);
	});
});

describe("findQuiet", () => {
	const leases = [aLease("fresh", 1_000), aLease("renewed", 90_000, 30_000), aLease("quiet", 90_000, 30_001)];
	const look = { lastLookAt: noon - livenessCheckMs, graceUntil: null, now: noon };

	it("[P4] names what nobody renewed for longer than 30 s, grants included", () => {
		expect(findQuiet(leases, look)).toEqual({ quiet: ["quiet"], graceUntil: null });
		expect(findQuiet([aLease("granted", 30_001)], look).quiet).toEqual(["granted"]);
	});

	it("[P4] the first look of all finds what there is", () => {
		expect(findQuiet(leases, { ...look, lastLookAt: null }).quiet).toEqual(["quiet"]);
	});

	it("[P5] after the object was away everybody gets a minute, and not a second one", () => {
		const away = findQuiet(leases, { ...look, lastLookAt: noon - livenessCheckMs - lateLookMs - 1 });
		expect(away).toEqual({ quiet: [], graceUntil: noon + 60_000 });
		const during = { lastLookAt: noon + 45_000, graceUntil: away.graceUntil, now: noon + 59_999 };
		expect(findQuiet(leases, during)).toEqual({ quiet: [], graceUntil: noon + 60_000 });
		const after = { lastLookAt: noon + 45_000, graceUntil: away.graceUntil, now: noon + 60_000 };
		expect(findQuiet(leases, after).quiet).toEqual(["fresh", "renewed", "quiet"]);
	});

	it("[P5] a look that is a little late is no absence", () => {
		expect(findQuiet(leases, { ...look, lastLookAt: noon - livenessCheckMs - lateLookMs }).quiet).toEqual(["quiet"]);
	});
});
