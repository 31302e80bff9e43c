import { describe, expect, it } from "vitest";
import { noon } from "../testing/clock.ts";
import { lateLookMs, livenessCheckMs } from "./limits.ts";
import type { HeldLease, RepositoryDemand } from "./pool.ts";
import { chooseRepository, findQuiet, fits, takenSlots } from "./pool.ts";

const linux = new Set(["linux", "x64"]);

function aDemand(
	repository: string,
	running: number,
	set: Partial<RepositoryDemand["sets"][number]> = {},
): RepositoryDemand {
	return { repository, running, sets: [{ labels: [], waiting: 1, rank: 0, since: noon, ...set }] };
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
