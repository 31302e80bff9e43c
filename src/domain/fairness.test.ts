import { describe, expect, it } from "vitest";
import { aJob, aRunner, aSpec } from "../testing/builders.ts";
import { noon } from "../testing/clock.ts";
import type { Fairness } from "./fairness.ts";
import { fairnessDefault, handicapMs, partyOf } from "./fairness.ts";
import { jobIdFrom } from "./ids.ts";
import type { Job, WaitingJob } from "./job.ts";
import { grant } from "./job.ts";
import { avoidMs } from "./limits.ts";
import { openJobOf } from "./open-job.ts";
import { laneKey } from "./queue.ts";
import { Standing } from "./standing.ts";

const runner = aRunner();
const place = { runner, pool: "default", shard: 0 };

/** `main#3` is the fourth job of branch main; each came a second after the one before. */
function jobsOf(...names: string[]): WaitingJob[] {
	return names.map((name, index) => {
		const [ref = "", actor = "dev"] = name.split("@");
		const job = aJob("waiting");
		return {
			...job,
			index,
			id: jobIdFrom(job.run, index),
			createdAt: noon + index * 1_000,
			since: noon,
			ref,
			actor,
			spec: aSpec(),
		};
	});
}

/** The order in which all would be granted, none of them ending meanwhile. */
function order(jobs: WaitingJob[], fairness: Partial<Fairness> = {}): string {
	const standing = new Standing(
		jobs.flatMap((job) => openJobOf(job) ?? []),
		{ ...fairnessDefault, ...fairness },
	);
	const found: Job[] = [];
	for (;;) {
		const head = standing.head(laneKey(jobs[0] as Job), { runner: runner.id, now: noon });
		const job = head && jobs[head.index];
		if (!job) return found.map(({ ref, actor }) => (actor === "dev" ? ref : actor)).join(" ");
		standing.apply([grant(job, place, noon)]);
		found.push(job);
	}
}

describe("fairness", () => {
	it("[Q6] a branch with much waiting does not push another aside", () => {
		expect(order(jobsOf("a", "a", "a", "a", "b", "b"))).toBe("a b a b a a");
	});

	it("[Q6] strictly by rank, if so wished", () => {
		expect(order(jobsOf("a", "a", "a", "b"), { perRunningSeconds: 0 })).toBe("a a a b");
	});

	it("[Q6] a weight of two lets two run for the other's one", () => {
		expect(order(jobsOf("a", "a", "a", "a", "b", "b"), { weights: { a: 2 } })).toBe("a b a a b a");
	});

	it("[Q6] by actor, whatever the branch", () => {
		expect(order(jobsOf("x@bot", "y@bot", "z@bot", "w@ann"), { by: "actor" })).toBe("bot ann bot bot");
		expect(partyOf({ ref: null, actor: "ann" }, { by: "ref" })).toBe("ann");
	});

	it("[Q6] the handicap is bounded: who waits longer than it goes first all the same", () => {
		const jobs = jobsOf("a", "a", "b").map((job) => (job.ref === "a" ? { ...job, createdAt: noon - 61_000 } : job));
		expect(order(jobs)).toBe("a a b");
		expect(handicapMs("a", 3, fairnessDefault)).toBe(180_000);
	});
});

describe("a lost runner", () => {
	it("[Q7] does not get the job back while another may take it; after a while it does", () => {
		const [job] = jobsOf("a");
		const avoiding = { ...(job as WaitingJob), avoids: runner.id };
		const standing = new Standing([openJobOf(avoiding)].flatMap((open) => open ?? []));
		const head = (asks: string, now: number) => standing.head(laneKey(avoiding), { runner: asks, now })?.index ?? null;
		expect(head(runner.id, noon)).toBeNull();
		expect(head("another", noon)).toBe(0);
		expect(head(runner.id, noon + avoidMs)).toBe(0);
	});

	it("[Q7] does not hold up others behind it", () => {
		const [first, second] = jobsOf("a", "a");
		const jobs = [{ ...(first as WaitingJob), avoids: runner.id }, second as WaitingJob];
		const standing = new Standing(jobs.flatMap((job) => openJobOf(job) ?? []));
		expect(standing.head(laneKey(jobs[0] as Job), { runner: runner.id, now: noon })?.index).toBe(1);
	});
});
