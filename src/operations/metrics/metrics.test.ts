// What is counted, and that nothing outside the named labels can be.
import { expect, it } from "vitest";
import { Metrics } from "./metrics.ts";

const never = new Promise<never>(() => undefined);

it("[K27] a counter begins at 0 under each combination of its labels, and only counts up", async () => {
	const metrics = new Metrics();
	const count = metrics.counter({ name: "calls", help: "Calls.", labels: { to: ["a", "b"], end: ["well", "ill"] } });
	count({ to: "a", end: "ill" });
	count({ to: "a", end: "ill" }, 2);
	expect(await metrics.read(never)).toEqual([
		{
			name: "calls",
			help: "Calls.",
			kind: "counter",
			samples: [
				{ labels: { to: "a", end: "well" }, value: 0 },
				{ labels: { to: "a", end: "ill" }, value: 3 },
				{ labels: { to: "b", end: "well" }, value: 0 },
				{ labels: { to: "b", end: "ill" }, value: 0 },
			],
		},
	]);
	expect(() => count({ to: "a", end: "ill" }, -1)).toThrow();
});

it("[K27] a label has no value but those that were named, so it cannot grow with what callers send", async () => {
	const metrics = new Metrics();
	const count = metrics.counter({ name: "calls", help: "Calls.", labels: { to: ["a"] } });
	expect(() => count({ to: "acme/web" as "a" })).toThrow();
	metrics.gauge({ name: "known", help: "Known.", labels: { to: ["a"] } }, () => [{ labels: { to: "a" }, value: 1 }]);
	metrics.gauge({ name: "foreign", help: "Foreign.", labels: { to: ["a"] } }, () => [
		{ labels: { to: "acme/web" as "a" }, value: 1 },
	]);
	expect((await metrics.read(never)).map(({ name }) => name)).toEqual(["calls", "known"]);
	const many = Array.from({ length: 11 }, (_, at) => `v${at}`);
	expect(() => metrics.counter({ name: "wide", help: "Wide.", labels: { one: many, two: many } })).toThrow();
});

it("[K27] one name is one metric, and a gauge that fails or is late is left out and holds up no other", async () => {
	const metrics = new Metrics();
	const plain = { help: "A figure.", labels: {} };
	metrics.gauge({ name: "slow", ...plain }, () => new Promise(() => undefined));
	metrics.gauge({ name: "broken", ...plain }, () => {
		throw new Error("away");
	});
	metrics.gauge({ name: "good", ...plain }, async () => [{ labels: {}, value: 7 }]);
	expect(() => metrics.counter({ name: "good", ...plain })).toThrow();
	for (const name of ["good_total", "Good", "good-bad", ""])
		expect(() => metrics.counter({ name, ...plain })).toThrow();
	const { promise, resolve } = Promise.withResolvers<void>();
	const shown = metrics.read(promise);
	setImmediate(resolve);
	expect(await shown).toEqual([
		{ name: "good", help: "A figure.", kind: "gauge", samples: [{ labels: {}, value: 7 }] },
	]);
});
