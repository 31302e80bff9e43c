import { describe, expect, it } from "vitest";
import type { JobByState } from "../../testing/builders.ts";
import {
	aCause,
	aFailure,
	aJob,
	anyJob,
	aReport,
	aRunId,
	aRunner,
	aSpec,
	jobStates,
	outcomes,
} from "../../testing/builders.ts";
import { noon } from "../../testing/clock.ts";
import type { Job, JobState, Move } from "./job.ts";
import {
	create,
	expireWait,
	grant,
	lapse,
	promote,
	ready,
	refuseJob,
	reprioritise,
	retry,
	skip,
	start,
} from "./job.ts";
import { deadlineOf, timeUp } from "./job-deadline.ts";
import { abandon, cancel, finish, lose, overrun, suspect } from "./job-end.ts";
import { blockedMaxMs, exclusiveMarginMs, graceSeconds, stopAfterSeconds } from "../limits.ts";

const granted = { runner: aRunner(), pool: "default", shard: 0 };
const wish = { actor: "dev@example.com", reason: "stop it", at: noon };
const aDrain = () => aReport({ outcome: "canceled", exitCode: null, signal: "SIGTERM", platformFault: "drained" });
const retrying = aSpec({ retry: { maxAttempts: 3, backoff: { initialSeconds: 5, jitter: "none" } } });

/** Every command as it is called here, most of them at noon. */
const commands = {
	ready: (job: Parameters<typeof ready>[0]) => ready(job, noon),
	skip: (job: Parameters<typeof skip>[0]) => skip(job, "its need failed", noon),
	grant: (job: Parameters<typeof grant>[0]) => grant(job, granted, noon),
	lapse: (job: Parameters<typeof lapse>[0]) => lapse(job, noon),
	promote: (job: Parameters<typeof promote>[0]) => promote(job),
	expireWait: (job: Parameters<typeof expireWait>[0]) => expireWait(job, noon),
	refuse: (job: Parameters<typeof refuseJob>[0]) => refuseJob(job, "no such secret", noon),
	start: (job: Parameters<typeof start>[0]) => start(job, noon),
	finish: (job: Parameters<typeof finish>[0]) => finish(job, aReport(), noon, 0.5),
	fail: (job: Parameters<typeof finish>[0]) => finish({ ...job, spec: retrying }, aFailure(), noon, 0.5),
	drain: (job: Parameters<typeof finish>[0]) => finish(job, aDrain(), noon, 0.5),
	suspect: (job: Parameters<typeof suspect>[0]) => suspect(job, { quietMs: 30_000, now: noon }),
	lose: (job: Parameters<typeof lose>[0]) => lose(job, "its runner was lost", noon),
	overrun: (job: Parameters<typeof overrun>[0]) => overrun(job, noon, 0.5),
	abandon: (job: Parameters<typeof abandon>[0]) => abandon(job, null, noon),
	cancel: (job: Parameters<typeof cancel>[0]) => cancel(job, { ...wish, force: false }),
	force: (job: Parameters<typeof cancel>[0]) => cancel(job, { ...wish, force: true }),
	retry: (job: Parameters<typeof retry>[0]) => retry(job, aCause({ by: "user", at: noon }), false),
	reprioritise: (job: Parameters<typeof reprioritise>[0]) => reprioritise(job, 7),
};

type Command = keyof typeof commands;
type Row<C extends Command> = {
	[S in JobState]: JobByState[S] extends Parameters<(typeof commands)[C]>[0] ? JobState : "no";
};

/** `no`: the move does not take that state, and the line would not compile with anything else. */
const no = "no";
const table: { [C in Command]: Row<C> } = {
	ready: { blocked: "waiting", waiting: no, leased: no, running: no, canceling: no, finished: no },
	skip: { blocked: "finished", waiting: no, leased: no, running: no, canceling: no, finished: no },
	grant: { blocked: no, waiting: "leased", leased: no, running: no, canceling: no, finished: no },
	lapse: { blocked: no, waiting: no, leased: "waiting", running: no, canceling: no, finished: no },
	promote: { blocked: no, waiting: "waiting", leased: no, running: no, canceling: no, finished: no },
	expireWait: { blocked: "finished", waiting: "finished", leased: no, running: no, canceling: no, finished: no },
	refuse: { blocked: no, waiting: "finished", leased: no, running: no, canceling: no, finished: no },
	start: { blocked: no, waiting: no, leased: "running", running: no, canceling: no, finished: no },
	finish: { blocked: no, waiting: no, leased: no, running: "finished", canceling: "finished", finished: no },
	fail: { blocked: no, waiting: no, leased: no, running: "waiting", canceling: "finished", finished: no },
	drain: { blocked: no, waiting: no, leased: no, running: "waiting", canceling: "finished", finished: no },
	suspect: { blocked: no, waiting: no, leased: no, running: "running", canceling: "canceling", finished: no },
	lose: { blocked: no, waiting: no, leased: no, running: "waiting", canceling: "finished", finished: no },
	overrun: { blocked: no, waiting: no, leased: no, running: "finished", canceling: no, finished: no },
	abandon: { blocked: no, waiting: no, leased: no, running: no, canceling: "finished", finished: no },
	cancel: {
		blocked: "finished",
		waiting: "finished",
		leased: "finished",
		running: "canceling",
		canceling: "canceling",
		finished: no,
	},
	force: {
		blocked: "finished",
		waiting: "finished",
		leased: "finished",
		running: "finished",
		canceling: "finished",
		finished: no,
	},
	retry: { blocked: no, waiting: no, leased: no, running: no, canceling: no, finished: "waiting" },
	reprioritise: { blocked: "blocked", waiting: "waiting", leased: no, running: no, canceling: no, finished: no },
};

interface Cell {
	command: Command;
	from: JobState;
	to: JobState;
}

const cells: Cell[] = (Object.keys(table) as Command[]).flatMap((command) =>
	jobStates.flatMap((from) => {
		const to = table[command][from];
		return to === "no" ? [] : [{ command, from, to }];
	}),
);

/** The table's types have already said that this pair is legal. */
function run(command: Command, job: Job): Move {
	return (commands[command] as (job: Job) => Move)(job);
}

describe("every state and command", () => {
	it.each(cells)("[J13] $command takes $from to $to", ({ command, from, to }) => {
		const job = anyJob(from);
		const before = structuredClone(job);
		const move = run(command, job);
		expect(move.after.state).toBe(to);
		expect(job, "the state it starts from is not changed").toEqual(before);
		expect(move.before?.id).toBe(job.id);
		expect(Object.keys(move.after).sort(), "nothing of the old state stays").toEqual(Object.keys(aJob(to)).sort());
		const held = from === "running" || from === "canceling";
		expect(move.attempt !== undefined, "it ends an attempt").toBe(held && to !== "running" && to !== "canceling");
		const { id, run: ofRun, index, needs, createdAt, needed } = job;
		expect(move.after).toMatchObject({ id, run: ofRun, index, needs, createdAt, needed });
	});
});

describe("create", () => {
	const fresh = {
		run: aRunId(),
		index: 3,
		spec: aSpec({ priority: 4 }),
		needed: true,
		cause: aCause(),
		ref: null,
		actor: "dev",
	};

	it("[J1] waits when it needs nothing, for as long as its queue timeout", () => {
		const job = create({ ...fresh, needs: [] }, noon);
		const expiresAt = noon + 86_400_000;
		expect(job).toMatchObject({ state: "waiting", since: noon, notBefore: null, expiresAt, lapses: 0, priority: 4 });
		expect(job).toMatchObject({ epoch: 0, attempts: 0, used: 0, losses: 0, id: `j${"a".repeat(24)}-3` });
	});

	it("[J1] is blocked when it needs something", () => {
		const job = create({ ...fresh, needs: [0] }, noon);
		expect(job).toMatchObject({ state: "blocked", since: noon, expiresAt: noon + blockedMaxMs });
	});
});

describe("leases", () => {
	it("[J2] each grant raises the epoch and names a new lease", () => {
		const first = grant(aJob("waiting"), granted, noon).after;
		const second = grant(lapse(first, noon + 12_000).after as JobByState["waiting"], granted, noon + 20_000).after;
		expect([first.epoch, second.epoch]).toEqual([1, 2]);
		expect(second.lease.id).not.toBe(first.lease.id);
	});

	it("[J2] must be started within ten seconds and a margin", () => {
		expect(grant(aJob("waiting"), granted, noon).after.lapsesAt).toBe(noon + 12_000);
	});

	it("[J3] lapses in a row back off from one second to one minute, and use up no attempt", () => {
		const waits: number[] = [];
		let job = aJob("waiting", { expiresAt: noon + 10 ** 9 });
		for (let now = noon, i = 0; i < 9; i++, now += 100_000) {
			const lapsed = lapse(grant(job, granted, now).after, now).after;
			if (lapsed.state !== "waiting" || lapsed.notBefore === null) throw new Error("it waits again");
			waits.push((lapsed.notBefore - now) / 1_000);
			job = lapsed;
		}
		expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
		expect(job).toMatchObject({ attempts: 0, used: 0, losses: 0, epoch: 9 });
	});

	it("[J3] a lapse does not prolong the queue timeout", () => {
		const job = aJob("leased", { expiresAt: noon });
		expect(lapse(job, noon - 1).after).toMatchObject({ state: "waiting", expiresAt: noon });
		expect(lapse(job, noon).after).toMatchObject({ state: "finished", outcome: "expired" });
	});

	it("[J3] a job that ran and waits again has lapses of its own to come", () => {
		const ran = start(aJob("leased", { lapses: 5 }), noon).after;
		expect(lose(ran, "gone", noon).after).toMatchObject({ state: "waiting", lapses: 0 });
	});

	it("[J4] a start begins the next attempt, with the cause it waited with", () => {
		const cause = aCause({ by: "rule", reason: "failed with exit code 1" });
		const job = start(aJob("leased", { attempts: 2, cause }), noon).after;
		expect(job).toMatchObject({ attempts: 3, attempt: { number: 3, startedAt: noon, cause }, losesAt: null });
		expect(job.overrunsAt).toBe(noon + 3_600_000 + 60_000);
	});
});

describe("finish", () => {
	it.each(["passed", "failed", "timed-out", "canceled", "refused"] as const)(
		"[J5] a running job ends as reported: %s",
		(outcome) => {
			const { after, attempt } = finish(aJob("running"), aReport({ outcome }), noon, 0);
			expect(after).toMatchObject({ state: "finished", outcome, finishedAt: noon, used: 1 });
			expect(attempt).toMatchObject({ outcome, number: 1, finishedAt: noon, reported: true });
		},
	);

	it.each([
		["passed", "passed"],
		["failed", "canceled"],
		["timed-out", "canceled"],
		["canceled", "canceled"],
		["refused", "canceled"],
	] as const)("[J5] a canceling job that reports %s has %s, and is not retried", (reported, outcome) => {
		const spec = aSpec({ retry: { maxAttempts: 9, on: [{}] } });
		const { after, attempt } = finish(aJob("canceling", { spec }), aReport({ outcome: reported }), noon, 0);
		expect(after).toMatchObject({ state: "finished", outcome });
		expect(attempt?.next).toEqual(outcome === "passed" ? null : { withheld: "canceled" });
		if (outcome === "canceled") expect(after).toMatchObject({ reason: "no longer wanted" });
	});

	it("[J6] a failure that its rules retry waits again after its backoff", () => {
		const { after, attempt } = finish(aJob("running", { spec: retrying }), aFailure({ exitCode: 75 }), noon, 0.5);
		expect(after).toMatchObject({
			state: "waiting",
			notBefore: noon + 5_000,
			used: 1,
			cause: { by: "rule", reason: "failed with exit code 75", at: noon },
			expiresAt: noon + 5_000 + 86_400_000,
		});
		expect(attempt).toMatchObject({ outcome: "failed", exitCode: 75, next: { at: noon + 5_000 } });
	});

	it("[J6] says why it is not retried", () => {
		const spent = finish(aJob("running", { spec: retrying, used: 2, attempts: 3 }), aFailure(), noon, 0);
		expect(spent.after).toMatchObject({ state: "finished", outcome: "failed", used: 3, reason: "exit code 1" });
		expect(spent.attempt?.next).toEqual({ withheld: "attempts" });
		const unruled = finish(aJob("running", { spec: retrying }), aFailure({ outcome: "refused" }), noon, 0);
		expect(unruled.attempt?.next).toEqual({ withheld: "no-rule" });
	});

	it("[J6] names the signal when there is no exit code", () => {
		const report = aFailure({ exitCode: null, signal: "SIGSEGV" });
		const { after } = finish(aJob("running", { spec: retrying }), report, noon, 0);
		expect(after.cause.reason).toBe("failed by signal SIGSEGV");
	});

	it("[J6] ends a row of losses", () => {
		expect(finish(aJob("running", { spec: retrying, losses: 2 }), aFailure(), noon, 0).after.losses).toBe(0);
	});
});

describe("a lost runner", () => {
	it("[J7] the slot of an exclusive job is held until the runner must have stopped it", () => {
		const held = suspect(aJob("running"), { quietMs: 30_000, now: noon }).after;
		expect(deadlineOf(held)).toBe(noon + exclusiveMarginMs);
		expect(timeUp(held, noon + exclusiveMarginMs - 1, 0)).toBeNull();
		expect(timeUp(held, noon + exclusiveMarginMs, 0)?.attempt).toMatchObject({ outcome: "lost" });
		expect(exclusiveMarginMs).toBeGreaterThan(graceSeconds * 1_000);
	});

	it("[J8] goes to another runner without using up an attempt", () => {
		const { after, attempt } = lose(aJob("running", { losses: 1 }), "its runner was lost", noon);
		expect(after).toMatchObject({ state: "waiting", losses: 2, used: 0, attempts: 1, notBefore: noon + 2_000 });
		expect(after.cause).toEqual({ by: "platform", actor: null, reason: "its runner was lost", at: noon });
		expect(attempt).toMatchObject({ outcome: "lost", reported: false, exitCode: null, log: { length: null } });
	});

	it.each([
		["its third in a row", { losses: 2 }, "poison"],
		["onLost says so", { spec: aSpec({ onLost: "fail" }) }, "on-lost"],
	] as const)("[J8] ends as lost when %s", (_, patch, withheld) => {
		const { after, attempt } = lose(aJob("running", patch), "its runner was lost", noon);
		expect(after).toMatchObject({ state: "finished", outcome: "lost", reason: "its runner was lost" });
		expect(attempt?.next).toEqual({ withheld });
	});

	it("[J8] one that was being canceled is canceled", () => {
		const { after, attempt } = lose(aJob("canceling"), "its runner was lost", noon);
		expect(after).toMatchObject({ state: "finished", outcome: "canceled", reason: "no longer wanted" });
		expect(attempt).toMatchObject({ outcome: "canceled", reason: "its runner was lost" });
	});

	it("[J9] what its runner does not end at its timeout is timed out, and its rules decide", () => {
		const final = overrun(aJob("running"), noon, 0);
		expect(final.after).toMatchObject({ state: "finished", outcome: "timed-out" });
		expect(final.attempt).toMatchObject({ outcome: "timed-out", reported: false, log: { length: null } });
		expect(overrun(aJob("running", { spec: retrying }), noon, 0).after.state).toBe("waiting");
	});
});

describe("a runner that stops a job by itself", () => {
	it("[J16] uses up no attempt, and another runner is preferred", () => {
		const { after, attempt } = finish(aJob("running", { losses: 2 }), aDrain(), noon, 0);
		expect(after).toMatchObject({
			state: "waiting",
			used: 0,
			attempts: 1,
			avoids: "runner-1",
			notBefore: noon + 1_000,
		});
		expect(after.cause).toEqual({ by: "platform", actor: null, reason: "its runner was drained", at: noon });
		expect(attempt).toMatchObject({ outcome: "lost", platformFault: "drained", reported: true, signal: "SIGTERM" });
		expect(after, "it neither ends nor prolongs a row of losses").toMatchObject({ losses: 2, interruptions: 1 });
	});

	it("[J16] an exclusive job that stopped itself for lack of contact is free at once, and where it failed does not count", () => {
		const report = aFailure({ platformFault: "cut-off" });
		const job = aJob("running", { spec: aSpec({ exclusive: true, retry: { maxAttempts: 1 } }), losesAt: noon + 9_000 });
		const { after, attempt } = finish(job, report, noon, 0);
		expect(after).toMatchObject({ state: "waiting", used: 0 });
		expect(attempt).toMatchObject({ outcome: "lost", platformFault: "cut-off" });
	});

	it.each([
		["its tenth in a row", { interruptions: 9 }, "poison"],
		["onLost says so", { spec: aSpec({ onLost: "fail" }) }, "on-lost"],
	] as const)("[J16] ends as lost when %s", (_, patch, withheld) => {
		const { after, attempt } = finish(aJob("running", patch), aDrain(), noon, 0);
		expect(after).toMatchObject({ state: "finished", outcome: "lost", reason: "its runner was drained" });
		expect(attempt?.next).toEqual({ withheld });
	});

	it("[J16] what passed before it has passed, and what was being canceled is canceled", () => {
		const passed = finish(aJob("running"), aReport({ platformFault: "drained" }), noon, 0);
		expect(passed.after).toMatchObject({ outcome: "passed" });
		expect(passed.attempt?.platformFault).toBeNull();
		const canceled = finish(aJob("canceling"), aDrain(), noon, 0);
		expect(canceled.after).toMatchObject({ outcome: "canceled", reason: "no longer wanted" });
		expect(canceled.attempt?.platformFault).toBeNull();
	});

	it("[J16] an end of its own, or a person's retry, begins the count anew", () => {
		expect(finish(aJob("running", { spec: retrying, interruptions: 5 }), aFailure(), noon, 0).after.interruptions).toBe(
			0,
		);
		const cause = aCause({ by: "user", at: noon });
		expect(retry(aJob("finished", { interruptions: 5 }), cause, false).after.interruptions).toBe(0);
		expect(lose(aJob("running", { interruptions: 5 }), "gone", noon).after.interruptions).toBe(5);
	});

	it("[J16] what was stored before there were such ends is counted from none", () => {
		const { interruptions: _, ...old } = aJob("running");
		expect(finish(old as JobByState["running"], aDrain(), noon, 0).after.interruptions).toBe(1);
	});
});

describe("a machine that could not run a job", () => {
	const aStep = { name: "step 1", exitCode: null, finishedAt: null, logStart: null, logEnd: null };
	const aFault = (steps: (number | null)[] = [null]) =>
		aReport({
			outcome: "refused",
			exitCode: null,
			reason: "no space left",
			platformFault: "machine-fault",
			steps: steps.map((startedAt) => ({ ...aStep, startedAt })),
		});

	it("[J18] uses up no attempt, neither ends nor prolongs other rows, and another runner is preferred", () => {
		const job = aJob("running", { losses: 2, interruptions: 3, spec: aSpec({ retry: { maxAttempts: 1 } }) });
		const { after, attempt } = finish(job, aFault(), noon, 0);
		expect(after).toMatchObject({
			...{ state: "waiting", used: 0, attempts: 1, avoids: "runner-1", notBefore: noon + 1_000 },
			...{ losses: 2, interruptions: 3, machineFaults: 1 },
		});
		expect(after.cause.reason).toBe("its runner could not run it: no space left");
		expect(attempt).toMatchObject({ outcome: "lost", platformFault: "machine-fault", reason: "no space left" });
	});

	it.each([
		["nothing of the job's own had begun", [null], "waiting"],
		["the checkout alone had", [noon, null], "waiting"],
		["a step of its own had", [noon, noon], "finished"],
		["the runner does not say", [], "finished"],
	] as const)("[J18] `onLost: fail`, when %s: %s is %s", (_, steps, state) => {
		const job = aJob("running", { spec: aSpec({ onLost: "fail", exclusive: true }) });
		const { after, attempt } = finish(job, aFault([...steps]), noon, 0);
		expect(after.state).toBe(state);
		expect(attempt?.next).toEqual(state === "waiting" ? { at: noon + 1_000 } : { withheld: "on-lost" });
	});

	it("[J18][R10] the tenth in a row is the last, and the job says how many there were", () => {
		const { after, attempt } = finish(aJob("running", { machineFaults: 9 }), aFault(), noon, 0);
		expect(attempt?.next).toEqual({ withheld: "poison" });
		expect(after).toMatchObject({
			outcome: "lost",
			reason: "10 runners in a row could not run it, the last: no space left",
		});
	});

	it("[J18] an end of the job's own begins the count anew; what was stored without one counts from none", () => {
		expect(finish(aJob("running", { spec: retrying, machineFaults: 5 }), aFailure(), noon, 0).after.machineFaults).toBe(
			0,
		);
		expect(lose(aJob("running", { machineFaults: 5 }), "gone", noon).after.machineFaults).toBe(5);
		const { machineFaults: _, ...old } = aJob("running");
		expect(finish(old as JobByState["running"], aFault(), noon, 0).after.machineFaults).toBe(1);
	});

	it("[J18] what was being canceled is canceled", () => {
		expect(finish(aJob("canceling"), aFault(), noon, 0).after).toMatchObject({ outcome: "canceled" });
	});
});

describe("cancel", () => {
	it.each(["blocked", "waiting", "leased"] as const)("[J10] what is %s is canceled at once", (state) => {
		const { after } = cancel(aJob(state), { ...wish, force: false });
		expect(after).toMatchObject({ state: "finished", outcome: "canceled", reason: "stop it", finishedAt: noon });
	});

	it("[J10] the first cancel stays the reason and the deadline", () => {
		const job = aJob("canceling");
		const again = cancel(job, { ...wish, reason: "again", at: noon + 5_000, force: false }).after;
		expect(again).toMatchObject({ cancel: job.cancel, killedAt: job.killedAt });
	});

	it.each(["running", "canceling"] as const)("[J10] force frees what is %s without its runner", (state) => {
		const move = cancel(aJob(state), { ...wish, force: true });
		expect(move.before?.state).toBe(state);
		expect(move.after).toMatchObject({ state: "finished", outcome: "canceled" });
		expect(move.attempt).toMatchObject({ outcome: "canceled", reason: "freed by force", reported: false });
	});

	it("[J15] the slot is not free before a runner out of contact must have stopped it", () => {
		const { after } = cancel(aJob("running"), { ...wish, force: false });
		const stoppedAt = noon + (stopAfterSeconds + graceSeconds) * 1_000;
		expect(deadlineOf(after)).toBeGreaterThan(stoppedAt);
		expect(timeUp(after, stoppedAt, 0)).toBeNull();
	});

	it("[J15] a canceled job whose slot was held already is freed when that hold ends", () => {
		const held = suspect(aJob("canceling", { killedAt: noon + 90_000 }), { quietMs: 30_000, now: noon }).after;
		expect(deadlineOf(held)).toBe(noon + exclusiveMarginMs);
		expect(timeUp(held, noon + exclusiveMarginMs, 0)?.after).toMatchObject({ outcome: "canceled" });
	});

	it("[J14] what cannot run as it is ends as refused, and no attempt is made", () => {
		const { after, attempt } = refuseJob(aJob("waiting"), "no secret NPM_TOKEN", noon);
		expect(after).toMatchObject({ outcome: "refused", reason: "no secret NPM_TOKEN", attempts: 0, epoch: 0 });
		expect(attempt).toBeUndefined();
	});
});

describe("retry", () => {
	it.each(outcomes)("[J11] a job that ended as %s waits again, caused by whoever asked", (outcome) => {
		const cause = aCause({ by: "user", actor: "ops", reason: "flaky", at: noon });
		const { after } = retry(aJob("finished", { outcome, losses: 3, attempts: 4, epoch: 9 }), cause, false);
		expect(after).toMatchObject({ state: "waiting", since: noon, notBefore: null, cause });
		expect(after).toMatchObject({ losses: 0, attempts: 4, epoch: 9 });
	});

	it("[J11] is blocked again while a need is open", () => {
		const { after } = retry(aJob("finished"), aCause({ by: "user", at: noon }), true);
		expect(after).toMatchObject({ state: "blocked", since: noon, expiresAt: noon + blockedMaxMs });
	});
});

describe("deadlines", () => {
	const ends: Record<Exclude<JobState, "finished">, { job: Job; at: number; to: Partial<Job> }> = {
		blocked: { job: aJob("blocked"), at: noon + 86_400_000, to: { state: "finished", outcome: "expired" } },
		waiting: { job: aJob("waiting"), at: noon + 3_600_000, to: { state: "finished", outcome: "expired" } },
		leased: { job: aJob("leased"), at: noon + 11_000, to: { state: "waiting" } },
		running: { job: aJob("running"), at: noon + 3_600_000, to: { state: "finished", outcome: "timed-out" } },
		canceling: { job: aJob("canceling"), at: noon + 40_000, to: { state: "finished", outcome: "canceled" } },
	};

	it.each(Object.values(ends))(
		"[J12] what is $job.state moves on at its deadline, and not before",
		({ job, at, to }) => {
			expect(deadlineOf(job)).toBe(at);
			expect(timeUp(job, at - 1, 0)).toBeNull();
			expect(timeUp(job, at, 0)?.after).toMatchObject(to);
		},
	);

	it("[J12] a backoff ends first, then the queue timeout", () => {
		const job = aJob("waiting", { notBefore: noon + 5_000 });
		expect(deadlineOf(job)).toBe(noon + 5_000);
		expect(timeUp(job, noon + 5_000, 0)?.after).toMatchObject({ state: "waiting", notBefore: null });
		expect(timeUp(job, job.expiresAt, 0)?.after).toMatchObject({ outcome: "expired" });
	});

	it("[J12] what is finished has none", () => {
		expect(deadlineOf(aJob("finished"))).toBeNull();
		expect(timeUp(aJob("finished"), noon * 2, 0)).toBeNull();
	});
});
