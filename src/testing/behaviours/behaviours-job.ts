// A job's way from its submission to its end, and what its leases may say.
import { expect } from "vitest";
import { blockedMaxMs, lapseBackoffMs, overrunMarginMs, startBySeconds, startMarginMs } from "../../domain/limits.ts";
import { aFailure, aReport, codeOf, job, must } from "../../simulation/queue-driver.ts";
import type { Behaviour } from "./behaviours-form.ts";
import { hourMs, minuteMs, secondMs, soonMs } from "./behaviours-form.ts";

const lapseMs = startBySeconds * secondMs + startMarginMs;

export const jobBehaviours: readonly Behaviour[] = [
	{
		title: "[J1] a job that needs nothing waits, any other is blocked",
		async show(queue) {
			const run = await queue.submit([job("a"), job("b", { needs: ["a"] })]);
			expect(await queue.states(run)).toBe("a:waiting b:blocked");
		},
	},
	{
		title: "[J2][D3] each grant has an epoch and a lease of its own, and an earlier one is stale",
		async show(queue) {
			await queue.submit([job("a")]);
			const first = await queue.lease();
			await queue.later(lapseMs);
			await queue.later(lapseBackoffMs);
			const second = await queue.lease();
			expect([first.epoch, second.epoch]).toEqual([1, 2]);
			const calls = await queue.calls();
			expect(codeOf(await calls.start(first))).toBe("lease-stale");
			expect(await calls.lease(first)).toBe("lost");
			expect(await calls.lease(second)).toBe("ok");
		},
	},
	{
		title: "[J3] a grant that nobody starts lapses, twice as long each time, and uses up no attempt",
		async show(queue) {
			const run = await queue.submit([job("a")]);
			for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
				await queue.lease();
				await queue.later(lapseMs - soonMs);
				expect(await queue.states(run)).toBe("a:leased");
				await queue.later(soonMs);
				expect(await queue.waits(run, "a")).toBe("backing-off");
				await queue.later(seconds * secondMs - soonMs);
				expect(await queue.granted()).toEqual([]);
				await queue.later(soonMs);
			}
			await queue.finish(await queue.start());
			expect((await queue.job(run, "a")).attempts).toMatchObject([{ number: 1, outcome: "passed", by: "submit" }]);
		},
	},
	{
		title: "[J3] a lapse does not prolong the queue timeout",
		async show(queue) {
			const run = await queue.submit([job("a", { queueTimeoutSeconds: 5 })]);
			await queue.lease();
			await queue.later(lapseMs);
			expect(await queue.states(run)).toBe("a:expired");
		},
	},
	{
		title: "[J4] an attempt begins with the start, and its number goes on from the last",
		async show(queue) {
			const run = await queue.submit([job("a", { retry: { maxAttempts: 2, backoff: { initialSeconds: 0 } } })]);
			await queue.lease();
			expect((await queue.job(run, "a")).attempts).toEqual([]);
			await queue.later(lapseMs);
			await queue.later(minuteMs);
			await queue.finish(await queue.start(), aFailure());
			await queue.later(minuteMs);
			await queue.start();
			expect((await queue.job(run, "a")).attempts).toMatchObject([
				{ number: 1, outcome: "failed" },
				{ number: 2, outcome: null },
			]);
		},
	},
	{
		title: "[D3] a start told twice changes nothing",
		async show(queue) {
			const run = await queue.submit([job("a")]);
			const lease = await queue.start();
			const before = await queue.run(run);
			await queue.later(secondMs);
			must(await (await queue.calls()).start(lease));
			expect({ ...(await queue.run(run)), version: 0 }).toEqual({ ...before, version: 0 });
		},
	},
	...(["passed", "failed", "timed-out", "refused", "canceled"] as const).map(
		(outcome) =>
			({
				title: `[J5] a job ends as its runner reports: ${outcome}`,
				async show(queue) {
					const run = await queue.submit([job("a")]);
					const lease = await queue.start();
					const { job: ended } = await queue.finish(lease, aReport({ outcome, exitCode: null, reason: "so it was" }));
					expect(ended).toMatchObject({ state: "finished", outcome, reason: "so it was" });
					expect(ended.attempts).toMatchObject([{ number: 1, outcome, reason: "so it was" }]);
					expect((await queue.run(run)).state).toBe("finished");
				},
			}) satisfies Behaviour,
	),
	{
		title: "[D4] a finish told twice has the same answer; another one, and another lease's, is stale",
		async show(queue) {
			await queue.submit([job("a")]);
			const lease = await queue.start();
			const first = await queue.finish(lease, aFailure());
			const withoutLog = (attempts: object[]) => attempts.map((attempt) => ({ ...attempt, log: null }));
			const again = await queue.finish(lease, aFailure());
			expect(withoutLog(again.job.attempts)).toEqual(withoutLog(first.job.attempts));
			expect(again.job).toMatchObject({ state: "finished", outcome: "failed" });
			const other = { ...lease, epoch: 2 };
			expect(codeOf(await (await queue.calls()).finish(other, aReport()))).toBe("lease-stale");
			expect(codeOf(await (await queue.calls()).finish(lease, aReport()))).toBe("lease-stale");
			expect(again.job.attempts).toMatchObject([{ outcome: "failed", exitCode: 1 }]);
		},
	},
	{
		title: "[D4] a lease that was not started has nothing to report yet, and is in order",
		async show(queue) {
			const run = await queue.submit([job("a")]);
			const lease = await queue.lease();
			const calls = await queue.calls();
			expect(codeOf(await calls.finish(lease, aReport()))).toBe("lease-not-started");
			expect(await (await queue.calls()).lease(lease)).toBe("ok");
			must(await (await queue.calls()).start(lease));
			await queue.finish(lease);
			expect(await queue.states(run)).toBe("a:passed");
		},
	},
	{
		title: "[J9] a job is ended a minute after its timeout, not before, and what its runner says then is stale",
		async show(queue) {
			const run = await queue.submit([job("a", { timeoutSeconds: 60 })]);
			const lease = await queue.start();
			await queue.later(minuteMs + overrunMarginMs - soonMs);
			expect(await queue.states(run)).toBe("a:running");
			await queue.later(soonMs);
			expect(await queue.states(run)).toBe("a:timed-out");
			expect(codeOf(await (await queue.calls()).finish(lease, aReport()))).toBe("lease-stale");
			expect(await queue.states(run)).toBe("a:timed-out");
		},
	},
	{
		title: "[J12] a job that nobody takes has expired at its queue timeout, not before",
		async show(queue) {
			const run = await queue.submit([job("a", { queueTimeoutSeconds: 3_600 }), job("b", { needs: ["a"] })]);
			await queue.later(hourMs - soonMs);
			expect(await queue.states(run)).toBe("a:waiting b:blocked");
			await queue.later(soonMs);
			expect(await queue.states(run)).toBe("a:expired b:skipped");
			expect(await queue.run(run)).toMatchObject({ state: "finished", outcome: "failed" });
		},
	},
	{
		title: "[J12] a job whose needs never end has expired after a week",
		async show(queue) {
			const week = blockedMaxMs / secondMs;
			const run = await queue.submit([job("a", { queueTimeoutSeconds: 2 * week }), job("b", { needs: ["a"] })]);
			await queue.later(blockedMaxMs);
			expect(await queue.states(run)).toBe("a:waiting b:expired");
		},
	},
	{
		title: "[U3] a run has started when its first job runs and is finished with its last",
		async show(queue) {
			const run = await queue.submit([job("a"), job("b")]);
			const lease = await queue.lease();
			expect(await queue.run(run)).toMatchObject({ state: "accepted", startedAt: null });
			must(await (await queue.calls()).start(lease));
			expect(await queue.run(run)).toMatchObject({ state: "running", startedAt: expect.any(String) });
			await queue.finish(lease);
			expect(await queue.run(run)).toMatchObject({ state: "running", outcome: null, finishedAt: null });
			await queue.finish(await queue.start());
			expect(await queue.run(run)).toMatchObject({ state: "finished", outcome: "passed", counts: { finished: 2 } });
		},
	},
	{
		title: "[S2] the same key and body make one run, and the key with another body none",
		async show(queue) {
			const call = queue.submission([job("a")], { key: "once" });
			const first = must(await (await queue.calls()).submit(call));
			await queue.start();
			const again = must(await (await queue.calls()).submit(call));
			expect(again).toMatchObject({ replayed: true, run: { id: first.run.id, state: "running", number: 1 } });
			const other = queue.submission([job("b")], { key: "once" });
			expect(codeOf(await (await queue.calls()).submit(other))).toBe("idempotency-key-reused");
			expect(must(await (await queue.calls()).figures())).toMatchObject({ waiting: 0, running: 1 });
		},
	},
];
