// What runs again, when, and why not: by rule, by the platform, by a person.
import { expect } from "vitest";
import { avoidMs, interruptionBackoffMs, interruptionsMax, lossBackoffMs, lossesMax } from "../../domain/limits.ts";
import { aDrain, aFailure, aReport, codeOf, job, must } from "../../simulation/queue-driver.ts";
import type { Behaviour } from "./behaviours-form.ts";
import { hourMs, minuteMs, secondMs, soonMs } from "./behaviours-form.ts";

const backoff = { initialSeconds: 10, factor: 3, maxSeconds: 60, jitter: "none" } as const;

export const retryBehaviours: readonly Behaviour[] = [
	{
		title: "[J6][R3] a failed attempt waits for its backoff, longer each time, and runs again by the rule",
		async show(queue) {
			const run = await queue.submit([job("a", { retry: { maxAttempts: 4, backoff } })]);
			for (const seconds of [10, 30, 60]) {
				await queue.finish(await queue.start(), aFailure());
				expect(await queue.waits(run, "a")).toBe("backing-off");
				await queue.later(seconds * secondMs - soonMs);
				expect(await queue.granted()).toEqual([]);
				await queue.later(soonMs);
			}
			await queue.finish(await queue.start());
			const { attempts } = await queue.job(run, "a");
			expect(attempts.map(({ by }) => by)).toEqual(["submit", "rule", "rule", "rule"]);
			expect(attempts[0]).toMatchObject({ outcome: "failed", exitCode: 1, next: { at: expect.any(String) } });
			expect(await queue.run(run)).toMatchObject({ outcome: "passed", round: 1 });
		},
	},
	{
		title: "[R1] what no rule fits is not retried, and says so",
		async show(queue) {
			const retry = { maxAttempts: 3, on: [{ exitCodes: [75] }, { signal: "SIGKILL" }] };
			const run = await queue.submit([job("a", { retry })]);
			await queue.finish(await queue.start(), aFailure({ exitCode: null, signal: "SIGKILL" }));
			await queue.later(hourMs);
			await queue.finish(await queue.start(), aFailure({ exitCode: 75 }));
			await queue.later(hourMs);
			await queue.finish(await queue.start(), aFailure({ exitCode: 1 }));
			const { outcome, attempts } = await queue.job(run, "a");
			expect([outcome, attempts.length, attempts.at(-1)?.next]).toEqual(["failed", 3, { withheld: "no-rule" }]);
		},
	},
	{
		title: "[R2] no more attempts than allowed, by the job or by the rule, whichever is less",
		async show(queue) {
			const retry = { maxAttempts: 3, on: [{ outcome: "failed" as const, maxAttempts: 2 }], backoff };
			const run = await queue.submit([job("a", { retry })]);
			await queue.finish(await queue.start(), aFailure());
			await queue.later(minuteMs);
			await queue.finish(await queue.start(), aFailure());
			const { outcome, attempts } = await queue.job(run, "a");
			expect([outcome, attempts.length, attempts.at(-1)?.next]).toEqual(["failed", 2, { withheld: "attempts" }]);
		},
	},
	{
		title: "[R5] a job may say itself after how long, at most an hour, and gets no further attempt by it",
		async show(queue) {
			const run = await queue.submit([job("a", { retry: { maxAttempts: 2, backoff } })]);
			await queue.finish(await queue.start(), aFailure({ retryAfterSeconds: 100_000 }));
			await queue.later(hourMs - soonMs);
			expect(await queue.granted()).toEqual([]);
			await queue.later(soonMs);
			await queue.finish(await queue.start(), aFailure({ retryAfterSeconds: 1 }));
			expect((await queue.job(run, "a")).attempts.at(-1)?.next).toEqual({ withheld: "attempts" });
		},
	},
	{
		title: "[R6] a job's own words about retry win over the repository's, field by field",
		async show(queue) {
			await queue.configure({ defaults: { retry: { maxAttempts: 2, on: [{ outcome: "refused" }], backoff } } });
			const run = await queue.submit([job("own", { retry: { on: [{ outcome: "failed" }] } }), job("theirs")]);
			await queue.finish(await queue.start(), aFailure());
			await queue.finish(await queue.start(), aFailure());
			expect(await queue.states(run)).toBe("own:waiting theirs:failed");
		},
	},
	{
		title: "[J8][R4] a lost runner costs no attempt; at the third in a row it stops",
		async show(queue) {
			const run = await queue.submit([job("a")]);
			for (let loss = 1; loss <= lossesMax; loss++) {
				const lease = await queue.start();
				await queue.loses(lease);
				await queue.loses(lease);
				expect(codeOf(await (await queue.calls()).finish(lease, aReport()))).toBe("lease-stale");
				await queue.later(minuteMs);
			}
			const { outcome, attempts } = await queue.job(run, "a");
			expect(outcome).toBe("lost");
			expect(attempts.map((attempt) => [attempt.outcome, attempt.by])).toEqual([
				["lost", "submit"],
				["lost", "platform"],
				["lost", "platform"],
			]);
			expect(attempts.at(-1)?.next).toEqual({ withheld: "poison" });
		},
	},
	{
		title: "[R4] how many losses in a row are borne is the job's to say, else the repository's",
		async show(queue) {
			await queue.configure({ defaults: { retry: { maxLosses: 2 } } });
			const run = await queue.submit([job("own", { retry: { maxLosses: 1 } }), job("theirs")]);
			await queue.loses(await queue.start());
			await queue.loses(await queue.start());
			expect(await queue.states(run)).toBe("own:lost theirs:waiting");
			await queue.later(minuteMs);
			await queue.loses(await queue.start());
			expect(await queue.states(run)).toBe("own:lost theirs:lost");
		},
	},
	{
		title: "[R4] an attempt that ends by itself begins the count of losses anew",
		async show(queue) {
			const run = await queue.submit([job("a", { retry: { maxAttempts: 2, backoff } })]);
			for (const end of ["lose", "lose", "fail", "lose", "lose", "pass"]) {
				const lease = await queue.start();
				if (end === "lose") await queue.loses(lease);
				else await queue.finish(lease, end === "fail" ? aFailure() : aReport());
				await queue.later(minuteMs);
			}
			expect(await queue.states(run)).toBe("a:passed");
		},
	},
	{
		title: "[R4] with `onLost: fail` a lost runner ends the job",
		async show(queue) {
			const run = await queue.submit([job("a", { onLost: "fail" })]);
			await queue.loses(await queue.start());
			const { outcome, attempts } = await queue.job(run, "a");
			expect([outcome, attempts.at(-1)?.next]).toEqual(["lost", { withheld: "on-lost" }]);
		},
	},
	{
		title: "[J16][R9] a drained runner's job goes to another, costs no attempt, and is none of the budget's",
		async show(queue) {
			await queue.configure({ retryBudget: { perHour: 0, ratio: 0 } });
			const run = await queue.submit([job("a")]);
			const drained = { id: "drained", name: "drained" };
			const lease = await queue.start({ runner: drained });
			const { job: told } = await queue.finish(lease, aDrain());
			expect(told.attempts[0]).toMatchObject({ outcome: "lost", platformFault: "drained", reason: "stopped" });
			expect(told.attempts[0]?.next).toEqual({ at: expect.any(String) });
			must(await (await queue.calls()).finish(lease, aDrain()));
			await queue.later(interruptionBackoffMs);
			expect(await queue.granted({ runner: drained })).toEqual([]);
			await queue.finish(await queue.start());
			const { attempts } = await queue.job(run, "a");
			expect(attempts[1]).toMatchObject({ outcome: "passed", by: "platform", retryReason: "its runner was drained" });
			expect(await queue.states(run)).toBe("a:passed");
		},
	},
	{
		title: "[J16][R9] with `onLost: fail`, or after many drains in a row, the job ends as lost; a person may retry it",
		async show(queue) {
			const run = await queue.submit([job("deploy", { onLost: "fail" }), job("a")]);
			await queue.finish(await queue.start(), aDrain());
			for (let times = 1; times <= interruptionsMax; times++) {
				await queue.finish(await queue.start(), aDrain());
				await queue.later(minuteMs);
			}
			expect(await queue.states(run)).toBe("deploy:lost a:lost");
			expect((await queue.job(run, "deploy")).attempts.at(-1)?.next).toEqual({ withheld: "on-lost" });
			expect((await queue.job(run, "a")).attempts.at(-1)?.next).toEqual({ withheld: "poison" });
			must(await queue.retry(run, "a"));
			await queue.finish(await queue.start());
			expect(await queue.states(run)).toBe("deploy:lost a:passed");
		},
	},
	{
		title: "[J11][D8] a finished job is retried by a person, in a round one higher, once per key",
		async show(queue) {
			const run = await queue.submit([job("a"), job("b")]);
			await queue.finish(await queue.start(), aFailure());
			must(await queue.retry(run, "a", "key"));
			must(await queue.retry(run, "a", "key"));
			expect(await queue.run(run)).toMatchObject({ round: 2, state: "running" });
			expect(codeOf(await queue.retry(run, "a"))).toBe("job-not-finished");
			await queue.finish(await queue.start());
			await queue.finish(await queue.start());
			const { attempts } = await queue.job(run, "a");
			expect(attempts).toMatchObject([
				{ number: 1, outcome: "failed" },
				{ number: 2, outcome: "passed", by: "user", actor: "dev", retryReason: "again" },
			]);
			expect(await queue.run(run)).toMatchObject({ state: "finished", outcome: "passed" });
		},
	},
	{
		title: "[D14] a job that was skipped runs when it is retried by name, and the one that held it stays as it was",
		async show(queue) {
			const run = await queue.submit([job("a"), job("b", { needs: ["a"] })]);
			await queue.finish(await queue.start(), aFailure());
			expect(await queue.states(run)).toBe("a:failed b:skipped");
			must(await queue.retry(run, "b"));
			await queue.finish(await queue.start());
			expect(await queue.states(run)).toBe("a:failed b:passed");
		},
	},
	{
		title: "[D9] the failed jobs of a run, or all finished ones, are retried, and what runs is left alone",
		async show(queue) {
			const run = await queue.submit([job("a"), job("b"), job("c")]);
			await queue.finish(await queue.start());
			await queue.finish(await queue.start(), aFailure());
			await queue.start();
			must(await queue.retryRun(run, "failed"));
			expect(await queue.states(run)).toBe("a:passed b:waiting c:running");
			must(await queue.retryRun(run, "all"));
			expect(await queue.states(run)).toBe("a:waiting b:waiting c:running");
			expect(codeOf(await queue.retryRun(run, "all"))).toBe("run-nothing-to-retry");
			expect((await queue.run(run)).round).toBe(3);
		},
	},
	{
		title: "[R7] when the budget is spent the job ends, says so, and a person may still retry it",
		async show(queue) {
			await queue.configure({ retryBudget: { perHour: 1, ratio: 0 } });
			const retry = { maxAttempts: 3, backoff };
			const run = await queue.submit([job("a", { retry }), job("b", { retry })]);
			await queue.finish(await queue.start(), aFailure());
			await queue.finish(await queue.start(), aFailure());
			expect(await queue.states(run)).toBe("a:waiting b:failed");
			expect((await queue.job(run, "b")).attempts.at(-1)?.next).toEqual({ withheld: "budget" });
			must(await queue.retry(run, "b"));
			await queue.finish(await queue.start());
			expect(await queue.states(run)).toBe("a:waiting b:passed");
			await queue.later(hourMs);
			await queue.finish(await queue.start(), aFailure());
			expect(await queue.states(run)).toBe("a:waiting b:passed");
		},
	},
	{
		title: "[Q7] a job is kept from the runner that was lost with it for a while, and holds up nobody",
		async show(queue) {
			const run = await queue.submit([job("a"), job("b")]);
			const lost = { id: "lost", name: "lost" };
			await queue.loses(await queue.start({ runner: lost }));
			await queue.later(lossBackoffMs);
			expect(await queue.granted({ runner: lost, free: 9 })).toEqual(["b"]);
			expect(await queue.waits(run, "a")).not.toBeNull();
			await queue.later(avoidMs);
			expect(await queue.granted({ runner: lost, free: 9 })).toContain("a");
		},
	},
];
