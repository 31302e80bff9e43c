// The behaviours, shown by the rules alone: once as they are, once with everything in memory lost before each call.
import { describe, it } from "vitest";
import { behaviours } from "../testing/behaviours/behaviours.ts";
import { noon } from "../testing/clock.ts";
import { QueueDriver, must } from "./queue-driver.ts";
import { SimulatedPort } from "./world/simulated-port.ts";

async function aQueue(how: { evicts: boolean }): Promise<QueueDriver> {
	const port = new SimulatedPort("acme", noon);
	must(await port.calls.configure({ owner: port.owner, repo: "web", request: {}, replace: true }));
	return new QueueDriver(port, how);
}

describe("over memory", () => {
	it.each(behaviours)("$title", async ({ show }) => show(await aQueue({ evicts: false })));
});

describe("over memory, with an eviction before each call", () => {
	it.each(behaviours)("$title", async ({ show }) => show(await aQueue({ evicts: true })));
});
