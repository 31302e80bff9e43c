// The evening after a day: what needs time between two calls, and what needs all owners at once.
import type { Grant } from "../../src/contracts/http/runner.ts";
import { registration } from "./played-day.ts";
import { control, job, listed, moveClock, must, Player } from "./player.ts";
import type { Stage } from "./player.ts";

/** What needs time between two calls, and what needs all owners at once. */
export async function playEvening(stage: Stage, players: readonly Player[]): Promise<void> {
	const open = await Promise.all(players.map(beginLongJob));
	for (const isHeard of [true, false, true, true]) {
		await moveClock(stage, 20_000);
		await Promise.all(open.map((work) => goOn(work, isHeard)));
	}
	// The sweep asks about what the read model has as unfinished.
	await Promise.all(open.map(({ player, run, waiting }) => listed(player, [run, waiting])));
	for (const release of ["older", "newer"]) await control(stage, "sweep", { release });
	await Promise.all(open.map((work) => endLongJob(work)));
	await playSpill(stage, players);
}

interface LongJob {
	player: Player;
	run: { id: string };
	/** Nobody takes it. */
	waiting: { id: string };
	runner: { token: string };
	grant: Grant;
	length: number;
}

async function beginLongJob(player: Player): Promise<LongJob> {
	const { token } = await registration(player);
	const runner = await player.register(token, "long", "long");
	const run = await player.submit([job("long", { pool: "long" })]);
	const waiting = await player.submit([job("waits", { pool: "long", labels: ["none-has-it"] })]);
	const grant = await player.grant(runner);
	await player.lease("start", grant);
	return { player, run, waiting, runner, grant, length: 0 };
}

/** `isHeard`: its runner says that it holds the lease; else the log alone renews it. */
async function goOn(work: LongJob, isHeard: boolean): Promise<void> {
	const { player, runner, grant } = work;
	if (isHeard)
		await player.call("POST", "/v1/runner/heartbeat", { token: runner.token, body: { leases: [grant.lease.id] } });
	const { status, body } = await player.append(grant, work.length, "more\n");
	must(status < 300, `an append is taken: ${status} ${JSON.stringify(body)}`);
	work.length += "more\n".length;
	await player.done("GET", `/v1/pools/${player.owner}/long`);
}

async function endLongJob({ player, run, waiting, grant, length }: LongJob): Promise<void> {
	await player.post(`${player.repo}/runs/${waiting.id}/cancel`);
	await player.finish(grant, "passed", length);
	await player.finished(run.id, "passed");
}

async function playSpill(stage: Stage, players: readonly Player[]): Promise<void> {
	await control(stage, "stage", { isHoldingIntake: true });
	for (const release of ["older", "newer"] as const) {
		const operator = new Player(stage, "none", release);
		await operator.done("PATCH", "/v1/switches", { body: { spill: "always" } });
	}
	const spilled = await Promise.all(
		players.map(async (player) => {
			const run = await player.submit([job("spilled", { pool: "spilled" })], {}, "spilled");
			must(run.spilled === true, "the run was spilled");
			const gone = await player.submit([job("gone", { pool: "spilled" })]);
			await player.post(`${player.repo}/runs/${gone.id}/cancel`);
			return { player, run, gone };
		}),
	);
	await control(stage, "stage", { isHoldingIntake: false });
	for (const release of ["older", "newer"] as const) {
		const operator = new Player(stage, "none", release);
		await operator.done("PATCH", "/v1/switches", { body: { spill: "auto" } });
	}
	for (const { owner, release } of players) {
		const bodies = [{ bell: "intake", owner, repo: "web" }];
		await control(stage, "consume", { release, queue: "spillway-intake", bodies });
	}
	await Promise.all(
		spilled.map(async ({ player, run, gone }) => {
			const { token } = await registration(player);
			const runner = await player.register(token, "after", "spilled");
			await player.work(runner);
			await player.finished(run.id, "passed");
			await player.finished(gone.id, "canceled");
		}),
	);
}
