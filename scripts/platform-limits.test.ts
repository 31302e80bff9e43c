import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { limitOf } from "../src/domain/limit/limit-table.ts";
import type { CallRateName } from "../src/domain/limit/limit-table.ts";

it("[V28] the numbers that the platform counts by, in wrangler.toml, are the table's", async () => {
	const settings = await readFile("wrangler.toml", "utf8");
	const bindings: Record<CallRateName, string> = {
		"token-calls": "TOKEN_CALLS",
		"token-dear-calls": "TOKEN_DEAR_CALLS",
		"address-calls": "ADDRESS_CALLS",
	};
	for (const [name, binding] of Object.entries(bindings)) {
		const one = new RegExp(`name = "${binding}"[^[]*limit = (\\d+), period = (\\d+)`).exec(settings);
		expect([name, Number(one?.[1]), Number(one?.[2])]).toEqual([name, limitOf(name as CallRateName), 60]);
	}
});
