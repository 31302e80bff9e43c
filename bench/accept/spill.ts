// A burst into one repository whose submissions are spilled: 200 runs of 100 jobs within 10 s, each put into the intake and answered
// with 202, another owner's submissions beside them; then how long the repository takes to have all 20,000 jobs, and eight runners
// to finish them.
import { setTimeout as sleep } from "node:timers/promises";
import type { Child } from "../child.ts";
import type { Run } from "../../src/contracts/http/run.ts";
import { Api } from "../api.ts";
import type { Bench, Serving } from "../bench.ts";
import { jobRequest, owner, runRequest, settle } from "../bench.ts";
import type { Figure } from "../figure.ts";
import { performJobs, registerRunners } from "../fleet/finished-jobs.ts";
import { percentile } from "../percentile.ts";

const runsMax = 200;
const jobsInRun = 100;
const burstMs = 10_000;
const neighbour = "spill-neighbour";
const besideEveryMs = 100;
const acceptP99MsMax = 250;
/** A drain that takes longer has stopped. */
const drainMsMax = 300_000;
/** Eight runners finish more than 30 jobs a second also on a slow machine. */
const finishMsMax = 700_000;

/** Tries that were answered with 429 or 503, of all callers. */
let shed = 0;

interface Caller {
	url: string;
	token: string;
}

/** How many were answered with each status, and the runs' ids. */
interface Burst {
	statuses: Record<number, number>;
	ids: string[];
}

export async function measureSpill(bench: Bench): Promise<Figure[]> {
	const { server, api, token } = await bench.startAnother({ hasLimits: true });
	const { url, operatorToken } = server.ready;
	const operator = await Api.connect(url, operatorToken);
	const { token: otherToken } = await operator.createToken(neighbour, ["read", "write", "admin"]);
	operator.close();
	const other = await Api.connect(url, otherToken);
	const runs = bench.isQuick ? 40 : runsMax;
	try {
		await api.createRepository(owner, "spilled", {});
		await api.createRepository(owner, "drained", {});
		await other.createRepository(neighbour, "web", {});
		await settle(server);
		const alone = await besides({ url, token: otherToken }, sleep(3_000));
		// As it is delivered: what its repository takes in time is not spilled.
		const auto = burst({ url, token }, "spilled", runs);
		const beside = await besides({ url, token: otherToken }, auto);
		const direct = await auto;
		const shedDirect = shed;
		await taken(api, "spilled", runs);
		await settle(server);
		await setSpill({ url, token: operatorToken }, "always");
		const from = performance.now();
		const spilled = await burst({ url, token }, "drained", runs);
		await setSpill({ url, token: operatorToken }, "auto");
		await taken(api, "drained", runs);
		const drainedMs = performance.now() - from;
		const finishedMs = await finish({ server, api, token }, "drained", spilled.ids);
		if (spilled.statuses[201] !== undefined) throw new Error(`${spilled.statuses[201]} runs were not spilled`);
		const line = { ratio: null, serverCpuMicros: null, aim: null, note: "" };
		const jobs = (runs * jobsInRun).toLocaleString("en-GB");
		return [
			{
				...line,
				name: `runs of ${jobsInRun} jobs in 10 s: accepted, of ${runs}`,
				value: direct.ids.length,
				unit: "runs",
				note: `${said(direct.statuses)}; ${shedDirect} tries shed`,
			},
			{
				...{
					...line,
					name: "  another owner's submission beside them, p99",
					value: percentile(beside, 0.99),
					unit: "ms",
				},
				aim: { text: `≤ ${acceptP99MsMax} ms`, isMet: percentile(beside, 0.99) <= acceptP99MsMax },
				note: `alone ${percentile(alone, 0.99).toFixed(0)} ms`,
			},
			{
				...line,
				name: `${jobs} jobs spilled, from the first 202 until all wait`,
				value: drainedMs / 1_000,
				unit: "s",
				note: `${said(spilled.statuses)}; ${shed - shedDirect} tries shed`,
			},
			{
				...line,
				name: "  of it after the 10 s of the burst",
				value: Math.max(0, drainedMs - burstMs) / 1_000,
				unit: "s",
			},
			{
				...line,
				name: `${jobs} jobs that were spilled, finished by 8 runners`,
				value: finishedMs / 1_000,
				unit: "s",
				note: `all ${runs} runs passed, each job with one attempt`,
			},
		];
	} finally {
		api.close();
		other.close();
		await server.stop();
	}
}

const said = (statuses: Record<number, number>) =>
	Object.entries(statuses)
		.map(([status, count]) => `${count} × ${status}`)
		.join(", ");

/** Spread over ten seconds, and not one after the other: whoever pushes does not wait for others. Any other answer is a failure. */
async function burst(caller: Caller, repo: string, runs: number): Promise<Burst> {
	const jobs = Array.from({ length: jobsInRun }, (_, at) => jobRequest(`test-${at}`, `pool-${repo}`));
	const body = JSON.stringify(runRequest("Test everything", jobs));
	const statuses: Record<number, number> = {};
	const ids: string[] = [];
	const from = performance.now();
	const sent: Promise<void>[] = [];
	for (let run = 0; run < runs; run++) {
		await sleep(Math.max(0, from + (run * burstMs) / runs - performance.now()));
		const key = `${repo}-${run}`;
		sent.push(
			submit(caller, `/v1/repos/${owner}/${repo}/runs`, body, key).then(({ status, id }) => {
				statuses[status] = (statuses[status] ?? 0) + 1;
				ids.push(id);
			}),
		);
	}
	await Promise.all(sent);
	return { statuses, ids };
}

/** How long each of another owner's submissions takes until `over`, in order. */
async function besides(caller: Caller, over: Promise<unknown>): Promise<number[]> {
	let isOver = false;
	void over.finally(() => {
		isOver = true;
	});
	const body = JSON.stringify(runRequest("Fix the build", [jobRequest("test", "nobody")]));
	const latencies: number[] = [];
	while (!isOver) {
		const from = performance.now();
		await submit(caller, `/v1/repos/${neighbour}/web/runs`, body, crypto.randomUUID());
		latencies.push(performance.now() - from);
		await sleep(besideEveryMs);
	}
	return latencies.sort((a, b) => a - b);
}

/** As every client does it: what is shed is sent again under its key, when the server says. Counted, since it is no acceptance. */
async function submit({ url, token }: Caller, path: string, body: string, key: string) {
	const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", "idempotency-key": key };
	for (;;) {
		const response = await fetch(url + path, { method: "POST", headers, body });
		const text = await response.text();
		if (response.status === 201 || response.status === 202) {
			return { status: response.status, id: (JSON.parse(text) as Run).id };
		}
		if (response.status !== 503 && response.status !== 429) throw new Error(`${path}: ${response.status} ${text}`);
		shed++;
		await sleep(Number(response.headers.get("retry-after") ?? 1) * 1_000 * (1 + Math.random()));
	}
}

/** Known everywhere only some seconds later. */
async function setSpill({ url, token }: Caller, spill: "auto" | "always"): Promise<void> {
	const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
	const response = await fetch(`${url}/v1/switches`, { method: "PATCH", headers, body: JSON.stringify({ spill }) });
	if (!response.ok) throw new Error(`switches: ${response.status}`);
	await response.text();
}

/** All jobs go to their end; throws unless each run has passed and each of its jobs ran once. */
async function finish(
	{ server, api, token }: { server: Child<Serving>; api: Api; token: string },
	repo: string,
	ids: readonly string[],
): Promise<number> {
	const runners = await registerRunners(server.ready, token, `pool-${repo}`);
	const from = performance.now();
	await performJobs(runners, ids.length * jobsInRun, finishMsMax);
	const elapsedMs = performance.now() - from;
	for (const runner of runners) runner.close();
	for (const id of ids) {
		const { outcome, jobs = [] } = await api.run(owner, repo, id);
		const isWhole = jobs.length === jobsInRun && jobs.every(({ attempts }) => attempts.length === 1);
		if (outcome !== "passed" || !isWhole) throw new Error(`run ${id} ended as ${outcome}`);
	}
	return elapsedMs;
}

/** Until all jobs wait in their repository: none was refused, and none is there twice. */
async function taken(api: Api, repo: string, runs: number): Promise<void> {
	for (const endsAt = performance.now() + drainMsMax; ; await sleep(100)) {
		const { waiting } = await api.figures(owner, repo);
		if (waiting === runs * jobsInRun) return;
		if (waiting > runs * jobsInRun || performance.now() > endsAt) throw new Error(`${waiting} jobs wait in ${repo}`);
	}
}
