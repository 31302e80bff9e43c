import { describe, expect, it } from "vitest";
import { noon } from "../../testing/clock.ts";
import { CallRates, LocalRates } from "./call-rates.ts";
import type { RateCounter } from "./call-rates.ts";
import { KnownLimits } from "./known-limits.ts";

/** How many of so many calls at once were let through. */
async function passed(rates: CallRates, key: string, { calls, max, now }: { calls: number; max: number; now: number }) {
	const answers = await Promise.all(Array.from({ length: calls }, () => rates.take("token-calls", key, { max, now })));
	return answers.filter((answer) => answer === null).length;
}

describe("the calls of one process", () => {
	it("[V28] are let through up to the limit, however many come at once, and as time gives them back; each caller's are its own", async () => {
		const rates = new CallRates(new LocalRates());
		expect(await passed(rates, "a", { calls: 9, max: 6, now: noon })).toBe(6);
		expect(await rates.take("token-calls", "a", { max: 6, now: noon + 1 })).toEqual({
			code: "limit-reached",
			limit: "token-calls",
			max: 6,
			retryAfterMs: 9_999,
		});
		expect(await passed(rates, "b", { calls: 1, max: 6, now: noon })).toBe(1);
		expect(await rates.take("token-dear-calls", "a", { max: 6, now: noon })).toBeNull();
		expect(await passed(rates, "a", { calls: 2, max: 6, now: noon + 10_000 })).toBe(1);
		expect(await passed(rates, "a", { calls: 9, max: 6, now: noon + 100_000 })).toBe(6);
	});

	it("[V28] go by a limit that was raised or lowered as soon as it is known", async () => {
		const rates = new CallRates(new LocalRates());
		expect(await passed(rates, "a", { calls: 4, max: 6, now: noon })).toBe(4);
		expect(await passed(rates, "a", { calls: 4, max: 1, now: noon })).toBe(1);
		expect(await passed(rates, "a", { calls: 9, max: 60, now: noon + 60_000 })).toBe(9);
	});

	it("[V28] are counted no more while it is known that there is no room, and a clock that is set back keeps nobody out", async () => {
		let counted = 0;
		const counter: RateCounter = {
			take: async () => {
				counted++;
				return 10_000;
			},
		};
		const rates = new CallRates(counter);
		for (let call = 0; call < 5; call++) await rates.take("address-calls", "a", { max: 6, now: noon });
		expect(counted).toBe(1);
		expect(rates.spent("address-calls", "a", { max: 6, now: noon - 3_600_000 })).toBeNull();
	});

	it("[V28] of thousands of others do not make a flood begin anew", async () => {
		const rates = new LocalRates();
		for (let other = 0; other < 25_000; other++) {
			await rates.take("address-calls", `other-${other}`, { max: 2, now: noon });
			if (other % 100 === 0) await rates.take("address-calls", "flood", { max: 300, now: noon });
		}
		for (let call = 0; call < 50; call++) await rates.take("address-calls", "flood", { max: 300, now: noon });
		expect(await rates.take("address-calls", "flood", { max: 300, now: noon })).not.toBeNull();
	});
});

describe("what the operator set for an owner", () => {
	it("[V25] is asked for once in half a minute, and the table holds until it is known and where nobody answers", async () => {
		const known = new KnownLimits();
		let asked = 0;
		const unit = "calls a minute";
		const ask = async () => {
			asked++;
			return [{ name: "token-calls" as const, unit, limit: 7, used: null, resetsAt: null }];
		};
		const of = (now: number) => known.of("acme", "token-calls", { now, ask });
		expect(of(noon)).toBe(6_000);
		await Promise.resolve();
		await Promise.resolve();
		expect([of(noon + 1), of(noon + 29_999), asked]).toEqual([7, 7, 1]);
		const fails = () => Promise.reject(new Error("away"));
		expect(known.of("acme", "token-calls", { now: noon + 40_000, ask: fails })).toBe(7);
		expect(known.of("other", "token-calls", { now: noon, ask: fails })).toBe(6_000);
	});
});
