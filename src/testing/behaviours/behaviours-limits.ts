// Who is handed what under the present limits, and what everybody else is told.
import { expect } from "vitest";
import { claimMax } from "../../domain/limits.ts";
import { aFailure, codeOf, job, must } from "../../simulation/queue-driver.ts";
import type { Behaviour } from "./behaviours-form.ts";
import { hourMs, minuteMs } from "./behaviours-form.ts";

export const limitBehaviours: readonly Behaviour[] = [
	{
		title: "[Q2] a limit of the repository acts on what already waits, also when it is lowered",
		async show(queue) {
			await queue.configure({ maxRunning: 2 });
			await queue.submit(["a", "b", "c", "d"].map((key) => job(key)));
			const leases = [await queue.start({ free: 9 }), await queue.start({ free: 9 }).catch(() => null)];
			expect(leases[1]).toBeNull();
			expect(await queue.granted()).toEqual([]);
			await queue.configure({ maxRunning: 3 });
			expect(await queue.granted({ free: 9 })).toEqual(["c"]);
			await queue.configure({ maxRunning: 2 });
			if (leases[0]) await queue.finish(leases[0]);
			expect(await queue.granted()).toEqual([]);
			await queue.configure({ maxRunning: 4 });
			expect(await queue.granted({ free: 9 })).toEqual(["d"]);
		},
	},
	{
		title: "[Q2] a pause lets nothing begin and what runs go on, until it ends",
		async show(queue) {
			const run = await queue.submit([job("a"), job("b")]);
			const lease = await queue.start();
			await queue.configure({ paused: true, pauseNote: "the disk is full" });
			expect(await queue.granted()).toEqual([]);
			expect((await queue.job(run, "b")).waiting).toMatchObject({ code: "paused", detail: /the disk is full/ });
			await queue.finish(lease);
			await queue.configure({ paused: false });
			expect(await queue.granted()).toEqual(["b"]);
		},
	},
	{
		title: "[Q2] a concurrency group runs as many as its present limit and holds up no others",
		async show(queue) {
			const deploy = { concurrencyGroup: "deploy" };
			await queue.submit([job("a", deploy), job("b", deploy), job("c", deploy), job("other")]);
			expect(await queue.granted({ free: 9 })).toEqual(["a", "other"]);
			await queue.configure({ concurrencyGroups: { deploy: { limit: 2 } } });
			expect(await queue.granted({ free: 9 })).toEqual(["b"]);
			await queue.configure({ concurrencyGroups: {} });
			expect(await queue.granted({ free: 9 })).toEqual([]);
		},
	},
	{
		title:
			"[Q3][D10] the lowest rank that the runner's pool and labels cover goes first; a priority acts on what waits",
		async show(queue) {
			const run = await queue.submit([
				job("plain"),
				job("gpu", { labels: ["gpu", "linux"] }),
				job("elsewhere", { pool: "other" }),
				job("first", { priority: 1 }),
				job("later"),
			]);
			const { id } = await queue.job(run, "later");
			must(await (await queue.calls()).reprioritise({ job: id, priority: 2 }));
			expect(await queue.granted({ free: 9, labels: ["linux"] })).toEqual(["later", "first", "plain"]);
			expect(await queue.granted({ free: 9, labels: ["linux", "gpu", "x64"] })).toEqual(["gpu"]);
			expect(await queue.granted({ free: 9, pool: "other" })).toEqual(["elsewhere"]);
			expect(codeOf(await (await queue.calls()).reprioritise({ job: id, priority: 3 }))).toBe("job-not-waiting");
		},
	},
	{
		title: "[Q1] a point of priority is worth a minute of waiting, no more",
		async show(queue) {
			await queue.submit([job("old")]);
			await queue.later(minuteMs + 1);
			await queue.submit([job("new", { priority: 1 })]);
			await queue.submit([job("newer", { priority: 2 })]);
			expect(await queue.granted({ free: 9 })).toEqual(["newer", "old", "new"]);
		},
	},
	{
		title: "[Q4] demand counts, by labels, what could start under the present limits",
		async show(queue) {
			await queue.configure({ maxRunning: 3 });
			await queue.submit([
				...["a", "b", "c", "d"].map((key) => job(key)),
				job("gpu", { labels: ["gpu"] }),
				job("deploy-1", { concurrencyGroup: "deploy", labels: ["prod"] }),
				job("deploy-2", { concurrencyGroup: "deploy", labels: ["prod"] }),
			]);
			const counts = async (free: number) =>
				(await queue.claim({ free })).demand.sets.map(({ labels, waiting }) => [labels.join(","), waiting]);
			expect((await counts(0)).sort()).toEqual([
				["", 3],
				["gpu", 1],
				["prod", 1],
			]);
			expect(Object.fromEntries(await counts(1))).toEqual({ "": 2, gpu: 1, prod: 1 });
			expect(await counts(9)).toEqual([]);
		},
	},
	{
		title: "[Q4] a label set's demand never exceeds what its repository has left, whatever groups its jobs are in",
		async show(queue) {
			await queue.configure({ maxRunning: 1 });
			await queue.submit([job("a"), job("b", { concurrencyGroup: "deploy" })]);
			expect((await queue.claim({ free: 0 })).demand.sets).toMatchObject([{ labels: [], waiting: 1 }]);
		},
	},
	{
		title: "[Q5] a claim hands out no more than asked for, and than one claim may",
		async show(queue) {
			await queue.submit(Array.from({ length: claimMax + 8 }, (_, at) => job(`j${at}`)));
			expect(await queue.granted({ free: 2 })).toEqual(["j0", "j1"]);
			expect(await queue.granted({ free: 1_000 })).toHaveLength(claimMax);
			expect(await queue.granted({ free: 1_000 })).toHaveLength(6);
		},
	},
	{
		title: "[E1] the first fact that holds a job back is named",
		async show(queue) {
			await queue.configure({ maxRunning: 2, paused: true });
			const retry = { maxAttempts: 2, backoff: { initialSeconds: 60, jitter: "none" as const } };
			const deploy = { concurrencyGroup: "deploy" };
			const run = await queue.submit([
				job("a", { retry, priority: 9 }),
				job("b", { ...deploy, priority: 8 }),
				job("c", deploy),
				job("d", { needs: ["c"] }),
			]);
			const codes = async () => {
				const waiting = ((await queue.run(run)).jobs ?? []).map((each) => each.waiting?.code ?? null);
				// Whether a runner is there at all is the pool's to know.
				return waiting.map((code) => (code === "no-runner" ? "runners-busy" : code));
			};
			expect(await codes()).toEqual(["paused", "paused", "paused", "needs"]);
			await queue.configure({ paused: false });
			expect(await codes()).toEqual(["runners-busy", "runners-busy", "runners-busy", "needs"]);
			const lease = await queue.start();
			await queue.start();
			expect(await codes()).toEqual([null, null, "repository-limit", "needs"]);
			await queue.finish(lease, aFailure());
			expect(await codes()).toEqual(["backing-off", null, "concurrency-group", "needs"]);
		},
	},
	{
		title: "[Q6] a branch that runs much lets others go first",
		async show(queue) {
			await queue.configure({ cloneUrl: "https://git.example/web.git" });
			const on = (ref: string) => ({ source: { cloneUrl: "", ref, commit: null } });
			await queue.submit(
				["a1", "a2", "a3"].map((key) => job(key)),
				on("refs/heads/a"),
			);
			await queue.later(1_000);
			await queue.submit([job("b1"), job("b2")], on("refs/heads/b"));
			expect(await queue.granted({ free: 9 })).toEqual(["a1", "b1", "a2", "b2", "a3"]);
		},
	},
	{
		title: "[Q6] a party's weight, by actor too, and its change act on what already waits",
		async show(queue) {
			await queue.configure({ fairness: { by: "actor" } });
			await queue.submit(
				["a1", "a2", "a3", "a4"].map((key) => job(key)),
				{ actor: "ann" },
			);
			await queue.later(1_000);
			await queue.submit(
				["b1", "b2", "b3"].map((key) => job(key)),
				{ actor: "ben" },
			);
			expect(await queue.granted({ free: 2 })).toEqual(["a1", "b1"]);
			await queue.configure({ fairness: { by: "actor", weights: { ben: 10 } } });
			expect(await queue.granted({ free: 2 })).toEqual(["b2", "b3"]);
		},
	},
	{
		title: "[D1] a repository that drains refuses runs, and what is there goes on",
		async show(queue) {
			const run = await queue.submit([job("a")]);
			await queue.configure({ draining: true });
			expect(codeOf(await (await queue.calls()).submit(queue.submission([job("b")])))).toBe("repository-draining");
			await queue.finish(await queue.start());
			expect(await queue.states(run)).toBe("a:passed");
		},
	},
	{
		title: "[J1][G4] a job that is meant for later waits until then, also when it was skipped and waits again",
		async show(queue) {
			const notBefore = queue.port.now() + hourMs;
			const run = await queue.submit([job("a"), job("b", { needs: ["a"], notBefore }), job("c", { notBefore })]);
			await queue.finish(await queue.start(), aFailure());
			must(await queue.retry(run, "a"));
			await queue.finish(await queue.start());
			expect(await queue.states(run)).toBe("a:passed b:waiting c:waiting");
			expect(await queue.waits(run, "b")).toBe("backing-off");
			expect(await queue.granted({ free: 9 })).toEqual([]);
			await queue.later(hourMs);
			expect((await queue.granted({ free: 9 })).sort()).toEqual(["b", "c"]);
		},
	},
];
