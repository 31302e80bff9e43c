// Runners and what they run: one that is killed, sources that are not to be had, output that is no text. Each on a server of
// its own, all at the same time: the first mostly waits.
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import type { TestContext } from "vitest";
import type { LogMessage } from "../src/contracts/http/streams/log-stream.ts";
import type { Job, RunRequest } from "../src/contracts/http/run.ts";
import { seededRandom } from "../src/testing/random.ts";
import { freePort } from "../scripts/free-port.ts";
import { headingOf, repository, Site } from "./fixture-site.ts";
import { itLong } from "./fixture-long.ts";
import { until } from "./fixture-until.ts";
import { collect, events, reader, Wire } from "./fixture-wire.ts";

/** The test's own `onTestFinished`: the one that is imported does not know which of several it is called by. */
async function openSite({ onTestFinished }: TestContext): Promise<Site> {
	const site = await Site.open();
	onTestFinished(() => site.close());
	return site;
}

/** Submits and waits for the first job's end. */
async function finished(site: Site, request: RunRequest): Promise<Job> {
	const { run } = await site.client.runs.submit(repository, request);
	const [job] = (await site.settled(run.id)).jobs;
	if (!job) throw new Error(`the run ${run.id} has no job`);
	return job;
}

itLong(
	"[F3] when its runner is killed a job runs again elsewhere, its only attempt unspent, and what came of the log is kept",
	async (context) => {
		const site = await openSite(context);
		const go = join(site.folder, "go");
		// The first attempt prints for ever.
		const script = `i=0
		while [ "$SPILLWAY_ATTEMPT" = 1 ]; do
			i=$((i + 1)); echo "line $i"; sleep 0.05
		done
		until [ -e '${go}' ]; do sleep 0.05; done; echo "here I am again"`;
		const request = { jobs: [{ key: "long", run: script, retry: { maxAttempts: 1 } }] };
		const { run } = await site.client.runs.submit(repository, request);
		const job = run.jobs?.[0]?.id ?? "";
		const one = site.runner("one", { capacity: 1 });
		await site.untilLog({ job, attempt: 1 }, { longer: 500 });
		one.process.kill("SIGKILL");
		await one.end();
		const acknowledged = await site.log({ job, attempt: 1 });
		site.runner("two", { capacity: 1 });

		const again = await until(
			"another runner has it",
			async () => {
				const { state, attempts } = await site.client.jobs.get(repository, job);
				return state === "running" && attempts.length === 2 && attempts;
			},
			{ withinMs: 90_000 },
		);
		expect(again.map(({ outcome, by, runner, exitCode }) => [outcome, by, runner.name, exitCode])).toEqual([
			["lost", "submit", "one", null],
			[null, "platform", "two", null],
		]);
		expect(again[0]?.next).toEqual({ at: expect.any(String) });
		// The one that was killed comes back on its machine, and brings what it had not sent.
		const waiting = await site.log({ job, attempt: 1 });
		expect(again[0]?.log).toMatchObject({ state: "sealing", length: null });
		site.runner("one", { capacity: 1 });
		await writeFile(go, "");

		const { outcome, jobs } = await site.settled(run.id);
		const attempts = jobs[0]?.attempts ?? [];
		expect([outcome, attempts.map((attempt) => [attempt.outcome, attempt.log.state])]).toEqual([
			"passed",
			[
				["lost", "sealed"],
				["passed", "sealed"],
			],
		]);
		const kept = await site.log({ job, attempt: 1 });
		for (const before of [acknowledged, waiting]) expect(kept.subarray(0, before.length).equals(before)).toBe(true);
		const text = kept.toString();
		let printed = headingOf("step 1");
		for (let line = 1; printed.length < text.length; line++) printed += `line ${line}\n`;
		expect(text).toBe(printed.slice(0, text.length));
		expect(attempts[0]?.log.missing).toEqual([]);
		expect(String(await site.log({ job, attempt: 2 }))).toBe(`${headingOf("step 1")}here I am again\n`);
	},
);

it.concurrent("[F6] bytes of any value come back the same from the log, over WebSocket and over SSE, live and from the archive", async (context) => {
	const site = await openSite(context);
	const go = join(site.folder, "go");
	const output = await anything(site);
	const run = `cat '${output.first}'; until [ -e '${go}' ]; do sleep 0.05; done; cat '${output.rest}'`;
	const submitted = await site.client.runs.submit(repository, { jobs: [{ key: "binary", run }] });
	site.runner("one", { capacity: 1 });
	const job = submitted.run.jobs?.[0]?.id ?? "";
	await site.untilLog({ job, attempt: 1 }, { longer: 1_000 });

	const { url, operatorToken: token } = site.ready;
	const path = `${url}/v1/repos/acme/web/jobs/${job}/attempts/1/log/live`;
	const view = async () => {
		const wire = await Wire.open<LogMessage>(path, token);
		const views = [collect(() => wire.next()), collect(reader(events<LogMessage>(path, { token })))];
		return { views: Promise.all(views), closed: wire.closed };
	};
	const live = await view();
	await writeFile(go, "");
	const [attempt] = (await site.settled(submitted.run.id)).jobs[0]?.attempts ?? [];
	const archived = await view();

	const expected = Buffer.concat([Buffer.from(headingOf("step 1")), output.bytes]);
	expect((await site.log({ job, attempt: 1 })).equals(expected)).toBe(true);
	const views = [...(await live.views), ...(await archived.views)];
	expect(views.map(({ bytes }) => bytes.equals(expected))).toEqual([true, true, true, true]);
	const end = { type: "end", length: expected.length, sha256: attempt?.log.sha256, outcome: "passed", state: "sealed" };
	expect(views.map((seen) => seen.end)).toEqual([end, end, end, end]);
	expect([await live.closed, await archived.closed]).toEqual([1_000, 1_000]);
});

/** All byte values in order and in disorder, characters of every length whole and cut off, and no line break at the end. */
async function anything(site: Site): Promise<{ bytes: Buffer; first: string; rest: string }> {
	const random = seededRandom(5);
	const inOrder = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
	const disorder = Buffer.from(Array.from({ length: 300_000 }, () => random.below(256)));
	const text = Buffer.from("aé€😀\r\n\0".repeat(20_000));
	const bytes = Buffer.concat([
		inOrder,
		Buffer.from(inOrder).reverse(),
		text,
		disorder,
		text.subarray(0, -5),
		Buffer.from([0xf0]),
	]);
	const [first, rest] = [join(site.folder, "first"), join(site.folder, "rest")];
	// In the middle of a character of four bytes.
	const cut = bytes.indexOf("😀", 2_000) + 2;
	await Promise.all([writeFile(first, bytes.subarray(0, cut)), writeFile(rest, bytes.subarray(cut))]);
	return { bytes, first, rest };
}

it.concurrent("[F7] a clone URL that does not answer and a commit that does not exist fail the job with that reason, and git's words are in the log", async (context) => {
	const site = await openSite(context);
	const origin = join(site.folder, "origin");
	await mkdir(origin);
	const git = (...words: string[]) =>
		promisify(execFile)("git", ["-c", "user.name=t", "-c", "user.email=t@t", ...words], { cwd: origin });
	await git("init", "--quiet");
	await git("commit", "--quiet", "--allow-empty", "-m", "first");
	site.runner("one", { capacity: 2 });
	const jobs = [{ key: "test", run: "echo never", retry: { maxAttempts: 3, on: [{ exitCodes: [128] }] } }];
	const commit = "0123456789abcdef0123456789abcdef01234567";
	const silent = `http://127.0.0.1:${await freePort()}/acme/web.git`;

	const [unanswered, unknown] = await Promise.all([
		finished(site, { source: { cloneUrl: silent, commit }, jobs }),
		finished(site, { source: { cloneUrl: `file://${origin}`, commit }, jobs }),
	]);
	const reasons = [
		`checkout: ${silent} does not answer (connection refused)`,
		`checkout: the commit ${commit} does not exist in file://${origin}`,
	];
	for (const [at, job] of [unanswered, unknown].entries()) {
		const [attempt, ...more] = job.attempts;
		expect([job.outcome, attempt?.outcome, attempt?.exitCode, attempt?.reason, more]).toEqual([
			"failed",
			"failed",
			null,
			reasons[at],
			[],
		]);
		expect(attempt?.steps.map(({ name, startedAt }) => [name, startedAt !== null])).toEqual([
			["checkout", true],
			["step 1", false],
		]);
		const log = attempt && (await site.wholeLog(job, attempt));
		expect(String(log)).toMatch(/^fatal: /m);
		expect(String(log)).not.toContain("never");
	}
});
