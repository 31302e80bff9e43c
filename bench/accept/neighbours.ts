// What one owner's flood does to another owner: 200 connections hammer one repository, each sending its next call as soon as it has
// an answer, whatever that was; beside them another owner submits, starts, renews and finishes, as it did alone just before.
import { Api } from "../api.ts";
import type { Bench, Serving } from "../bench.ts";
import { jobRequest, need, owner, runRequest, settle } from "../bench.ts";
import type { Figure } from "../figure.ts";
import { liftLimits } from "../lifted-limits.ts";
import { holdConnections } from "./held-connections.ts";
import { encodeRequest } from "./http-connection.ts";
import { percentile } from "../percentile.ts";

const connections = 200;
const neighbour = "neighbour";
const p99MsMax = 250;
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
	headers?: Record<string, string>;
	/** Of an answer that did what was asked. */
	status: number;
	/** In place of the flood's own. */
	token?: string;
	/** Not answered, or for ever: the connection is kept for so long. */
	keptMs?: number;
	/** Of a body that never comes: what its head says. */
	length?: number;
}

interface Latencies {
	submit: number[];
	start: number[];
	finish: number[];
	heartbeat: number[];
}

/** What became of a flood, in words. */
type Flooded = string;

export async function measureNeighbours(bench: Bench): Promise<Figure[]> {
	const { server, api } = await bench.startAnother({ hasLimits: true });
	const operator = await Api.connect(server.ready.url, server.ready.operatorToken);
	const scopes = ["read", "write", "admin", "runner:register"];
	const { token: neighbourToken } = await operator.createToken(neighbour, scopes);
	// The other owner calls as fast as it is answered: that is how its times are measured, and more than a token may.
	await liftLimits(server.ready, { owner: neighbour, repo: null });
	operator.close();
	const figures: Figure[] = [];
	for (const flood of await prepare(api)) {
		await settle(server);
		const durationMs = bench.isQuick ? 3_000 : 8_000;
		const by = { serving: server.ready, token: neighbourToken };
		const alone = await beside({ ...by, flood: flood.name }, durationMs);
		// Each flood has a token of its own, of which nobody has counted a call.
		const { token } = await api.createToken(owner, ["read", "write"]);
		const flooding = begin(bench, server.ready.url, { token, ...flood }, durationMs + 500);
		const held = await beside({ ...by, flood: `${flood.name}-flood` }, durationMs);
		figures.push(...figuresOf(flood.name, { alone, held, flooded: await flooding }));
	}
	api.close();
	await server.stop();
	return figures;
}

async function begin(
	bench: Bench,
	url: string,
	flood: Flood & { token: string },
	durationMs: number,
): Promise<Flooded> {
	const { method, path, body, headers, token, status, keptMs, length } = flood;
	const request = { method, path, token, ...(headers && { headers }), ...(body && { body: JSON.stringify(body) }) };
	if (keptMs === undefined) {
		const load = { url, connections, durationMs, countMax: 1_000_000, keyPrefix: null };
		const result = need(await bench.load({ ...load, request, status, alsoTaken: shed }));
		const rate = `${result.done} done (${result.perSecond.toFixed(0)}/s, p50 ${result.p50Ms.toFixed(0)} ms)`;
		return `${rate}${countsText(result.statuses)}`;
	}
	const whole = encodeRequest(request);
	const text =
		length === undefined ? whole : whole.replace("\r\n\r\n", `\r\ncontent-length: ${length}\r\n\r\n{"jobs":`);
	const held = await holdConnections({ url, connections, durationMs, begin: text, keptMs });
	return `${held.opened} opened${countsText(held.statuses)}`;
}

function countsText(statuses: Record<number, number>): string {
	return Object.entries(statuses)
		.map(([status, count]) => `, ${count} × ${status}`)
		.join("");
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
	const newest = `${hammered}/runs/latest`;
	const log = `${hammered}/jobs/${grant.job.id}/attempts/1/log`;
	const json = { "content-type": "application/json" };
	return [
		{ name: "lists", method: "GET", path: `${hammered}/runs?limit=30`, status: 200 },
		{ name: "logs of 256 KiB", method: "GET", path: log, status: 200 },
		{ name: "searches in a log", method: "GET", path: `${log}/search?q=nowhere`, status: 200 },
		{
			name: "dry runs of a bulk cancel",
			method: "POST",
			path: `${hammered}/cancel`,
			body: { state: ["waiting"], dryRun: true },
			status: 200,
		},
		{
			name: "event streams",
			method: "GET",
			path: `${newest}/events`,
			headers: { accept: "text/event-stream" },
			status: 200,
			keptMs: 500,
		},
		{
			name: "bodies that never come",
			method: "POST",
			path: `${hammered}/runs`,
			headers: json,
			status: 408,
			keptMs: 60_000,
			length: 500,
		},
		{ name: "wrong tokens", method: "GET", path: `${hammered}/runs`, token: "spw_access_guess_guess", status: 401 },
		{ name: "runs of 1 job", ...runs, body: run(1) },
		{ name: "runs of 100 jobs", ...runs, body: run(100) },
	];
}

/** What the other owner meets for as long as told. */
async function beside(
	{ serving, token, flood }: { serving: Serving; token: string; flood: string },
	durationMs: number,
): Promise<Latencies> {
	const latencies: Latencies = { submit: [], start: [], finish: [], heartbeat: [] };
	const each = Array.from({ length: loops }, (_, index) => `${flood.replaceAll(/[^a-z0-9]+/g, "-")}-${index}`);
	const workers = await Promise.all(each.map((name) => enter(serving, token, name)));
	const endsAt = performance.now() + durationMs;
	await Promise.all(
		workers.map(async (worker) => {
			while (performance.now() < endsAt) await worker.once(latencies);
			worker.close();
		}),
	);
	for (const list of Object.values<number[]>({ ...latencies })) list.sort((a, b) => a - b);
	return latencies;
}

async function enter(serving: Serving, token: string, pool: string) {
	const [submitter, runner] = [await Api.connect(serving.url, token), await Api.connect(serving.url, token)];
	await submitter.createRepository(neighbour, pool, {});
	await liftLimits(serving, { owner: neighbour, repo: pool });
	const { token: runnerToken } = await submitter.register(neighbour, pool, "one");
	const request = runRequest("Fix the build", [jobRequest("test", pool)]);
	return {
		async once({ submit, start, finish, heartbeat }: Latencies) {
			await timed(submit, () => submitter.submit(neighbour, pool, request));
			const grant = await runner.acquire(runnerToken, 20);
			if (grant === null) throw new Error("the other owner's runner was given nothing");
			await timed(start, () => runner.start(grant.lease.token));
			await timed(heartbeat, () => runner.heartbeat(runnerToken, grant.lease.id));
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
	{ alone, held, flooded }: { alone: Latencies; held: Latencies; flooded: Flooded },
): Figure[] {
	const figure = (call: keyof Latencies, part: number): Figure => {
		const [value, before] = [percentile(held[call], part), percentile(alone[call], part)];
		const isFirst = call === "submit" && part === 0.99;
		return {
			name: `${isFirst ? "" : "  "}beside a flood of ${flood}: ${call}, p${part * 100}`,
			value,
			unit: "ms",
			ratio: null,
			serverCpuMicros: null,
			aim: part === 0.99 ? { text: `≤ ${p99MsMax}`, isMet: value <= p99MsMax } : null,
			note: `alone ${before.toFixed(1)} ms, × ${(value / before).toFixed(1)}; ${held[call].length} samples${isFirst ? `; the flood: ${flooded}` : ""}`,
		};
	};
	const calls = ["submit", "start", "finish", "heartbeat"] as const;
	return calls.flatMap((call) => [figure(call, 0.99), figure(call, 0.5)]);
}
