// What random commands once found, as the shortest commands that were found to repeat it. Kept as commands and not as seeds: a
// seed means something else as soon as commands are made in another way.
import type { LeaseIdentity } from "../contracts/objects/objects.ts";
import { jobIdFrom, runIdFrom } from "../domain/ids.ts";
import type { JobRequest } from "../domain/job/submission.ts";
import { noon } from "../testing/clock.ts";
import type { Step } from "./chance.ts";
import type { Command } from "./command.ts";

export interface Pinned {
	found: string;
	steps: Step[];
}

const run = runIdFrom(new Uint8Array(15));

function step(command: Command, again: Step["again"] = "no"): Step {
	return { command, random: 0.5, again };
}

function submit(...jobs: Partial<JobRequest>[]): Step {
	const keyed = jobs.map((job, at): JobRequest => ({ key: String(at), run: "true", ...job }));
	const rest = { ref: "refs/heads/main", actor: "ann", supersedes: false };
	return step({ do: "submit", run, key: null, jobs: keyed, ...rest });
}

function claim(runner: string): Step {
	return step({ do: "claim", runner: { id: runner, name: runner }, pool: "default", labels: [], free: 1 });
}

function leaseOf(index: number): LeaseIdentity {
	return { owner: "acme", repo: "web", pool: "default", shard: 0, job: jobIdFrom(run, index), attempt: 1, epoch: 1 };
}

export const pinned: readonly Pinned[] = [
	{
		found: "a priority set again to what it is made a new version",
		steps: [submit({}), step({ do: "priority", job: jobIdFrom(run, 0), priority: 9 }, "after eviction")],
	},
	{
		found: "a run canceled again made a new version",
		steps: [
			submit({}),
			claim("rn1"),
			step({ do: "start", lease: leaseOf(0) }),
			step({ do: "cancel-run", run }, "at once"),
		],
	},
	{
		found: "lanes of one label set were each promised the repository's whole room",
		steps: [
			step({ do: "configure", request: { maxRunning: 1 } }),
			submit({}, { concurrencyGroup: "db" }),
			step({ do: "tell" }),
		],
	},
	{
		found: "a job kept from a runner let another of its lane go before its turn",
		steps: [
			submit({ priority: 5 }, { concurrencyGroup: "db" }, { priority: -3 }),
			claim("rn1"),
			step({ do: "start", lease: leaseOf(0) }),
			step({ do: "expire", leases: [leaseOf(0)], quietMs: 30_000 }),
			step({ do: "clock", byMs: 1_000 }),
			step({ do: "alarm" }),
			claim("rn1"),
		],
	},
	{
		found: "a job that was skipped and waits again began before its instant",
		steps: [
			submit({}, { needs: ["0"], notBefore: noon + 3_600_000 }),
			step({ do: "cancel-job", job: jobIdFrom(run, 0), force: false }),
			step({ do: "retry-job", job: jobIdFrom(run, 0), key: null }),
			...finish(0),
			claim("rn1"),
		],
	},
];

function finish(index: number): Step[] {
	const lease = leaseOf(index);
	const silent = { exitCode: 0, signal: null, reason: null, steps: [], logLength: 0, logSha256: null };
	const report = { outcome: "passed" as const, ...silent, retryAfterSeconds: null };
	return [claim("rn1"), step({ do: "start", lease }), step({ do: "finish", lease, report })];
}
