// The breaker's machine: each state with each event, and what holds after any sequence of them.
import { describe, expect, it } from "vitest";
import { seededRandom } from "../testing/random.ts";
import { letThrough, callsMin, closedBreaker, openMaxMs, probesMax, noteEnd } from "./breaker.ts";
import type { Breaker, CallEnd, Permit } from "./breaker.ts";

const ends: CallEnd[] = ["well", "slow", "failed"];

function call(breaker: Breaker, end: CallEnd, now = 0, chance = 0): Breaker {
	const { breaker: next, permit } = letThrough(breaker, now, chance);
	return permit === null ? next : noteEnd(next, permit, end, { now, chance });
}

function calls(breaker: Breaker, all: CallEnd[], now = 0): Breaker {
	return all.reduce((held, end) => call(held, end, now), breaker);
}

const times = (count: number, end: CallEnd): CallEnd[] => Array.from({ length: count }, () => end);
const closed = closedBreaker(0);
const open = calls(closed, times(callsMin, "failed"));
const half = letThrough(open, 1_000, 0).breaker;

function word(breaker: Breaker): string {
	switch (breaker.state) {
		case "closed":
			return "closed";
		case "open":
			return `open until ${breaker.until}, since ${breaker.since}`;
		case "half-open":
			return `half-open, ${breaker.probes.length} under way, ${breaker.well} well, since ${breaker.since}`;
	}
}

describe("each state with each event", () => {
	// With chance 0 each pause is half of what it is at most: 1 s, 2 s, 4 s and so on.
	it.each<[string, Breaker, CallEnd | "call", number, string]>([
		["closed", closed, "call", 0, "lets through: closed"],
		["closed", closed, "well", 0, "closed"],
		["closed", closed, "slow", 0, "closed"],
		["closed", closed, "failed", 0, "closed"],
		[
			"closed before its last straw",
			calls(closed, times(callsMin - 1, "failed")),
			"failed",
			7,
			"open until 1007, since 7",
		],
		["closed and slow", calls(closed, times(callsMin - 1, "slow")), "slow", 7, "open until 1007, since 7"],
		["open", open, "call", 999, "refuses: open until 1000, since 0"],
		["open, its pause over", open, "call", 1_000, "lets through: half-open, 1 under way, 0 well, since 0"],
		["open, the clock set back", open, "call", -openMaxMs, "lets through: half-open, 1 under way, 0 well, since 0"],
		["half-open", half, "call", 1_001, "lets through: half-open, 2 under way, 0 well, since 0"],
		["half-open", half, "well", 1_001, "half-open, 1 under way, 1 well, since 0"],
		["half-open", half, "slow", 1_001, "open until 3001, since 0"],
		["half-open", half, "failed", 1_001, "open until 3001, since 0"],
		["half-open, a probe lost", half, "call", 16_000, "refuses: open until 18000, since 0"],
		[
			"half-open before its last probe",
			calls(half, times(probesMax - 2, "well"), 1_001),
			"well",
			1_002,
			"half-open, 1 under way, 2 well, since 0",
		],
	])("[K1] %s, %s", (_, breaker, event, now, expected) => {
		if (event !== "call") return expect(word(call(breaker, event, now))).toBe(expected);
		const { breaker: next, permit } = letThrough(breaker, now, 0);
		expect(`${permit === null ? "refuses" : "lets through"}: ${word(next)}`).toBe(expected);
	});

	it("[K1] the last probe that was wanted closes it, with nothing held against the far end", () => {
		const first = letThrough(open, 1_000, 0);
		const rest = calls(first.breaker, times(probesMax - 1, "well"), 1_001);
		const whole = noteEnd(rest, first.permit as Permit, "well", { now: 1_500, chance: 0 });
		expect(word(whole)).toBe("closed");
		expect(word(calls(whole, times(callsMin - 1, "failed"), 1_500))).toBe("closed");
	});
});

it("[K2] it opens when half of the calls failed or four in five were slow, and never on fewer than five", () => {
	for (const end of ["slow", "failed"] as const) {
		expect(word(calls(closed, times(callsMin - 1, end)))).toBe("closed");
	}
	expect(word(calls(closed, [...times(6, "well"), ...times(5, "failed")]))).toBe("closed");
	expect(calls(closed, [...times(6, "well"), ...times(6, "failed")]).state).toBe("open");
	expect(word(calls(closed, [...times(2, "well"), ...times(7, "slow")]))).toBe("closed");
	expect(calls(closed, [...times(2, "well"), ...times(8, "slow")]).state).toBe("open");
	expect(calls(closed, [...times(3, "well"), ...times(2, "failed"), ...times(10, "slow")]).state).toBe("open");
});

it("[K2] what is older than ten seconds does not count, and what is younger than five does", () => {
	const bad = times(callsMin - 1, "failed");
	expect(call(calls(closed, bad, 0), "failed", 4_999).state).toBe("open");
	expect(call(calls(closed, bad, 0), "failed", 10_000).state).toBe("closed");
	// An hour of good calls hides nothing.
	const good = calls(closed, times(10_000, "well"), 0);
	expect(calls(good, times(callsMin, "failed"), 60_000).state).toBe("open");
});

it("[K3] at most three probes are let through, at once and in all, before they decide", () => {
	let breaker = open;
	const permits: Permit[] = [];
	for (let tries = 0; tries < 10; tries++) {
		const next = letThrough(breaker, 1_000, 0);
		breaker = next.breaker;
		if (next.permit) permits.push(next.permit);
	}
	expect(permits).toHaveLength(probesMax);
	for (const [at, permit] of permits.entries()) {
		breaker = noteEnd(breaker, permit, "well", { now: 1_010, chance: 0 });
		expect(breaker.state).toBe(at < probesMax - 1 ? "half-open" : "closed");
		if (breaker.state === "half-open") expect(letThrough(breaker, 1_010, 0).permit).toBeNull();
	}
});

it("[K4] while the trouble lasts its pauses double, up to half a minute, the half of each by chance", () => {
	const pauses = (chance: number): number[] => {
		let [breaker, now] = [open, 0];
		return Array.from({ length: 7 }, () => {
			now = breaker.state === "open" ? breaker.until : now;
			breaker = call(breaker, "failed", now, chance);
			return breaker.state === "open" ? breaker.until - now : 0;
		});
	};
	expect(pauses(0)).toEqual([2_000, 4_000, 8_000, 15_000, 15_000, 15_000, 15_000]);
	expect(pauses(1)).toEqual([4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000]);
});

it("[K5] how a call went that began in another state says nothing", () => {
	const { permit: early } = letThrough(closed, 0, 0);
	const { permit: probe } = letThrough(open, 1_000, 0);
	const again = call(half, "failed", 1_001);
	for (const end of ends) {
		for (const breaker of [open, half, again]) {
			expect(noteEnd(breaker, early as Permit, end, { now: 2_000, chance: 0 })).toBe(breaker);
		}
		expect(noteEnd(again, probe as Permit, end, { now: 2_000, chance: 0 })).toBe(again);
	}
});

it("[K6] by chance: bounds hold after each step, and a far end that is well again is asked again and believed", () => {
	for (let seed = 1; seed <= 100; seed++) {
		const random = seededRandom(seed);
		let [breaker, now, bad] = [closedBreaker(0), 0, 0];
		let under: Permit[] = [];
		const step = (end: () => CallEnd, isForgetful: boolean): void => {
			now += random.below(random.pick([10, 1_000, 20_000]));
			const before = breaker;
			const { breaker: next, permit } = letThrough(breaker, now, random());
			breaker = next;
			if (permit) under.push(permit);
			if (before.state === "closed") expect(permit).not.toBeNull();
			if (before.state === "open" && now < before.until) expect(permit).toBeNull();
			if (breaker.state === "half-open") expect(breaker.probes.length + breaker.well).toBeLessThanOrEqual(probesMax);
			while (under.length > 0 && random.chance(0.6)) {
				const [settled] = under.splice(random.below(under.length), 1) as [Permit];
				if (isForgetful && random.chance(0.1)) continue;
				const how = end();
				if (how !== "well") bad++;
				const held = breaker;
				breaker = noteEnd(breaker, settled, how, { now, chance: random() });
				if (held.state === "closed" && breaker.state === "open") expect(bad).toBeGreaterThanOrEqual(callsMin / 2);
				if (held.state !== "closed" && breaker.state !== "closed") expect(breaker.since).toBe(held.since);
				if (breaker.state === "open") expect(breaker.until - now).toBeLessThanOrEqual(openMaxMs);
				expect(breaker.turn).toBeGreaterThanOrEqual(held.turn);
			}
		};
		for (let steps = 0; steps < 200; steps++) step(() => random.pick(ends), true);
		under = [];
		// From here on the far end is well and asked twice a second; what was lost before may cost a last pause.
		const wellFrom = now;
		while (breaker.state !== "closed" && now < wellFrom + 120_000) {
			now += 500;
			breaker = call(breaker, "well", now, random());
		}
		expect([seed, breaker.state]).toEqual([seed, "closed"]);
		expect(now - wellFrom).toBeLessThanOrEqual(2 * openMaxMs + 16_000);
	}
});
