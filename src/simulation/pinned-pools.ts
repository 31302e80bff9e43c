// What random commands once found in pools, as the shortest commands that were found to repeat it.
import { jobIdFrom, runIdFrom } from "../domain/ids.ts";
import type { JobRequest } from "../domain/job/submission.ts";
import type { Step } from "./chance.ts";

const runs = [1, 2].map((byte) => runIdFrom(new Uint8Array(15).fill(byte)));
const [first = "", second = ""] = runs;
const pool = "default";

function step(command: Step["command"], again: Step["again"] = "no"): Step {
	return { command, random: 0.5, again };
}

function submit(run: string, job: Partial<JobRequest> = {}, again: Step["again"] = "no"): Step {
	const jobs = [{ key: "a", run: "true", ...job }];
	return step({ do: "submit", run, key: null, jobs, ref: "refs/heads/main", actor: "ann", supersedes: false }, again);
}

function comes(runner: string, at = pool): Step {
	return step({ do: "runner-comes", pool: at, runner, isNewProcess: false });
}

const tell = step({ do: "tell" });

/** While a claim for a runner is under way, the runner is to go; the claim finds nothing, and something else waits. */
export const claimedForOneThatGoes: readonly Step[] = [
	submit(first, { queueTimeoutSeconds: 3_600 }),
	submit(second, {}, "after eviction"),
	comes("rn1"),
	step({ do: "clock", byMs: 10_000_000 }),
	step({ do: "alarm" }),
	comes("rn0"),
	step({ do: "runner-drains", pool, runner: "rn0", draining: true }),
	step({ do: "runner-asks", pool: "other", runner: "rn2" }),
	step({ do: "retry-job", job: jobIdFrom(first, 0), key: null }),
];

/** A session breaks without a close, while a job waits for it. */
export const pushedToASilentSession: readonly Step[] = [
	comes("rn0"),
	submit(first),
	step({ do: "runner-drops", pool, runner: "rn0", isTold: false }),
	...Array.from({ length: 12 }, () => [tell, step({ do: "clock", byMs: 15_000 }), step({ do: "alarm" })]).flat(),
];

/** The only runner is unwell while a job comes, and says over another way than its session that it is well. */
export const wellAgain: readonly Step[] = [
	comes("rn0"),
	step({ do: "runner-is-unwell", pool, runner: "rn0", unwell: true }),
	submit(first),
	tell,
	step({ do: "runner-is-unwell", pool, runner: "rn0", unwell: false }),
	tell,
];

/** The run is canceled while a claim for its job is under way, and the end comes to the pool before the claim's answer. */
export const endedBeforeItsGrant: readonly Step[] = [
	step({
		do: "submit",
		run: first,
		key: null,
		jobs: [
			{ key: "gpu", run: "true", labels: ["gpu", "linux"] },
			{ key: "any", run: "true", notBefore: 1_768_478_401_000 },
			{ key: "other", run: "true", pool: "other", needs: ["gpu"] },
		],
		ref: "refs/heads/main",
		actor: "ann",
		supersedes: false,
	}),
	step({ do: "clock", byMs: 30_000 }),
	step({ do: "alarm" }),
	comes("rn3"),
	step({ do: "one-arrives", at: 2 }),
	step({ do: "cancel-run", run: first }, "at once"),
	step({ do: "one-arrives", at: 1 }),
	step({ do: "runner-asks", pool: "other", runner: "rn3" }),
];
