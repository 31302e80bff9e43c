// What one job's end means for those that need it, and for its run.
import { expect } from "vitest";
import { aFailure, codeOf, job, must } from "../../simulation/queue-driver.ts";
import type { Behaviour } from "./behaviours-form.ts";

export const graphBehaviours: readonly Behaviour[] = [
	{
		title: "[D1][G1] a cycle, an unknown need and a doubled key are refused, and nothing of the run is kept",
		async show(queue) {
			const faulty = [
				[job("a", { needs: ["b"] }), job("b", { needs: ["a"] })],
				[job("a"), job("b", { needs: ["gone"] })],
				[job("a"), job("a")],
			];
			for (const jobs of faulty) {
				const call = queue.submission(jobs);
				expect(codeOf(await (await queue.calls()).submit(call))).toBe("graph-invalid");
				expect(codeOf(await (await queue.calls()).run(call.run))).toBe("run-unknown");
			}
			expect((await queue.run(await queue.submit([job("a")]))).number).toBe(1);
		},
	},
	{
		title: "[G2] `success`, `failure` and `always` each ask for what they say",
		async show(queue) {
			const after = (needs: string[]) =>
				(["success", "failure", "always"] as const).map((when) => job(`${needs.join("")}-${when}`, { needs, when }));
			const run = await queue.submit([job("a"), job("b"), ...after(["a"]), ...after(["a", "b"])]);
			await queue.finish(await queue.start());
			expect(await queue.states(run)).toBe(
				"a:passed b:waiting a-success:waiting a-failure:skipped a-always:waiting ab-success:blocked ab-failure:blocked ab-always:blocked",
			);
			await queue.finish(await queue.start(), aFailure());
			expect(await queue.states(run)).toContain("ab-success:skipped ab-failure:waiting ab-always:waiting");
		},
	},
	{
		title: "[G3][D11] an end is carried through the whole graph at once",
		async show(queue) {
			const run = await queue.submit([
				job("a"),
				job("b", { needs: ["a"] }),
				job("c", { needs: ["b"] }),
				job("d", { needs: ["c"] }),
				job("cleanup", { needs: ["d"], when: "always" }),
			]);
			await queue.finish(await queue.start(), aFailure());
			expect(await queue.states(run)).toBe("a:failed b:skipped c:skipped d:skipped cleanup:waiting");
			await queue.finish(await queue.start());
			expect(await queue.run(run)).toMatchObject({ state: "finished", outcome: "failed" });
		},
	},
	{
		title: "[G4] when a job runs again, what was skipped below it waits again, and nothing else",
		async show(queue) {
			const run = await queue.submit([
				job("a"),
				job("b", { needs: ["a"] }),
				job("c", { needs: ["b"] }),
				job("x"),
				job("y", { needs: ["x", "a"] }),
			]);
			await queue.finish(await queue.start(), aFailure());
			await queue.finish(await queue.start(), aFailure());
			expect(await queue.states(run)).toBe("a:failed b:skipped c:skipped x:failed y:skipped");
			must(await queue.retry(run, "a"));
			expect(await queue.states(run)).toBe("a:waiting b:blocked c:blocked x:failed y:skipped");
			must(await queue.retry(run, "x"));
			expect(await queue.states(run)).toBe("a:waiting b:blocked c:blocked x:waiting y:blocked");
		},
	},
	{
		title: "[G5][U2] `allowFailure` forgives a failure, and no cancel",
		async show(queue) {
			const jobs = [job("a", { allowFailure: true }), job("b", { needs: ["a"] })];
			const forgiven = await queue.submit(jobs);
			await queue.finish(await queue.start(), aFailure());
			expect(await queue.states(forgiven)).toBe("a:failed b:waiting");
			await queue.finish(await queue.start());
			expect((await queue.run(forgiven)).outcome).toBe("passed");
			const canceled = await queue.submit(jobs);
			must(await queue.cancel(canceled, "a"));
			expect(await queue.states(canceled)).toBe("a:canceled b:skipped");
			expect((await queue.run(canceled)).outcome).toBe("canceled");
		},
	},
	{
		title: "[D2] jobs are added to an unfinished run, below jobs in whatever state",
		async show(queue) {
			const run = await queue.submit([job("a"), job("b")]);
			await queue.finish(await queue.start(), aFailure());
			must(await queue.add(run, [job("c", { needs: ["a"] }), job("d", { needs: ["c", "b"], when: "failure" })]));
			must(await queue.add(run, [job("e", { needs: ["a"], when: "failure" })]));
			expect(await queue.states(run)).toBe("a:failed b:waiting c:skipped d:blocked e:waiting");
			expect(codeOf(await queue.add(run, [job("a")]))).toBe("graph-invalid");
			must(await queue.cancelRun(run));
			expect(codeOf(await queue.add(run, [job("f")]))).toBe("run-finished");
		},
	},
	{
		title: "[U2] a cancel that stopped something names the run's end, else a failure does",
		async show(queue) {
			const run = await queue.submit([job("a"), job("b")]);
			await queue.finish(await queue.start(), aFailure());
			must(await queue.cancel(run, "b"));
			expect((await queue.run(run)).outcome).toBe("failed");
			const other = await queue.submit([job("a"), job("b")]);
			await queue.finish(await queue.start(), aFailure());
			must(await queue.cancelRun(other));
			expect((await queue.run(other)).outcome).toBe("canceled");
		},
	},
];
