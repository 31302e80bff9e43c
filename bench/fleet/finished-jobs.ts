// How many trivial jobs go all the way from submission to their end with eight runners in this process: register, acquire,
// start, one append to the log and finish, each over HTTP.
import { Api } from "../api.ts";
import type { Bench, Serving } from "../bench.ts";
import { jobRequest, owner, runRequest, settle } from "../bench.ts";
import { liftLimits } from "../lifted-limits.ts";
import type { Figure } from "../figure.ts";
import { mean, median } from "../percentile.ts";
import { logLine, ProtocolRunner } from "./protocol-runner.ts";

const repo = "finish";
const pool = `pool-${repo}`;
const runnersCount = 8;
const submitters = 4;
const jobsPerSecondMin = 50;
const checkedLogs = 20;
/** What is not finished by then is a failure of its own. */
const limitMs = 120_000;

export async function measureFinishedJobs(bench: Bench): Promise<Figure[]> {
	await bench.api.createRepository(owner, repo, {});
	await liftLimits(bench.server.ready, { owner, repo });
	const runners = await registerRunners(bench.server.ready, bench.token, pool);
	const count = bench.isQuick ? 150 : 600;
	await finishJobs(bench, runners, 50);
	const rounds = await bench.floored({ rounds: bench.isQuick ? 1 : 3, connections: runnersCount }, async () => {
		const before = bench.server.usage()?.cpuMs ?? 0;
		const elapsedMs = await finishJobs(bench, runners, count);
		await settle(bench.server);
		const serverCpuMs = (bench.server.usage()?.cpuMs ?? 0) - before;
		return { perSecond: count / (elapsedMs / 1_000), cpuMicros: (serverCpuMs / count) * 1_000 };
	});
	for (const runner of runners) runner.close();
	const value = median(rounds.map((round) => round.value.perSecond));
	const ratioTo = (floor: "call" | "insert") =>
		median(rounds.map((round) => round.value.perSecond / round[floor].perSecond));
	return [
		{
			name: "trivial jobs submitted and finished, 8 runners",
			value,
			unit: "jobs/s",
			ratio: { call: ratioTo("call"), insert: ratioTo("insert") },
			serverCpuMicros: mean(rounds.map((round) => round.value.cpuMicros)),
			aim: { text: `≥ ${jobsPerSecondMin}`, isMet: value >= jobsPerSecondMin },
			note: "",
		},
	];
}

export function registerRunners(server: Serving, token: string, pool: string): Promise<ProtocolRunner[]> {
	const names = Array.from({ length: runnersCount }, (_, at) => `${pool}-${at + 1}`);
	return Promise.all(names.map((name) => ProtocolRunner.register(server, token, { pool, name })));
}

/** Resolves when `isDone` says so after a job; throws when that takes longer than `limit`. */
export async function performJobs(runners: ProtocolRunner[], count: number, limit: number): Promise<void> {
	const endsAt = performance.now() + limit;
	let left = count;
	let begun = 0;
	await Promise.all(
		runners.map(async (runner) => {
			while (begun < count) {
				if (performance.now() > endsAt)
					throw new Error(`${left} of ${count} jobs are not finished after ${limit / 1_000} s`);
				const grant = await runner.acquire(1);
				if (grant === null) continue;
				begun++;
				await runner.perform(grant);
				left--;
			}
		}),
	);
}

async function finishJobs(
	{ server: { ready }, token, api }: Bench,
	runners: ProtocolRunner[],
	count: number,
): Promise<number> {
	const connections = await Promise.all(Array.from({ length: submitters }, () => Api.connect(ready.url, token)));
	const request = runRequest("Fix the build", [jobRequest("test", pool)]);
	const ids: string[] = [];
	let submitted = 0;
	const startedAt = performance.now();
	const submitting = connections.map(async (connection) => {
		while (submitted < count) {
			submitted++;
			ids.push((await connection.submit(owner, repo, request)).id);
		}
	});
	await Promise.all([...submitting, performJobs(runners, count, limitMs)]);
	const elapsedMs = performance.now() - startedAt;
	for (const connection of connections) connection.close();
	await check(api, ids);
	return elapsedMs;
}

/** Every run has passed with one attempt, and the logs hold what was printed. */
async function check(api: Api, ids: string[]): Promise<void> {
	let logs = 0;
	for (const id of ids) {
		const { outcome, jobs = [] } = await api.run(owner, repo, id);
		const [job] = jobs;
		if (outcome !== "passed" || job?.attempts.length !== 1) throw new Error(`run ${id} ended as ${outcome}`);
		if (logs++ >= checkedLogs) continue;
		const log = await api.log(owner, repo, job.id);
		if (log !== logLine) throw new Error(`the log of ${job.id} is ${JSON.stringify(log)}`);
	}
}
