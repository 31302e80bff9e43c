// Runs that leave for the archive and come back, step by step; by chance they do it in `fuzz.test.ts`.
import { describe, expect, it } from "vitest";
import { runIdFrom, jobIdFrom } from "../domain/ids.ts";
import type { LeaseIdentity } from "../contracts/objects/objects.ts";
import type { Command } from "./command.ts";
import { World } from "./fuzz.ts";
import { aFailure, aReport } from "./queue-driver.ts";

const run = runIdFrom(new Uint8Array(15));
const weekMs = 7 * 86_400_000;
const runner = { id: "rn1", name: "rn1" };
const jobs = ["0", "1"].map((key) => ({ key, run: "true" }));

function lease(index: number): LeaseIdentity {
	return { owner: "acme", repo: "web", pool: "default", shard: 0, job: jobIdFrom(run, index), attempt: 1, epoch: 1 };
}

/** A run of a job that passed and one that failed, which ended a week ago and is settled. */
async function aWeekLater(): Promise<{ world: World; all: (...commands: Command[]) => Promise<void> }> {
	const world = await World.open();
	const all = async (...commands: Command[]) => {
		for (const command of commands) await world.step({ command, random: 0.5, again: "no" });
	};
	const ref = "refs/heads/main";
	await all({ do: "submit", run, key: null, jobs, ref, actor: "ann", supersedes: false });
	await all({ do: "claim", runner, pool: "default", labels: [], free: 2 });
	for (const index of [0, 1]) {
		await all({ do: "start", lease: lease(index) });
		await all({ do: "finish", lease: lease(index), report: index === 0 ? aReport() : aFailure() });
	}
	await all({ do: "tell" }, { do: "clock", byMs: weekMs + 1 });
	return { world, all };
}

describe("the archive of a simulated repository", () => {
	it("[T30] a run that is retried there comes back as it was, but for the jobs that are retried", async () => {
		const { world, all } = await aWeekLater();
		const before = world.stored.texts;
		await all({ do: "alarm" });
		expect([...world.stored.texts.archived]).toEqual([run]);
		await all({ do: "retry-job", job: jobIdFrom(run, 1), key: null });
		const { archived, attempts, logs, jobs: after } = world.stored.texts;
		expect([...archived]).toEqual([]);
		expect([attempts, logs]).toEqual([before.attempts, before.logs]);
		const [passed, failed] = [jobIdFrom(run, 0), jobIdFrom(run, 1)];
		expect(after.get(passed)).toBe(before.jobs.get(passed));
		expect(world.stored.jobs.get(failed)).toMatchObject({ state: "waiting", attempts: 1, epoch: 1 });
	});

	it.each(["refused", "answer-lost"] as const)(
		"[T31] a put that is %s leaves the run in its object, and some minutes later it leaves all the same",
		async (how) => {
			const { world, all } = await aWeekLater();
			const before = world.stored.texts;
			await all({ do: "archive-fails", how }, { do: "alarm" });
			expect([...world.stored.texts.archived]).toEqual([]);
			expect(world.port.archive.has(run)).toBe(how === "answer-lost");
			expect([world.stored.texts.runs, world.stored.texts.jobs]).toEqual([before.runs, before.jobs]);
			await all({ do: "clock", byMs: 10 * 60_000 }, { do: "alarm" });
			expect([...world.stored.texts.archived]).toEqual([run]);
		},
	);

	it("[T31] what was put without an answer and was retried since is replaced by what it became", async () => {
		const { world, all } = await aWeekLater();
		await all({ do: "archive-fails", how: "answer-lost" }, { do: "alarm" });
		await all({ do: "retry-job", job: jobIdFrom(run, 1), key: null });
		await all({ do: "cancel-run", run }, { do: "tell" }, { do: "clock", byMs: weekMs + 1 }, { do: "alarm" });
		expect([...world.stored.texts.archived]).toEqual([run]);
		expect(world.stored.jobs.get(jobIdFrom(run, 1))).toMatchObject({ state: "finished", outcome: "canceled" });
	});
});
