// The two makers of one port: the server itself, and the platform.
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { limitOf } from "../../src/domain/limit/limit-table.ts";
import { LocalRates } from "../../src/operations/overload/call-rates.ts";
import type { Env } from "../env.ts";
import { platformLimitsOf, platformRates } from "./platform-rates.ts";

const bound = platformLimitsOf(env as unknown as Env);

it.each([
	["the server's own", () => new LocalRates()],
	["the platform's", () => platformRates(bound ?? ({} as never))],
])("[V28] %s counter refuses past its limit, says when to come again, and nobody else for it", async (_, make) => {
	const counter = make();
	const max = limitOf("token-dear-calls");
	const now = Date.now();
	let refused: number | null = null;
	// The platform's window may end in between, once.
	for (let call = 0; call <= 2 * max && refused === null; call++) {
		refused = await counter.take("token-dear-calls", "flood", { max, now });
		if (call < max - 1) expect(refused).toBeNull();
	}
	expect(refused).toBeGreaterThan(0);
	expect(await counter.take("token-dear-calls", "other", { max, now })).toBeNull();
	expect(await counter.take("token-calls", "flood", { max: limitOf("token-calls"), now })).toBeNull();
});

it("[V28] without the platform's binding there is none of its counters, and one that fails shuts nobody out", async () => {
	expect(platformLimitsOf({})).toBeNull();
	const fails = { limit: () => Promise.reject(new Error("away")) };
	const counter = platformRates({ "token-calls": fails, "token-dear-calls": fails, "address-calls": fails });
	expect(await counter.take("token-calls", "a", { max: 1, now: 0 })).toBeNull();
});
