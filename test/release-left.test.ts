// What the last release left behind when it died in the midst of its work, served by this build: each kind of row in each kind of
// object, the database and the archive. The clock goes on from where it stood.
import { mkdir } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { control, firstOf, job, Player } from "../scripts/release/player.ts";
import type { Stage } from "../scripts/release/player.ts";
import { readRecorded, releaseNames, unpackFolder } from "../scripts/release/recorded-release.ts";
import type { LeftBehind } from "../scripts/release/recorded-release.ts";
import type { DeadLetter } from "../src/contracts/http/dead-letter.ts";
import type { Page } from "../src/contracts/http/page.ts";
import type { Run } from "../src/contracts/http/run.ts";
import type { HeartbeatReply } from "../src/contracts/http/runner.ts";
import { StagedSite } from "./fixture-release.ts";

/** Since when its server has been away. */
const awayMs = 5_000;

describe.each(releaseNames())("what the release %s left behind", (release) => {
	let site: StagedSite;
	let stage: Stage;
	let player: Player;
	let left: LeftBehind;
	beforeAll(async () => {
		left = readRecorded<LeftBehind>(release, "left.json");
		site = await StagedSite.make();
		await mkdir(site.data, { mode: 0o700 });
		unpackFolder(release, "data.tar.br", site.data);
		stage = await site.start({ offsetMs: left.at + awayMs - Date.now() });
		player = new Player(stage, left.owner);
	});
	afterAll(() => site.close());

	const run = (name: keyof LeftBehind["runs"]) => player.run(left.runs[name]);

	it("[T23] its keys, settings, secrets, limits, pauses, tokens and switches are as they were", async () => {
		expect(stage.operatorToken).toBe(left.operatorToken);
		expect(await player.done("GET", player.repo)).toMatchObject({
			...{ maxRunning: 20, retentionDays: 400, concurrencyGroups: { one: { limit: 1 } } },
		});
		expect(JSON.stringify(await player.done("GET", `${player.repo}/secrets`))).toContain("TOKEN");
		expect(await player.done("GET", `/v1/pools/${left.owner}/paused`)).toMatchObject({
			...{ paused: true, pauseNote: "by a test", waiting: 1 },
		});
		expect((await player.call("GET", player.repo, { token: left.readToken })).status).toBe(200);
		expect((await player.call("GET", player.repo, { token: left.revokedToken })).status).toBe(401);
		expect(await player.done("GET", "/v1/switches")).toMatchObject({ acceptRuns: true, dispatch: true, spill: "auto" });
	});

	it("[T23] each run is shown as it was, from its object, the archive and the list; what expired is gone", async () => {
		expect(await run("archived")).toMatchObject({ state: "finished", outcome: "passed", round: 1 });
		expect(await run("recalled")).toMatchObject({ state: "finished", outcome: "passed", round: 2 });
		expect(await run("keyed")).toMatchObject({ state: "finished", outcome: "passed" });
		expect(await run("running")).toMatchObject({ state: "running", jobs: [{ key: "half", state: "running" }] });
		expect((await run("waiting")).jobs.map(({ state }) => state)).toEqual(["waiting", "blocked"]);
		expect(await run("backingOff")).toMatchObject({ jobs: [{ waiting: { code: "backing-off" } }] });
		expect(await run("paused")).toMatchObject({ jobs: [{ waiting: { code: "paused" } }] });
		expect((await player.call("GET", `${player.repo}/runs/${left.runs.expired}`)).status).toBe(404);
		const { items } = await player.done<Page<Run>>("GET", `${player.repo}/runs?limit=100`);
		const { archived, expired, spilled, gone, ...listed } = left.runs;
		expect(items.map(({ id }) => id)).toEqual(expect.arrayContaining(Object.values(listed)));
		const { body } = await player.call("GET", `${player.repo}/jobs/${left.sealed.job}/attempts/1/log`);
		expect(body).toBe(left.sealed.log);
	});

	it("[T23] a key makes no second run, and an archived run is retried", async () => {
		expect((await player.submit([job("keyed")], {}, "kept")).id).toBe(left.runs.keyed);
		const again = await player.post(`${player.repo}/runs/${left.runs.archived}/retry`, { only: "all" });
		expect(again).toMatchObject({ id: left.runs.archived, round: 2 });
		await player.work(await player.register(left.registerToken, "after"));
		await player.finished(left.runs.archived, "passed");
	});

	it("[T24] what ran goes on by its old lease and its runner's old token, and finishes with its log whole", async () => {
		const { running } = left;
		const beat = { token: running.runnerToken, body: { leases: [running.lease] } };
		const beaten = await player.call<HeartbeatReply>("POST", "/v1/runner/heartbeat", beat);
		expect(beaten.body.leases).toEqual([expect.objectContaining({ id: running.lease, state: "ok" })]);
		const grant = { lease: { token: running.leaseToken } };
		expect(await player.append(grant, running.log.length, "the second half\n")).toMatchObject({ status: 204 });
		const watcher = await player.socket(`${player.repo}/runs/${left.runs.running}/events`);
		await player.finish(grant, "passed", running.log.length + "the second half\n".length);
		const run = await player.finished(left.runs.running, "passed");
		expect(firstOf(firstOf(run.jobs).attempts).log.state).toBe("sealed");
		const { body } = await player.call("GET", `${player.repo}/jobs/${running.job}/attempts/1/log`);
		expect(body).toBe("the first half\nthe second half\n");
		await player.until("the watcher hears of the end", async () =>
			watcher.heard.some((frame) => frame.type === "run" && frame.run.state === "finished"),
		);
		watcher.socket.close();
	});

	it("[T24] what waited, and what stood in the intake, is done, its secret in its grant", async () => {
		const session = await player.socket("/v1/runner/session", left.sessionToken);
		session.socket.send(JSON.stringify({ type: "hello", instanceId: "i2", capacity: 1, leases: [] }));
		for (const key of ["x", "spilled"]) {
			const grant = await player.until(`the job ${key} is granted`, async () => {
				const last = session.heard.findLast((frame) => frame.type === "grant");
				return last?.grant.job.key === key && last.grant;
			});
			if (key === "x") expect(grant.job.secrets).toEqual({ TOKEN: "a secret of a test" });
			await player.lease("start", grant);
			await player.finish(grant, "passed", 0);
		}
		await player.work(await player.register(left.registerToken, "after its need"));
		session.socket.close();
		await player.finished(left.runs.waiting, "passed");
		expect(await player.finished(left.runs.spilled, "passed")).toMatchObject({ number: expect.any(Number) });
		await player.finished(left.runs.gone, "canceled");
		expect(await control(stage, "archive", { prefix: "intake" })).toEqual([]);
	});

	it("[T24] a pause that is lifted, and a backoff that is over, let their jobs go", async () => {
		await player.done("PATCH", `/v1/pools/${left.owner}/paused`, { body: { paused: false } });
		await player.work(await player.register(left.registerToken, "after a pause", "paused"));
		await player.finished(left.runs.paused, "passed");
		const { offsetMs } = await control<{ offsetMs: number }>(stage, "stage");
		await control(stage, "stage", { offsetMs: offsetMs + 3_700_000 });
		await control(stage, "wake");
		await player.work(await player.register(left.registerToken, "after a backoff"));
		expect(await player.finished(left.runs.backingOff, "passed")).toMatchObject({ jobs: [{ attempts: [{}, {}] }] });
	});

	it("[T24] the dead letters are listed, sent again and dropped", async () => {
		const { items } = await player.done<Page<DeadLetter>>("GET", "/v1/dead-letters");
		expect(items.map(({ queue }) => queue).sort()).toEqual(["deliveries", "events"]);
		for (const { id, queue } of items) {
			if (queue === "deliveries") await player.post(`/v1/dead-letters/${id}/redrive`);
			else await player.done("DELETE", `/v1/dead-letters/${id}`);
		}
		expect((await player.done<Page<DeadLetter>>("GET", "/v1/dead-letters")).items).toEqual([]);
	});
});
