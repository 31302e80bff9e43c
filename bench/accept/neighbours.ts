// What one owner's flood does to another owner: 200 connections hammer one repository, each sending its next call as soon as it has
// an answer, whatever that was; beside them another owner submits, starts and finishes, as it did alone just before.
import { Api } from "../api.ts";
import type { Bench, Serving } from "../bench.ts";
import { jobRequest, need, owner, runRequest, settle } from "../bench.ts";
import type { Figure } from "../figure.ts";
import type { LoadResult } from "./load.ts";
import { percentile } from "../percentile.ts";

const connections = 200;
const neighbour = "neighbour";
const acceptP99MsMax = 250;
/** Loops of the other owner, each with a connection, a pool and a runner of its own. */
const loops = 4;
const logBytes = 256 * 1024;
const hammered = `/v1/repos/${owner}/hammered`;
/** What a server that sheds may answer. */
const shed = [202, 429, 503];

interface Flood {
	name: string;
	method: string;
	path: string;
	body?: object;
	status: number;
}

interface Latencies {
	submit: number[];
	start: number[];
	finish: number[];
}

export async function measureNeighbours(bench: Bench): Promise<Figure[]> {
	const { server, api, token } = await bench.startAnother({ hasLimits: true });
	const operator = await Api.connect(server.ready.url, server.ready.operatorToken);
	const { token: neighbourToken } = await operator.createToken(neighbour, [
		"read",
		"write",
		"admin",
		"runner:register",
	]);
	operator.close();
	const floods = await prepare(api);
	const figures: Figure[] = [];
	for (const flood of floods) {
		await settle(server);
		const durationMs = bench.isQuick ? 3_000 : 8_000;
		const alone = await beside({ serving: server.ready, token: neighbourToken, flood: flood.name }, durationMs);
		const call = {
			method: flood.method,
			path: flood.path,
			token,
			...(flood.body && { body: JSON.stringify(flood.body) }),
		};
		const load = {
			url: server.ready.url,
			connections,
			durationMs: durationMs + 500,
			countMax: 1_000_000,
			keyPrefix: null,
		};
		const flooding = bench.load({ ...load, request: call, status: flood.status, alsoTaken: shed });
		const held = await beside(
			{ serving: server.ready, token: neighbourToken, flood: `${flood.name}-flood` },
			durationMs,
		);
		figures.push(...figuresOf(flood.name, { alone, held, flooded: need(await flooding) }));
	}
	api.close();
	await server.stop();
	return figures;
}

/** The hammered repository, with something to list and a log to read. */
async function prepare(api: Api): Promise<Flood[]> {
	await api.createRepository(owner, "hammered", {});
	const { token } = await api.register(owner, "hammered", "one");
	await api.submit(owner, "hammered", runRequest("Fix the build", [jobRequest("test", "hammered")]));
	const grant = await api.acquire(token, 20);
	if (grant === null) throw new Error("the runner was given nothing");
	await api.start(grant.lease.token);
	await api.appendLog(
		grant.lease.token,
		"one line of a log that many want to read\n".repeat(logBytes / 40).slice(0, logBytes),
	);
	await api.finish(grant.lease.token, logBytes);
	const run = (jobs: number) =>
		runRequest(
			"Fix the build",
			Array.from({ length: jobs }, (_, index) => jobRequest(`test-${index}`, "nobody")),
		);
	for (let runs = 0; runs < 40; runs++) await api.submit(owner, "hammered", run(1));
	const runs = { method: "POST", path: `${hammered}/runs`, status: 201 };
	return [
		{ name: "lists", method: "GET", path: `${hammered}/runs?limit=30`, status: 200 },
		{ name: "logs of 256 KiB", method: "GET", path: `${hammered}/jobs/${grant.job.id}/attempts/1/log`, status: 200 },
		{ name: "runs of 1 job", ...runs, body: run(1) },
		{ name: "runs of 100 jobs", ...runs, body: run(100) },
	];
}

/** What the other owner meets for as long as told. */
async function beside(
	{ serving, token, flood }: { serving: Serving; token: string; flood: string },
	durationMs: number,
): Promise<Latencies> {
	const latencies: Latencies = { submit: [], start: [], finish: [] };
	const each = Array.from({ length: loops }, (_, index) => `${flood.replaceAll(/[^a-z0-9]+/g, "-")}-${index}`);
	const workers = await Promise.all(each.map((name) => enter(serving, token, name)));
	const endsAt = performance.now() + durationMs;
	await Promise.all(
		workers.map(async (worker) => {
			while (performance.now() < endsAt) await worker.once(latencies);
			worker.close();
		}),
	);
	for (const list of [latencies.submit, latencies.start, latencies.finish]) list.sort((a, b) => a - b);
	return latencies;
}

async function enter(serving: Serving, token: string, pool: string) {
	const [submitter, runner] = [await Api.connect(serving.url, token), await Api.connect(serving.url, token)];
	await submitter.createRepository(neighbour, pool, {});
	const { token: runnerToken } = await submitter.register(neighbour, pool, "one");
	const request = runRequest("Fix the build", [jobRequest("test", pool)]);
	return {
		async once({ submit, start, finish }: Latencies) {
			await timed(submit, () => submitter.submit(neighbour, pool, request));
			const grant = await runner.acquire(runnerToken, 20);
			if (grant === null) throw new Error("the other owner's runner was given nothing");
			await timed(start, () => runner.start(grant.lease.token));
			await timed(finish, () => runner.finish(grant.lease.token, 0));
		},
		close() {
			submitter.close();
			runner.close();
		},
	};
}

async function timed(into: number[], work: () => Promise<unknown>): Promise<void> {
	const from = performance.now();
	await work();
	into.push(performance.now() - from);
}

function figuresOf(
	flood: string,
	{ alone, held, flooded }: { alone: Latencies; held: Latencies; flooded: LoadResult },
): Figure[] {
	const others = Object.entries(flooded.statuses).map(([status, count]) => `, ${count} × ${status}`);
	const counts = `${flooded.done} done (${flooded.perSecond.toFixed(0)}/s, p50 ${flooded.p50Ms.toFixed(0)} ms)${others.join("")}`;
	const figure = (call: keyof Latencies, part: number): Figure => {
		const [value, before] = [percentile(held[call], part), percentile(alone[call], part)];
		const isAccept = call === "submit" && part === 0.99;
		return {
			name: `${isAccept ? "" : "  "}beside a flood of ${flood}: ${call}, p${part * 100}`,
			value,
			unit: "ms",
			ratio: null,
			serverCpuMicros: null,
			aim: isAccept ? { text: `≤ ${acceptP99MsMax}`, isMet: value <= acceptP99MsMax } : null,
			note: `alone ${before.toFixed(1)} ms, × ${(value / before).toFixed(1)}; ${held[call].length} samples${isAccept ? `; the flood: ${counts}` : ""}`,
		};
	};
	const calls = ["submit", "start", "finish"] as const;
	return calls.flatMap((call) => [figure(call, 0.99), figure(call, 0.5)]);
}
