// How work is called off, and how long a slot stays held when its runner may still be at work.
import { expect } from "vitest";
import { cancelMarginMs, exclusiveMarginMs, graceSeconds } from "../../domain/limits.ts";
import { aFailure, aReport, codeOf, job, must } from "../../simulation/queue-driver.ts";
import type { Behaviour } from "./behaviours-form.ts";
import { minuteMs, secondMs, soonMs } from "./behaviours-form.ts";

const killMs = graceSeconds * secondMs + cancelMarginMs;

export const cancelBehaviours: readonly Behaviour[] = [
	{
		title: "[J10][D7] a cancel ends at once what does not run, and asks what runs to stop",
		async show(queue) {
			const run = await queue.submit([
				job("running"),
				job("leased"),
				job("waiting"),
				job("blocked", { needs: ["waiting"] }),
			]);
			const lease = await queue.start();
			const other = await queue.lease();
			must(await queue.cancelRun(run, "enough"));
			expect(await queue.states(run)).toBe("running:canceling leased:canceled waiting:canceled blocked:canceled");
			const calls = await queue.calls();
			expect(await calls.lease(lease)).toBe("canceling");
			expect(codeOf(await calls.start(other))).toBe("lease-stale");
			must(await queue.cancelRun(run, "once more"));
			await queue.finish(lease, aReport({ outcome: "canceled" }));
			expect(await queue.run(run)).toMatchObject({ state: "finished", outcome: "canceled", reason: "enough" });
			must(await queue.cancelRun(run));
		},
	},
	{
		title: "[D7] what has ended otherwise is not canceled",
		async show(queue) {
			const run = await queue.submit([job("a")]);
			await queue.finish(await queue.start());
			expect(codeOf(await queue.cancelRun(run))).toBe("run-finished");
			expect(codeOf(await queue.cancel(run, "a"))).toBe("job-finished");
		},
	},
	{
		title:
			"[J5] a job that passes before the cancel reaches it has passed; what fails then is canceled and not retried",
		async show(queue) {
			const retry = { maxAttempts: 3 };
			const run = await queue.submit([job("a", { retry }), job("b", { retry })]);
			const leases = [await queue.start(), await queue.start()] as const;
			must(await queue.cancelRun(run));
			await queue.finish(leases[0]);
			await queue.finish(leases[1], aFailure());
			expect(await queue.states(run)).toBe("a:passed b:canceled");
			expect((await queue.job(run, "b")).attempts.at(-1)?.next).toEqual({ withheld: "canceled" });
		},
	},
	{
		title: "[J10] a job that is backing off is canceled at once",
		async show(queue) {
			const run = await queue.submit([job("a", { retry: { maxAttempts: 2, backoff: { initialSeconds: 60 } } })]);
			await queue.finish(await queue.start(), aFailure());
			must(await queue.cancel(run, "a"));
			await queue.later(2 * minuteMs);
			expect(await queue.granted()).toEqual([]);
			expect(await queue.states(run)).toBe("a:canceled");
		},
	},
	{
		title: "[J10] a runner that does not confirm the cancel is not waited for longer than grace and margin",
		async show(queue) {
			const run = await queue.submit([job("a")]);
			const lease = await queue.start();
			must(await queue.cancel(run, "a", { reason: "first" }));
			await queue.later(killMs - soonMs);
			must(await queue.cancel(run, "a", { reason: "second" }));
			expect(await queue.states(run)).toBe("a:canceling");
			await queue.later(soonMs);
			expect(await queue.job(run, "a")).toMatchObject({ outcome: "canceled", reason: "first" });
			expect(codeOf(await (await queue.calls()).finish(lease, aReport()))).toBe("lease-stale");
		},
	},
	{
		title: "[J10] `force` waits for no runner, whether the job was being canceled or not",
		async show(queue) {
			const run = await queue.submit([job("a"), job("b")]);
			await queue.start();
			await queue.start();
			must(await queue.cancel(run, "a"));
			must(await queue.cancel(run, "a", { force: true }));
			must(await queue.cancel(run, "b", { force: true }));
			expect(await queue.states(run)).toBe("a:canceled b:canceled");
		},
	},
	{
		title: "[J8] a lost runner ends a job that was being canceled",
		async show(queue) {
			const run = await queue.submit([job("a")]);
			const lease = await queue.start();
			must(await queue.cancel(run, "a"));
			await queue.loses(lease);
			expect(await queue.states(run)).toBe("a:canceled");
		},
	},
	{
		title: "[J7][D5][D12] the slot of a lost exclusive job stays held until its runner must have stopped it",
		async show(queue) {
			const deploy = { concurrencyGroup: "deploy", onLost: "retry" as const };
			const run = await queue.submit([job("a", deploy), job("b", deploy)]);
			const lease = await queue.start();
			await queue.loses(lease);
			expect(await (await queue.calls()).lease(lease)).toBe("lost");
			await queue.later(exclusiveMarginMs - soonMs);
			await queue.loses(lease);
			expect(await queue.states(run)).toBe("a:running b:waiting");
			expect(await queue.granted({ free: 9 })).toEqual([]);
			await queue.later(soonMs);
			expect(await queue.granted({ free: 9 })).toEqual(["b"]);
			expect((await queue.job(run, "a")).attempts).toMatchObject([{ outcome: "lost" }]);
		},
	},
	{
		title: "[J17] what the runner of a lost exclusive job reports while its slot is held is taken, and frees the slot",
		async show(queue) {
			const deploy = { concurrencyGroup: "deploy", onLost: "retry" as const };
			const run = await queue.submit([job("a", deploy), job("b", deploy)]);
			const lease = await queue.start();
			await queue.loses(lease);
			const { job: ended } = await queue.finish(lease);
			expect(ended).toMatchObject({ outcome: "passed", attempts: [{ outcome: "passed" }] });
			expect(await queue.granted({ free: 9 })).toEqual(["b"]);
			await queue.later(exclusiveMarginMs);
			expect(await queue.states(run)).toMatch(/^a:passed /);
		},
	},
	{
		title: "[J15] the slot of a canceled exclusive job is held as long, unless somebody forces it",
		async show(queue) {
			const deploy = { concurrencyGroup: "deploy" };
			const run = await queue.submit([job("a", deploy), job("b", deploy), job("c", deploy)]);
			await queue.start();
			must(await queue.cancel(run, "a"));
			await queue.later(killMs - soonMs);
			expect(await queue.granted({ free: 9 })).toEqual([]);
			await queue.later(soonMs);
			await queue.start();
			must(await queue.cancel(run, "b", { force: true }));
			expect(await queue.granted({ free: 9 })).toEqual(["c"]);
		},
	},
	{
		title: "[D15] a canceled run takes no more jobs while its last one stops; a retry by hand lifts the cancel",
		async show(queue) {
			const run = await queue.submit([job("a"), job("b")]);
			const lease = await queue.start();
			must(await queue.cancelRun(run));
			expect(codeOf(await queue.add(run, [job("c")]))).toBe("run-canceled");
			expect(codeOf(await queue.add(run, [job("c", { needs: ["a"], when: "always" })]))).toBe("run-canceled");
			expect(await queue.states(run)).toBe("a:canceling b:canceled");
			must(await queue.retry(run, "b"));
			must(await queue.add(run, [job("c")]));
			await queue.finish(lease, aReport({ outcome: "canceled" }));
			expect(await queue.granted({ free: 9 })).toEqual(["b", "c"]);
		},
	},
	{
		title: "[D15] neither does one that a newer run has superseded",
		async show(queue) {
			await queue.configure({ cloneUrl: "https://git.example/web.git" });
			const source = { cloneUrl: "", ref: "refs/heads/main", commit: null };
			const older = await queue.submit([job("a")], { source });
			const lease = await queue.start();
			await queue.submit([job("b", { pool: "other" })], { source, cancelSuperseded: true });
			expect(codeOf(await queue.add(older, [job("c")]))).toBe("run-superseded");
			await queue.finish(lease, aReport({ outcome: "canceled" }));
			expect(codeOf(await queue.add(older, [job("c")]))).toBe("run-finished");
			expect(await queue.granted({ free: 9 })).toEqual([]);
		},
	},
	{
		title: "[D7] a newer run of a ref calls off the older ones if asked to, and they name it",
		async show(queue) {
			await queue.configure({ cloneUrl: "https://git.example/web.git" });
			const source = { cloneUrl: "", ref: "refs/heads/main", commit: null };
			const older = await queue.submit([job("a"), job("b")], { source });
			const other = await queue.submit([job("a")], { source: { ...source, ref: "refs/heads/other" } });
			await queue.start();
			const newer = await queue.submit([job("a")], { source, cancelSuperseded: true });
			expect(await queue.states(older)).toBe("a:canceling b:canceled");
			expect(await queue.states(other)).toBe("a:waiting");
			expect((await queue.run(older)).supersededBy).toBe(newer);
		},
	},
];
