import { describe, expect, it } from "vitest";
import { aJob, aReport } from "../../testing/builders.ts";
import { noon } from "../../testing/clock.ts";
import { finish, suspect } from "../job/job-end.ts";
import type { FinishedAttempt, Job } from "../job/job.ts";
import { decideAdmission } from "./log-admission.ts";

const running = aJob("running");
const lease = { job: running.id, attempt: running.attempt.number, epoch: running.epoch };
const none = () => null;
const own = finish(running, aReport(), noon, 0.5).attempt ?? null;
const asked = (job: Job | null, ended: () => FinishedAttempt | null = none, by = lease) =>
	decideAdmission(job, by, ended);

describe("whether a lease may write its log", () => {
	it.each([
		["of a job that is not here", asked(null), { state: "lost", work: "ended", hasEnded: true }],
		["that runs", asked(running), { state: "ok", work: "held", hasEnded: false }],
		["that is being canceled", asked(aJob("canceling")), { state: "canceling", work: "held", hasEnded: false }],
		[
			"of another epoch",
			asked(running, none, { ...lease, epoch: 9 }),
			{ state: "lost", work: "ended", hasEnded: true },
		],
		["that its runner ended", asked(aJob("finished"), () => own), { state: "ok", work: "ended", hasEnded: true }],
		["that nobody ended", asked(aJob("finished"), none), { state: "lost", work: "ended", hasEnded: true }],
	])("[L2] %s", (_, admission, expected) => {
		expect(admission).toEqual(expected);
	});

	it("[D3] that was not started takes nothing, and has not ended", () => {
		const leased = aJob("leased");
		const unstarted = { job: leased.id, attempt: leased.attempts + 1, epoch: leased.epoch };
		expect(asked(leased, none, unstarted)).toEqual({ state: "lost", work: "unstarted", hasEnded: false });
	});

	it("[J17] of a lost exclusive job is taken while its slot is held, though its runner hears lost", () => {
		const exclusive = { ...running, spec: { ...running.spec, exclusive: true } };
		const { after } = suspect(exclusive, { quietMs: 30_000, now: noon });
		expect(asked(after)).toEqual({ state: "lost", work: "held", hasEnded: false });
	});

	it("[L2] whose attempt the object gave up is lost, and so is one of an older epoch's attempt", () => {
		const given = own && { ...own, reported: false };
		expect(asked(aJob("finished"), () => given)).toMatchObject({ state: "lost" });
		const older = own && { ...own, epoch: own.epoch + 1 };
		expect(asked(aJob("finished"), () => older)).toMatchObject({ state: "lost" });
	});
});
