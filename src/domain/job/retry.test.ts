import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { noon } from "../../testing/clock.ts";
import { lossesMax, retryAfterSecondsMax } from "../limits.ts";
import type { Backoff, Failure, RetryPolicy, RetryRule } from "./retry.ts";
import {
	backoffMs,
	decideAfterInterruption,
	decideAfterLoss,
	decideAfterMachineFault,
	decideRetry,
	resolveRetry,
} from "./retry.ts";

const plain: Backoff = { initialSeconds: 5, factor: 2, maxSeconds: 300, jitter: "none" };

function aPolicy(patch: Partial<RetryPolicy> = {}): RetryPolicy {
	return { maxAttempts: 3, on: [{}], backoff: plain, ...patch };
}

function aFailure(patch: Partial<Failure> = {}): Failure {
	return { outcome: "failed", exitCode: 1, signal: null, retryAfterSeconds: null, ...patch };
}

function decide(policy: RetryPolicy, failure: Failure, used = 1) {
	return decideRetry(policy, failure, { used, now: noon, random: 0.5 });
}

describe("which failures are retried", () => {
	const killed = aFailure({ exitCode: null, signal: "SIGKILL" });
	const cases: [string, RetryRule, Failure, boolean][] = [
		["no field fits all", {}, killed, true],
		["the outcome fits", { outcome: "failed" }, aFailure(), true],
		["another outcome does not", { outcome: "timed-out" }, aFailure(), false],
		["one of the exit codes fits", { exitCodes: [75, 1] }, aFailure(), true],
		["another exit code does not", { exitCodes: [75] }, aFailure(), false],
		["exit codes need an exit code", { exitCodes: [1] }, killed, false],
		["the signal fits", { signal: "SIGKILL" }, killed, true],
		["another signal does not", { signal: "SIGSEGV" }, killed, false],
		["a signal needs a signal", { signal: "SIGKILL" }, aFailure(), false],
		["all fields must fit", { outcome: "failed", exitCodes: [1], signal: "SIGKILL" }, aFailure(), false],
		["exit code 0 is one", { exitCodes: [0] }, aFailure({ exitCode: 0 }), true],
	];

	it.each(cases)("[R1] %s", (_, rule, failure, fits) => {
		expect(decide(aPolicy({ on: [rule] }), failure)).toEqual(fits ? { at: noon + 5_000 } : { withheld: "no-rule" });
	});

	it("[R1] the first rule that fits decides, even if a later one would allow more", () => {
		const on = [{ exitCodes: [1], maxAttempts: 1 }, { outcome: "failed" as const }];
		expect(decide(aPolicy({ on }), aFailure())).toEqual({ withheld: "attempts" });
		expect(decide(aPolicy({ on }), aFailure({ exitCode: 2 }))).toEqual({ at: noon + 5_000 });
	});

	it("[R1] no rules at all retry nothing", () => {
		expect(decide(aPolicy({ on: [] }), aFailure())).toEqual({ withheld: "no-rule" });
	});
});

describe("how often", () => {
	it.each([
		[1, 1, undefined, false],
		[1, 2, undefined, true],
		[2, 2, undefined, false],
		[3, 2, undefined, false],
		[1, 3, 1, false],
		[1, 3, 2, true],
		[2, 3, 9, true],
		[3, 3, 9, false],
	])("[R2] attempt %i of %i, the rule's own bound %s: %s", (used, maxAttempts, ruleMax, again) => {
		const on = [ruleMax === undefined ? {} : { maxAttempts: ruleMax }];
		expect("at" in decide(aPolicy({ maxAttempts, on }), aFailure(), used)).toBe(again);
	});

	it("[R2] no failure and no policy ever get more than the allowed attempts", () => {
		fc.assert(
			fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 40 }), (maxAttempts, used) => {
				const found = decide(aPolicy({ maxAttempts, on: [{ maxAttempts: 20 }] }), aFailure(), used);
				expect("at" in found).toBe(used < maxAttempts);
			}),
		);
	});
});

describe("when", () => {
	it("[R3] grows by its factor and stops growing at its longest", () => {
		const waits = [1, 2, 3, 4, 5, 6, 7, 8].map((used) => backoffMs(plain, used, 0.5) / 1_000);
		expect(waits).toEqual([5, 10, 20, 40, 80, 160, 300, 300]);
	});

	it.each([
		["full", 0, 0],
		["full", 0.5, 10_000],
		["full", 0.9999, 19_998],
		["equal", 0, 10_000],
		["equal", 0.5, 15_000],
		["equal", 0.9999, 19_999],
		["none", 0, 20_000],
		["none", 0.9999, 20_000],
	] as const)("[R3] jitter %s at %f of 20 s: %i ms", (jitter, random, expected) => {
		expect(backoffMs({ ...plain, jitter }, 3, random)).toBe(expected);
	});

	it("[R3] is a whole number of milliseconds within its bounds, whatever the policy", () => {
		const backoff = fc.record({
			initialSeconds: fc.double({ min: 0, max: 3_600, noNaN: true }),
			factor: fc.double({ min: 1, max: 10, noNaN: true }),
			maxSeconds: fc.double({ min: 0, max: 86_400, noNaN: true }),
			jitter: fc.constantFrom("full" as const, "equal" as const, "none" as const),
		});
		const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
		fc.assert(
			fc.property(backoff, fc.integer({ min: 1, max: 20 }), random, (policy, used, chance) => {
				const wait = backoffMs(policy, used, chance);
				expect(Number.isSafeInteger(wait)).toBe(true);
				expect(wait).toBeGreaterThanOrEqual(0);
				expect(wait).toBeLessThanOrEqual(policy.maxSeconds * 1_000);
			}),
		);
	});

	it("[R5] what the job asks for replaces the backoff, up to an hour", () => {
		expect(decide(aPolicy(), aFailure({ retryAfterSeconds: 90 }))).toEqual({ at: noon + 90_000 });
		expect(decide(aPolicy(), aFailure({ retryAfterSeconds: 0 }))).toEqual({ at: noon });
		expect(decide(aPolicy(), aFailure({ retryAfterSeconds: 10 ** 9 }))).toEqual({
			at: noon + retryAfterSecondsMax * 1_000,
		});
	});

	it("[R5] it gets the job no attempt that its rules do not", () => {
		expect(decide(aPolicy(), aFailure({ retryAfterSeconds: 1 }), 3)).toEqual({ withheld: "attempts" });
		expect(decide(aPolicy({ on: [] }), aFailure({ retryAfterSeconds: 1 }))).toEqual({ withheld: "no-rule" });
	});
});

describe("after a lost runner", () => {
	const careless = { onLost: "retry", retry: {} } as const;

	it("[R4] waits a little longer each time, and stops at the third in a row", () => {
		expect([1, 2, 3, 4].map((losses) => decideAfterLoss(careless, losses, noon))).toEqual([
			{ at: noon + 1_000 },
			{ at: noon + 2_000 },
			{ withheld: "poison" },
			{ withheld: "poison" },
		]);
		expect(lossesMax).toBe(3);
	});

	it("[R4] does not run again where onLost says fail", () => {
		expect(decideAfterLoss({ ...careless, onLost: "fail" }, 1, noon)).toEqual({ withheld: "on-lost" });
	});

	it("[R4] stops after as many as the job says, and waits a minute at most", () => {
		expect(decideAfterLoss({ ...careless, retry: { maxLosses: 1 } }, 1, noon)).toEqual({ withheld: "poison" });
		expect(
			[7, 9, 10].map((losses) => decideAfterLoss({ ...careless, retry: { maxLosses: 10 } }, losses, noon)),
		).toEqual([{ at: noon + 60_000 }, { at: noon + 60_000 }, { withheld: "poison" }]);
		expect(resolveRetry({}, { maxLosses: 5 }).maxLosses).toBe(5);
		expect(resolveRetry({ maxLosses: 2 }, { maxLosses: 5 }).maxLosses).toBe(2);
		expect(resolveRetry(undefined, {}).maxLosses).toBe(3);
	});
});

describe("after a runner that stopped the job", () => {
	it("[R9] waits ever longer up to a minute, and stops at the tenth in a row", () => {
		const all = Array.from({ length: 10 }, (_, at) => decideAfterInterruption("retry", at + 1, noon));
		const seconds = all.map((next) => ("at" in next ? (next.at - noon) / 1_000 : next.withheld));
		expect(seconds).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60, "poison"]);
	});

	it("[R9] does not run again where onLost says fail", () => {
		expect(decideAfterInterruption("fail", 1, noon)).toEqual({ withheld: "on-lost" });
	});
});

describe("after a machine that could not run the job", () => {
	it("[R10] waits ever longer up to a minute, and stops at the tenth in a row", () => {
		const all = Array.from({ length: 10 }, (_, at) => decideAfterMachineFault("retry", at + 1, noon));
		const seconds = all.map((next) => ("at" in next ? (next.at - noon) / 1_000 : next.withheld));
		expect(seconds).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60, "poison"]);
		expect(decideAfterMachineFault("fail", 1, noon)).toEqual({ withheld: "on-lost" });
	});
});

describe("whose words count", () => {
	it("[R6] nobody's: one attempt, then failed and timed-out are what would be retried", () => {
		expect(resolveRetry(undefined, {})).toEqual({
			maxAttempts: 1,
			maxLosses: 3,
			on: [{ outcome: "failed" }, { outcome: "timed-out" }],
			backoff: { initialSeconds: 5, factor: 2, maxSeconds: 300, jitter: "full" },
		});
	});

	it("[R6] the job's, field by field, then the repository's", () => {
		const repository = { maxAttempts: 2, on: [{ signal: "SIGKILL" }], backoff: { factor: 3, maxSeconds: 60 } };
		const own = { maxAttempts: 5, backoff: { factor: 1, initialSeconds: 0 } };
		expect(resolveRetry(own, repository)).toEqual({
			maxAttempts: 5,
			maxLosses: 3,
			on: [{ signal: "SIGKILL" }],
			backoff: { initialSeconds: 0, factor: 1, maxSeconds: 60, jitter: "full" },
		});
		expect(resolveRetry({ on: [] }, repository).on).toEqual([]);
	});
});
