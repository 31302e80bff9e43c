// When an unwell machine is looked at again, by a clock that is moved by hand; and what a look finds, on this very machine.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Health } from "./health.ts";
import { machineFault } from "./machine-look.ts";

describe("an unwell machine", () => {
	beforeEach(() => void vi.useFakeTimers());
	afterEach(() => void vi.useRealTimers());

	let found: string | null = null;
	let looks = 0;
	const events: string[] = [];
	function aHealth(random = 1): Health {
		[found, looks] = [null, 0];
		events.length = 0;
		const look = async () => {
			looks++;
			return found;
		};
		const health = new Health({ look, eventLog: (event) => void events.push(event), random: () => random });
		health.onChange(() => void events.push(health.unwell ?? "fine"));
		return health;
	}

	it.each([1, 0.5, 0])(
		"[N146] is looked at ever more rarely, up to two minutes, by a random part (%f) of half the wait",
		async (part) => {
			const health = aHealth(part);
			found = "no disk";
			await health.begin();
			for (const seconds of [5, 10, 20, 40, 80, 120, 120]) {
				const before = looks;
				const wait = (seconds / 2) * (1 + part) * 1_000;
				await vi.advanceTimersByTimeAsync(wait - 1);
				expect(looks).toBe(before);
				await vi.advanceTimersByTimeAsync(1);
				expect(looks).toBe(before + 1);
			}
			found = null;
			await vi.advanceTimersByTimeAsync(120_000);
			expect(events).toEqual(["runner-unwell", "no disk", "runner-well", "fine"]);
			health.close();
		},
	);

	it("[N170] what a job may have brought about makes no wait longer, however often it does", async () => {
		const health = aHealth();
		for (let job = 0; job < 10; job++) {
			health.failed("no room for its log", { began: true });
			await vi.advanceTimersByTimeAsync(4_999);
			expect(health.unwell).toBe("no room for its log");
			await vi.advanceTimersByTimeAsync(1);
			expect(health.unwell).toBeNull();
		}
		health.close();
	});

	it("[N146] what no look can find makes the next wait longer, until a job comes through", async () => {
		const health = aHealth();
		const wellAfter = async () => {
			health.failed("a hook");
			health.failed("jobs at once are one fault");
			for (let seconds = 1; ; seconds++) {
				await vi.advanceTimersByTimeAsync(1_000);
				if (health.unwell === null) return seconds;
			}
		};
		expect([await wellAfter(), await wellAfter(), await wellAfter()]).toEqual([5, 10, 20]);
		health.cameThrough();
		expect(await wellAfter()).toBe(5);
		health.failed("the last");
		health.close();
		await vi.advanceTimersByTimeAsync(600_000);
		expect(health.unwell).toBe("the last");
	});
});

describe("a look", () => {
	const folder = mkdtempSync(join(tmpdir(), "spillway-look-"));
	afterEach(() => rmSync(folder, { recursive: true, force: true }));

	it("[N145] finds folders, hooks and programs that are not there, and says which", async () => {
		const jobs = join(folder, "jobs");
		const hook = join(folder, "hook");
		const parts = { folder, jobs, hooks: [hook], hostEnv: process.env };
		expect(await machineFault(parts)).toMatch(/^its folder of jobs cannot be used: ENOENT/);
		mkdirSync(jobs, { recursive: true });
		expect(await machineFault(parts)).toMatch(/^its hook cannot be run: ENOENT/);
		writeFileSync(hook, "#!/bin/sh\n");
		chmodSync(hook, 0o755);
		expect(await machineFault(parts)).toBeNull();
		expect(await machineFault({ ...parts, hostEnv: { PATH: jobs } })).toMatch(/^bash cannot be started: .*ENOENT/);
		rmSync(join(folder, "probe"), { force: true });
		mkdirSync(join(folder, "probe"));
		expect(await machineFault(parts)).toMatch(/^its folder takes no files: EISDIR/);
	});
});
