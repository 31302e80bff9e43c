// How often a message is tried stands in wrangler.toml, for the platform, and in the code, which keeps it after the last try.
import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { triesMax } from "../src/contracts/objects/dead-letters.ts";

it("[Q9] the last try is the one that wrangler.toml allows", async () => {
	const config = await readFile(new URL("../wrangler.toml", import.meta.url), "utf8");
	const consumers = config.split("[[queues.consumers]]").slice(1);
	for (const [queue, tries] of Object.entries(triesMax)) {
		const consumer = consumers.find((part) => part.includes(`queue = "spillway-${queue}"\n`)) ?? "";
		expect([queue, Number(/max_retries = (\d+)/.exec(consumer)?.[1])]).toEqual([queue, tries - 1]);
	}
});
