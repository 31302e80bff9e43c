import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aJob, aRun, aSpec, jobStates } from "../../testing/builders.ts";
import { noon } from "../../testing/clock.ts";
import { suspect } from "../job/job-end.ts";
import type { Job } from "../job/job.ts";
import { jobIdentityMs } from "../limits.ts";
import { isRefName } from "../text/git-names.ts";
import { decideIdentity, identitySubject } from "./job-identity.ts";

const web = { owner: "acme", repo: "web", cloneUrl: "https://git.example/acme/web.git" };
const running = aJob("running", { overrunsAt: noon + 3_600_000 });
const lease = { job: running.id, attempt: running.attempt.number, epoch: running.epoch };
const source = { cloneUrl: web.cloneUrl, ref: "refs/heads/main", commit: "c".repeat(40) };
const run = aRun({ id: running.run, source, trigger: "push", actor: "dev@example.com" });

const triggers = fc.constantFrom("api", "push", "pull_request", "schedule", "manual");

const asked = (job: Job | null, { by = lease, now = noon } = {}) =>
	decideIdentity(web, { job, run: job && run }, { lease: by, now });
const codeOf = (result: ReturnType<typeof asked>) => (result.ok ? "ok" : result.refusal.code);

describe("who a job is", () => {
	it("[A140] a job that runs is what its repository knows of it", () => {
		expect(asked(running)).toEqual({
			ok: true,
			value: {
				...{ owner: "acme", repo: "web", subject: "acme/web:ref:refs/heads/main" },
				...{ ref: source.ref, commit: source.commit, run: run.id, runNumber: run.number },
				...{ job: running.id, jobKey: running.spec.key, attempt: running.attempt.number },
				...{ actor: "dev@example.com", trigger: "push", pool: running.lease.pool, until: noon + jobIdentityMs },
			},
		});
	});

	it("[A140] it has no identity before its start, after its end, or once somebody wants it stopped", () => {
		const held = { leased: "lease-not-started", running: "ok", canceling: "job-canceling" };
		for (const state of jobStates) {
			const job = aJob(state, { epoch: lease.epoch });
			const by = { ...lease, job: job.id };
			expect([state, codeOf(asked(job, { by }))]).toEqual([
				state,
				(held as Record<string, string>)[state] ?? "lease-stale",
			]);
		}
		expect(codeOf(asked(null))).toBe("lease-stale");
		expect(codeOf(asked(running, { by: { ...lease, epoch: lease.epoch + 1 } }))).toBe("lease-stale");
		const { after } = suspect({ ...running, spec: aSpec({ exclusive: true }) }, { quietMs: 30_000, now: noon });
		expect([after.state, codeOf(asked(after))]).toEqual(["running", "lease-stale"]);
	});

	it("[A140] no token outlives the time that its job may run", () => {
		const late = running.overrunsAt - 1_000;
		expect(asked(running, { now: late })).toMatchObject({ value: { until: running.overrunsAt } });
		expect(codeOf(asked(running, { now: running.overrunsAt }))).toBe("lease-stale");
	});
});

describe("sub", () => {
	const ref = "refs/heads/main";
	const commit = "c".repeat(40);
	const own = web.cloneUrl;
	const fork = "https://git.example/mallory/web.git";

	it.each([
		[{ cloneUrl: own, ref, commit }, "push", "acme/web:ref:refs/heads/main"],
		[{ cloneUrl: own, ref, commit: null }, "schedule", "acme/web:ref:refs/heads/main"],
		[{ cloneUrl: own, ref: "main", commit: null }, "api", "acme/web:ref:main"],
		[{ cloneUrl: own, ref: null, commit }, "api", `acme/web:commit:${commit}`],
		[{ cloneUrl: own, ref: null, commit: null }, "manual", "acme/web:head"],
		[null, "api", "acme/web:no-source"],
		[{ cloneUrl: fork, ref, commit }, "push", "acme/web:foreign:ref:refs/heads/main"],
		[{ cloneUrl: fork, ref: null, commit: null }, "push", "acme/web:foreign:head"],
		[
			{ cloneUrl: own, ref: "refs/pull/7/merge", commit },
			"pull_request",
			"acme/web:pull_request:ref:refs/pull/7/merge",
		],
		[{ cloneUrl: own, ref, commit }, "pull_request", "acme/web:pull_request:ref:refs/heads/main"],
		[{ cloneUrl: fork, ref, commit: null }, "pull_request", "acme/web:pull_request:ref:refs/heads/main"],
		[null, "pull_request", "acme/web:pull_request:no-source"],
		[{ cloneUrl: own, ref: "refs/pull/7/head", commit }, "push", "acme/web:fork:ref:refs/pull/7/head"],
		[{ cloneUrl: own, ref: "merge-requests/7/head", commit: null }, "api", "acme/web:fork:ref:merge-requests/7/head"],
	] as const)("[A141] of %j by %s is %s", (given, trigger, subject) => {
		expect(identitySubject(web, { source: given, trigger })).toBe(subject);
	});

	it("[A141] what its submitter called a fork's is one, and a pull request stays one whatever it is called", () => {
		const given = { source: { cloneUrl: own, ref, commit: null }, fork: true } as const;
		expect(identitySubject(web, { ...given, trigger: "push" })).toBe("acme/web:fork:ref:refs/heads/main");
		const vouched = { ...given, trigger: "pull_request", fork: false } as const;
		expect(identitySubject(web, vouched)).toBe("acme/web:pull_request:ref:refs/heads/main");
	});

	it("[A141] without a clone URL of the repository's own no source is its own", () => {
		const given = { source: { cloneUrl: own, ref, commit: null }, trigger: "push" } as const;
		expect(identitySubject({ ...web, cloneUrl: null }, given)).toBe("acme/web:foreign:ref:refs/heads/main");
	});

	it("[A141] nothing but a run of the own clone URL, of no pull request and no fork has a `sub` that says `ref:` first", () => {
		const refs = fc.oneof(
			fc.string({ unit: "grapheme" }),
			fc.constantFrom("ref:x", "refs/heads/a:ref:b", "pull_request", ":ref:", "a/b:ref:refs/heads/main"),
		);
		const any = fc.record({
			cloneUrl: fc.constantFrom(own, fork, `${own}/`, own.toUpperCase()),
			ref: fc.option(refs.filter(isRefName)),
			commit: fc.option(fc.constant(commit)),
		});
		fc.assert(
			fc.property(fc.option(any), triggers, fc.boolean(), (given, trigger, fork) => {
				const subject = identitySubject(web, { source: given, trigger, fork });
				const isTrusted = given?.cloneUrl === own && given.ref !== null && trigger !== "pull_request" && !fork;
				expect(subject.startsWith("acme/web:ref:")).toBe(isTrusted);
				if (isTrusted) expect(subject).toBe(`acme/web:ref:${given.ref}`);
			}),
		);
	});
});
