// The behaviours that the simulation shows, shown by the real object in the real runtime.
import { afterEach, describe, it, vi } from "vitest";
import { QueueDriver } from "../../src/simulation/queue-driver.ts";
import { behaviours } from "../../src/testing/behaviours/behaviours.ts";
import { ObjectPort } from "./behaviours-port.ts";

afterEach(() => {
	vi.useRealTimers();
});

describe("in the runtime", () => {
	it.each(behaviours)("[Z1] $title", async ({ show }) => {
		await show(new QueueDriver(await ObjectPort.open(), { evicts: false }));
	});
});

describe("in the runtime, with an eviction before each call", () => {
	it.each(behaviours)("[Z1] $title", async ({ show }) => {
		await show(new QueueDriver(await ObjectPort.open(), { evicts: true }));
	});
});
