import { describe, expect, it } from "vitest";
import { someSettings } from "../../testing/builders.ts";
import { groupLimit, resolveSpec, settingsDefaults } from "./submission.ts";

const { defaults } = settingsDefaults;

describe("resolveSpec", () => {
	it("[S1] the least that may be said decides every field", () => {
		expect(resolveSpec({ key: "test", run: "npm test" }, defaults)).toEqual({
			key: "test",
			name: "test",
			needs: [],
			when: "success",
			steps: [{ name: "step 1", run: "npm test" }],
			env: {},
			secrets: [],
			pool: "default",
			labels: [],
			priority: 0,
			timeoutSeconds: 3_600,
			queueTimeoutSeconds: 86_400,
			allowFailure: false,
			concurrencyGroup: null,
			exclusive: false,
			onLost: "retry",
			retry: {
				maxAttempts: 1,
				maxLosses: 3,
				on: [{ outcome: "failed" }, { outcome: "timed-out" }],
				backoff: { initialSeconds: 5, factor: 2, maxSeconds: 300, jitter: "full" },
			},
			notBefore: null,
		});
	});

	it("[S1] what is said stands, also where it is nothing", () => {
		const said = {
			priority: 0,
			allowFailure: false,
			timeoutSeconds: 1,
			env: {},
			pool: "mac",
			retry: { maxAttempts: 1 },
		};
		const spec = resolveSpec(
			{ key: "a", run: "x", ...said },
			{ ...defaults, pool: "linux", retry: { maxAttempts: 9 } },
		);
		expect(spec).toMatchObject({ ...said, retry: { maxAttempts: 1 } });
	});

	it("[S1] the repository's defaults come next", () => {
		const own = { pool: "linux", timeoutSeconds: 60, queueTimeoutSeconds: 120, retry: { maxAttempts: 4 } };
		expect(resolveSpec({ key: "a", run: "x" }, own)).toMatchObject({
			...own,
			retry: { maxAttempts: 4, on: [{ outcome: "failed" }, { outcome: "timed-out" }] },
		});
	});

	it("[S1] doubles say nothing more, and labels have one order, since they name a set", () => {
		const spec = resolveSpec(
			{ key: "a", run: "x", needs: ["c", "b", "c"], labels: ["x64", "linux", "x64"], secrets: ["B", "A", "B"] },
			defaults,
		);
		expect(spec).toMatchObject({ needs: ["c", "b"], labels: ["linux", "x64"], secrets: ["B", "A"] });
	});

	it("[S1] a step without a name is called by its place", () => {
		const steps = [{ run: "a" }, { name: "test", run: "b" }, { run: "c" }];
		expect(resolveSpec({ key: "a", steps }, defaults).steps.map(({ name }) => name)).toEqual([
			"step 1",
			"test",
			"step 3",
		]);
	});

	it.each([
		[undefined, undefined, undefined, false, "retry"],
		["deploy", undefined, undefined, true, "fail"],
		["deploy", false, undefined, false, "fail"],
		["deploy", undefined, "retry", true, "retry"],
		[null, true, undefined, true, "retry"],
		[null, undefined, "fail", false, "fail"],
	] as const)(
		"[S1] group %s, exclusive %s, onLost %s: %s and %s",
		(group, exclusive, onLost, isExclusive, whenLost) => {
			const spec = resolveSpec({ key: "a", run: "x", concurrencyGroup: group, exclusive, onLost }, defaults);
			expect(spec).toMatchObject({ concurrencyGroup: group ?? null, exclusive: isExclusive, onLost: whenLost });
		},
	);

	it("[S1] a group without a limit of its own runs one job at a time, whatever it is called", () => {
		const settings = someSettings({ concurrencyGroups: { deploy: { limit: 3 }, frozen: { limit: 0 } } });
		const limits = ["deploy", "frozen", "other", "constructor", "toString"].map((group) => groupLimit(settings, group));
		expect(limits).toEqual([3, 0, 1, 1, 1]);
	});
});
