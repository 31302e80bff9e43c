// A run is read alike in its first week and after it, when it stands in the archive, by every route that reads it.
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { orThrow } from "../../src/api/answer.ts";
import type { RunEvent } from "../../src/contracts/run-events.ts";
import type { LeaseClaim } from "../../src/contracts/objects.ts";
import type { Job, Run } from "../../src/contracts/run.ts";
import { parseJobId } from "../../src/domain/ids.ts";
import { archiveKey } from "../log/archive.ts";
import { eventually, logOf, repoOf, sealNow, startLease } from "../log/log-fixture.ts";
import { expireLogs } from "../log/log-retention.ts";
import { archivedRunKey } from "../repo/repo-archive.ts";
import { fetchRaw, send } from "./api-fixture.ts";

const dayMs = 24 * 3_600_000;

afterEach(() => {
	vi.useRealTimers();
});

function moveClock(ms: number): void {
	const now = Date.now();
	vi.useFakeTimers({ toFake: ["Date"], now: now + ms });
}

interface Ended {
	claim: LeaseClaim;
	run: string;
	/** Of the run's repository. */
	path: string;
}

/** A run of one job, which printed two lines in one step and passed; its log is sealed, its end told. */
async function anEndedRun(settings: object = {}): Promise<Ended> {
	const claim = await startLease();
	const { owner, repo, job } = claim;
	orThrow(await repoOf(claim).configure({ owner, repo, request: settings, replace: false }));
	await logOf(claim).append(claim, 0, new TextEncoder().encode("it was\nhere\n"));
	const steps = [{ name: "say", exitCode: 0, startedAt: 1, finishedAt: 2, logStart: 0, logEnd: 12 }];
	const report = { outcome: "passed" as const, exitCode: 0, signal: null, reason: null, steps, logLength: 12 };
	orThrow(await repoOf(claim).finish(claim, { ...report, logSha256: null, retryAfterSeconds: null }));
	await eventually(async () => (await env.ARCHIVE.head(archiveKey(claim))) !== null);
	await sealNow(claim);
	return { claim, run: parseJobId(job)?.run ?? "", path: `/v1/repos/${owner}/${repo}` };
}

async function archive({ claim, run }: Ended): Promise<void> {
	// Until the read model has its end it would stay.
	await eventually(async () => (await openJobs(claim)) === 0);
	moveClock(8 * dayMs);
	await runDurableObjectAlarm(repoOf(claim));
	expect(await env.ARCHIVE.head(archivedRunKey(claim, run))).not.toBeNull();
}

async function openJobs(claim: LeaseClaim): Promise<number> {
	const count = "SELECT COUNT(*) AS n FROM job WHERE open = 1";
	return runInDurableObject(repoOf(claim), (_, { storage }) => storage.sql.exec<{ n: number }>(count).one().n);
}

/** What an answer says; of events that never end the first. What tells only the time of the answer is left out. */
async function answerOf(path: string): Promise<string> {
	const response = await fetchRaw("GET", path);
	const text = path.endsWith("/events")
		? await firstEvent(response)
		: new TextDecoder().decode(await response.arrayBuffer());
	return `${response.status} ${text.replaceAll(/"(asOf|requestId)":"[^"]*"/g, "")}`;
}

function codeOf(answer: string): string {
	const { 1: status, 2: code } = /^(\d+)(?:.*"code":"([a-z-]+)")?/.exec(answer) ?? [];
	return [status, code].join(" ").trim();
}

async function firstEvent({ body }: Response): Promise<string> {
	const reader = body?.getReader();
	const { value } = (await reader?.read()) ?? {};
	await reader?.cancel();
	const data = new TextDecoder().decode(value).split("data: ")[1];
	const { seq: _, ...event } = JSON.parse(data ?? "null") as RunEvent;
	return JSON.stringify(event);
}

describe("a run in the archive", () => {
	it("[W42][L16][L21] is read by every route as it was before", async () => {
		const ended = await anEndedRun();
		const { run, path, claim } = ended;
		const job = `${path}/jobs/${claim.job}`;
		const log = `${job}/attempts/1/log`;
		const other = claim.job.replace(/-0$/, "-7");
		const routes = [
			...[`${path}/runs`, `${path}/runs/${run}`, `${path}/runs/${run}/jobs`, `${path}/runs/${run}/events`],
			...[job, `${job}/log/live`, log, `${log}/live`, `${log}/live?from=7`, `${log}/search?q=here`],
			...[`${log}?tail=1`, `${log}?timestamps=1`, `${log}?format=ndjson`],
			...[`${job}/attempts/2/log`, `${job}/attempts/2/log/live`, `${job}/attempts/2/log/search?q=a`],
			...[`${path}/jobs/${other}`, `${path}/jobs/${other}/log/live`, `${path}/jobs/${other}/attempts/1/log`],
		];
		// The read model is told in its own time.
		await eventually(async () => (await answerOf(`${path}/runs`)).includes('"finished"'));
		const before = await Promise.all(routes.map(answerOf));
		await archive(ended);
		const after = await Promise.all(routes.map(answerOf));
		expect(Object.fromEntries(routes.map((route, at) => [route, after[at]]))).toEqual(
			Object.fromEntries(routes.map((route, at) => [route, before[at]])),
		);
		const statuses = after.map((answer) => Number(answer.slice(0, 3)));
		expect(statuses).toEqual([...Array<number>(13).fill(200), ...Array<number>(6).fill(404)]);
	});

	it("[L28] says that its log was deleted once that has outlived its days, also when a retry brings it back", async () => {
		const ended = await anEndedRun({ retentionDays: 30 });
		const { run, path, claim } = ended;
		await archive(ended);
		await expireLogs(env, Date.now());
		const routes = [`${path}/jobs/${claim.job}/attempts/1/log`, `${path}/jobs/${claim.job}/attempts/1/log/live`];
		const stateOf = async () => {
			const { attempts } = (await send<Job>("GET", `${path}/jobs/${claim.job}`)).body;
			return [attempts[0]?.log.state, ...(await Promise.all(routes.map((route) => answerOf(route)))).map(codeOf)];
		};
		expect(await stateOf()).toEqual(["sealed", "200", "200"]);
		moveClock(30 * dayMs);
		await expireLogs(env, Date.now());
		expect(await stateOf()).toEqual(["deleted", "410 log-deleted", "410 log-deleted"]);
		const shown = (await send<Run>("GET", `${path}/runs/${run}`)).body;
		const log = { state: "deleted", length: 12, sha256: expect.any(String), missing: [] };
		expect(shown.jobs?.[0]?.attempts[0]?.log).toEqual(log);
		expect((await send("POST", `${path}/runs/${run}/retry`, { body: { only: "all" } })).status).toBe(202);
		expect(await stateOf()).toEqual(["deleted", "410 log-deleted", "410 log-deleted"]);
	});

	it("[W53][L21] is followed on when a retry brings it back", async () => {
		const ended = await anEndedRun();
		await archive(ended);
		const { run, path } = ended;
		const response = await fetchRaw("GET", `${path}/runs/${run}/events`);
		const reader = response.body?.getReader();
		await reader?.read();
		expect((await send("POST", `${path}/runs/${run}/retry`, { body: { only: "all" } })).status).toBe(202);
		const { value } = (await reader?.read()) ?? {};
		await reader?.cancel();
		const job = { state: "waiting" } satisfies Partial<Job>;
		expect(JSON.parse(new TextDecoder().decode(value).split("data: ")[1] ?? "")).toMatchObject({ type: "job", job });
	});
});
