// What a release leaves behind when it dies in the midst of its work: each kind of row in each kind of object, the database and the
// archive.
import { setTimeout as pause } from "node:timers/promises";
import type { DeadLetter } from "../../src/contracts/http/dead-letter.ts";
import type { Page } from "../../src/contracts/http/page.ts";
import type { Run } from "../../src/contracts/http/run.ts";
import type { TokenMade } from "../../src/contracts/http/token.ts";
import type { LeftBehind } from "./recorded-release.ts";
import { playDay } from "./played-day.ts";
import { playEvening } from "./played-evening.ts";
import { control, firstOf, job, listed, must, moveClock, Player } from "./player.ts";
import type { Stage } from "./player.ts";

const dayMs = 86_400_000;
/** Since when runs have ended: one whose archive is gone, which was put there when it was a week old, and others that are there. */
const expiredDays = 110;
const archivedDays = 14;
const weekDays = 8;
/** Within it the read model has confirmed a run's end. */
const queueMs = 2_000;

export async function leaveWork(stage: Stage): Promise<LeftBehind> {
	const player = new Player(stage, "acme");
	await moveClock(stage, -expiredDays * dayMs);
	await player.done("PUT", player.repo, { body: {} });
	const statement = "UPDATE repository SET archived_at = 0";
	await control(stage, "sql", { namespace: "REPO", name: "acme/web", statement });
	const { token: registerToken } = await player.post<TokenMade>("/v1/tokens", {
		...{ owner: player.owner, name: "runners", scopes: ["runner:register"] },
	});
	const first = await player.register(registerToken, "first");
	const expired = await player.submit([job("expired")]);
	await player.work(first);
	await player.finished(expired.id, "passed");
	await listed(player, [expired]);
	await moveClock(stage, weekDays * dayMs);
	await daily("the oldest run is in the archive", stage, async () => (await archivedRuns(stage)).includes(expired.id));
	await moveClockTo(stage, -archivedDays * dayMs);
	const archived = await someRun(player, registerToken, "archived");
	const recalled = await someRun(player, registerToken, "recalled");
	await listed(player, [archived, recalled]);
	await moveClock(stage, weekDays * dayMs);
	await daily("old runs are in the archive, and an older one is gone", stage, async () => {
		const found = await archivedRuns(stage);
		return found.includes(archived.id) && found.includes(recalled.id) && !found.includes(expired.id);
	});
	must((await player.call("GET", `${player.repo}/runs/${expired.id}`)).status === 404, "an expired run is gone");
	await moveClockTo(stage, 0);
	await playDay(player);
	await playEvening(stage, [player]);
	return leaveOpen(stage, player, { registerToken, expired, archived, recalled });
}

/** An object looks after its archive once a day. */
async function daily(what: string, stage: Stage, isDone: () => Promise<boolean>): Promise<void> {
	for (let days = 0; days < weekDays / 2; days++) {
		await control(stage, "wake");
		if (await isDone()) return;
		// The consumers of queues go by the real clock.
		await pause(queueMs);
		await moveClock(stage, dayMs);
	}
	must(false, what);
}

async function archivedRuns(stage: Stage): Promise<string[]> {
	const keys = (await control(stage, "archive", { prefix: "runs/" })) as string[];
	return keys.map((key) => key.replace(/^.*\/|\.json$/g, ""));
}

async function moveClockTo(stage: Stage, offsetMs: number): Promise<void> {
	await control(stage, "stage", { offsetMs });
}

async function someRun(player: Player, registerToken: string, key: string): Promise<{ id: string }> {
	const runner = await player.register(registerToken, key);
	const run = await player.submit([job(key)]);
	await player.work(runner);
	return player.finished(run.id, "passed");
}

interface Old {
	registerToken: string;
	expired: { id: string };
	archived: { id: string };
	recalled: { id: string };
}

async function leaveOpen(stage: Stage, player: Player, old: Old): Promise<LeftBehind> {
	const { repo, owner } = player;
	const { registerToken } = old;
	await player.post(`${repo}/runs/${old.recalled.id}/retry`, { only: "all", reason: "once more" });
	const recaller = await player.register(registerToken, "recaller");
	const again = await player.work(recaller);
	must((await player.finished(old.recalled.id, "passed")).round === 2, "an archived run was retried");
	const keyed = await player.submit([job("keyed")], {}, "kept");
	const done = await player.work(recaller);
	await player.finished(keyed.id, "passed");
	const waiting = await player.submit([job("x", { pool: "later", secrets: ["TOKEN"] }), job("y", { needs: ["x"] })]);
	await player.done("PATCH", `/v1/pools/${owner}/paused`, { body: { paused: true, pauseNote: "by a test" } });
	const paused = await player.submit([job("paused", { pool: "paused" })]);
	const retry = { maxAttempts: 2, on: [{ exitCodes: [1] }], backoff: { initialSeconds: 3_600, jitter: "none" } };
	const backingOff = await player.submit([job("again", { retry })]);
	await player.work(recaller, "failed");
	const { token: revokedToken, id } = await player.post<TokenMade>("/v1/tokens", {
		owner,
		name: "ended",
		scopes: ["read"],
	});
	await player.done("DELETE", `/v1/tokens/${id}`);
	const { token: readToken } = await player.post<TokenMade>("/v1/tokens", { owner, name: "reads", scopes: ["read"] });
	const { spilled, gone } = await leaveSpilled(stage, player);
	await leaveDeadLetters(stage, player);
	const sessionRunner = await player.register(registerToken, "with a session", "later");
	const session = await player.socket("/v1/runner/session", sessionRunner.token);
	session.socket.send(
		JSON.stringify({ type: "hello", instanceId: "i1", capacity: 1, leases: [], unwell: "its disk is full" }),
	);
	const running = await player.submit([job("half", { pool: "now" })]);
	const runner = await player.register(registerToken, "works", "now");
	const grant = await player.grant(runner);
	await player.lease("start", grant);
	const watcher = await player.socket(`${repo}/runs/${running.id}/events`);
	await player.until("the watcher has the state", async () => watcher.heard.length > 0);
	await player.append(grant, 0, "the first half\n");
	await player.lease("steps", grant, { steps: [{ name: "step 1", logStart: 0 }] });
	await listed(player, [running, waiting, paused, backingOff]);
	const job0 = { job: grant.job.id, leaseToken: grant.lease.token, lease: grant.lease.id };
	return {
		at: Date.now() + (await control<{ offsetMs: number }>(stage, "stage")).offsetMs,
		...{ operatorToken: stage.operatorToken, owner },
		runs: {
			...{ archived: old.archived.id, expired: old.expired.id, recalled: old.recalled.id, waiting: waiting.id },
			...{ running: running.id, backingOff: backingOff.id, paused: paused.id, keyed: keyed.id, spilled, gone },
		},
		running: { ...job0, log: "the first half\n", runnerToken: runner.token },
		...{ sessionToken: sessionRunner.token, revokedToken, readToken, registerToken },
		sealed: { job: done.job.id, log: `the log of ${again.job.key}\n`.replace(again.job.key, done.job.key) },
	};
}

async function leaveSpilled(stage: Stage, player: Player): Promise<{ spilled: string; gone: string }> {
	await control(stage, "stage", { isHoldingIntake: true });
	await player.done("PATCH", "/v1/switches", { body: { spill: "always" } });
	const spilled = await player.submit([job("spilled", { pool: "later" })], {}, "spilled at last");
	const gone = await player.submit([job("gone", { pool: "later" })]);
	await player.post(`${player.repo}/runs/${gone.id}/cancel`, { reason: "not needed" });
	must(spilled.spilled && gone.spilled, "both are in the intake");
	await player.done("PATCH", "/v1/switches", { body: { spill: "auto" } });
	return { spilled: spilled.id, gone: gone.id };
}

/** One that cannot be read, and one that is as good as any. */
async function leaveDeadLetters(stage: Stage, player: Player): Promise<void> {
	await control(stage, "send", { binding: "EVENTS", body: { is: "none of ours" } });
	const body = { shard: 0, ask: { owner: player.owner, repo: "web", pool: "default" } };
	await control(stage, "consume", { queue: "spillway-deliveries-dead", bodies: [body] });
	// What is more than a message holds goes by its name.
	const { items: runs } = await player.done<Page<Run>>("GET", `${player.repo}/runs?limit=1`);
	const ask = { repository: true, run: firstOf(runs).id };
	const event = { owner: player.owner, repo: "web", at: Date.now(), repository: null, run: null, ask };
	await control(stage, "consume", { queue: "spillway-events", bodies: [event] });
	await player.until("two dead letters are kept", async () => {
		const { items } = await player.done<Page<DeadLetter>>("GET", "/v1/dead-letters");
		return items.length >= 2;
	});
}
