import { describe, expect, it } from "vitest";
import { aJob, aRunner, aSpec, someSettings } from "../../testing/builders.ts";
import { noon } from "../../testing/clock.ts";
import type { Fairness } from "./fairness.ts";
import { fairnessDefault, handicapMs, partyOf } from "./fairness.ts";
import { jobIdFrom } from "../ids.ts";
import type { Job, WaitingJob } from "../job/job.ts";
import { grant } from "../job/job.ts";
import { avoidMs } from "../limits.ts";
import { queuedJobOf } from "../job/queued-job.ts";
import { chooseLane } from "./queue.ts";
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
		jobs.flatMap((job) => queuedJobOf(job) ?? []),
		{ ...fairnessDefault, ...fairness },
	);
	const found: Job[] = [];
	for (;;) {
		const [lane] = standing.lanes();
		const job = lane && jobs[lane.head.index];
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

	it.each(["constructor", "toString", "hasOwnProperty", "__proto__"])(
		"[Q6] a branch called %s is a party like any other",
		(name) => {
			expect(order(jobsOf(name, name, name, name, "b", "b"))).toBe(`${name} b ${name} b ${name} ${name}`);
			expect(handicapMs(name, 2, { ...fairnessDefault, weights: { [name]: 2 } })).toBe(60_000);
		},
	);

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
	/** Who goes next to whoever asks, among jobs that `runner` was lost with, or not, and that began to wait at some time. */
	function next(jobs: Pick<WaitingJob, "avoids" | "since" | "createdAt">[]) {
		const named = jobsOf(...jobs.map(() => "a")).map((job, at) => ({ ...job, ...jobs[at] }));
		const standing = new Standing(named.flatMap((job) => queuedJobOf(job) ?? []));
		return (asks: string, now: number, isOnly = false) => {
			const [lane] = standing.lanes({ runner: asks, now, isOnlyOne: () => isOnly });
			return lane?.head.index ?? null;
		};
	}

	it("[Q7] does not get the job back while another may take it; after a while it does", () => {
		const head = next([{ avoids: runner.id, since: noon, createdAt: noon }]);
		expect(head(runner.id, noon)).toBeNull();
		expect(head("another", noon)).toBe(0);
		expect(head(runner.id, noon + avoidMs)).toBe(0);
		expect(head(runner.id, noon, true)).toBe(0);
	});

	it("[Q7] does not hold up others behind it", () => {
		const plain = { since: noon, createdAt: noon };
		expect(
			next([
				{ ...plain, avoids: runner.id },
				{ ...plain, avoids: null },
			])(runner.id, noon),
		).toBe(1);
	});

	it("[Q7] of two that it was lost with, it gets the one that has waited long enough, whichever goes first to others", () => {
		const avoids = runner.id;
		const head = next([
			{ avoids, since: noon, createdAt: noon },
			{ avoids, since: noon - avoidMs, createdAt: noon + 1_000 },
			{ avoids: null, since: noon, createdAt: noon + 2_000 },
		]);
		expect([head("another", noon), head(runner.id, noon)]).toEqual([0, 1]);
	});

	it("[Q3][Q7] a lane goes by the one that the asking runner may have, not by the one it is kept from", () => {
		const [kept, later] = jobsOf("a", "a") as [WaitingJob, WaitingJob];
		const other = { ...(jobsOf("a", "a", "b")[2] as WaitingJob), spec: aSpec({ concurrencyGroup: "g" }) };
		const jobs = [
			{ ...kept, avoids: runner.id },
			{ ...later, createdAt: noon + 60_000 },
			{ ...other, createdAt: noon + 30_000 },
		];
		const standing = new Standing(jobs.flatMap((job) => queuedJobOf(job) ?? []));
		const wanted = { pool: "default", labels: new Set<string>() };
		const asked = (asks: string) => {
			const lanes = standing.lanes({ runner: asks, now: noon, isOnlyOne: () => false });
			return chooseLane(lanes, wanted, someSettings(), standing.load)?.head.index;
		};
		expect([asked("another"), asked(runner.id)]).toEqual([0, 2]);
	});
});
