// How many runs of one job one repository accepts: 32 connections, each submission durable before its 201.
import type { Bench } from "../bench.ts";
import { jobRequest, need, owner, runRequest, settle } from "../bench.ts";
import { liftLimits } from "../lifted-limits.ts";
import type { Figure } from "../figure.ts";
import type { Load, LoadResult } from "./load.ts";
import { mean, median } from "../percentile.ts";

const connections = 32;
const insertRatioMin = 0.6;
/** Each is read back from the repository itself. */
const checkedRuns = 50;

interface Accepted extends LoadResult {
	/** Of the server, until it had nothing left to do. */
	serverCpuMs: number;
}

export async function measureAcceptedRuns(bench: Bench): Promise<Figure[]> {
	const plain = await measure(bench, { repo: "accept", keyed: false });
	const keyed = await measure(bench, { repo: "accept-keyed", keyed: true });
	const met = { text: `≥ ${insertRatioMin} × insert`, isMet: plain.rate.ratio.insert >= insertRatioMin };
	return [
		{ ...plain.rate, name: "runs of 1 job accepted, 32 connections", aim: met },
		{ ...plain.p50, name: "  until the 201, p50" },
		{ ...plain.p99, name: "  until the 201, p99" },
		{ ...keyed.rate, name: "  the same, each with an Idempotency-Key" },
	];
}

async function measure(bench: Bench, { repo, keyed }: { repo: string; keyed: boolean }) {
	await bench.api.createRepository(owner, repo, {});
	await liftLimits(bench.server.ready, { owner, repo });
	const load: Load = {
		url: bench.server.ready.url,
		connections,
		durationMs: bench.isQuick ? 1_500 : 2_000,
		countMax: 30_000,
		request: {
			method: "POST",
			path: `/v1/repos/${owner}/${repo}/runs`,
			token: bench.token,
			body: JSON.stringify(runRequest("Fix the build", [jobRequest("test", `pool-${repo}`)])),
		},
		keyPrefix: keyed ? `bench-${process.pid}-` : null,
		status: 201,
	};
	const warm = need(await bench.load({ ...load, durationMs: 1_000, keyPrefix: keyed ? "warm-" : null }));
	const ids = [...warm.ids];
	let round = 0;
	const rounds = await bench.floored({ rounds: bench.isQuick ? 2 : 5, connections }, async (): Promise<Accepted> => {
		const before = bench.server.usage()?.cpuMs ?? 0;
		const keyPrefix = keyed ? `${load.keyPrefix}${round++}-` : null;
		const result = need(await bench.load({ ...load, keyPrefix }));
		ids.push(...result.ids);
		await settle(bench.server);
		return { ...result, serverCpuMs: (bench.server.usage()?.cpuMs ?? 0) - before };
	});
	await check(bench, repo, ids);
	const rate = {
		value: median(rounds.map(({ value }) => value.perSecond)),
		unit: "runs/s",
		ratio: {
			call: median(rounds.map(({ value, call }) => value.perSecond / call.perSecond)),
			insert: median(rounds.map(({ value, insert }) => value.perSecond / insert.perSecond)),
		},
		serverCpuMicros: mean(rounds.map(({ value }) => (value.serverCpuMs / value.done) * 1_000)),
		aim: null,
		note: "",
	};
	const time = (of: "p50Ms" | "p99Ms") => ({
		value: median(rounds.map(({ value }) => value[of])),
		unit: "ms",
		ratio: null,
		serverCpuMicros: null,
		aim: null,
		note: "",
	});
	return { rate, p50: time("p50Ms"), p99: time("p99Ms") };
}

/** All that was answered with 201 is there, once. */
async function check(bench: Bench, repo: string, ids: string[]): Promise<void> {
	const distinct = new Set(ids).size;
	const { waiting } = await bench.api.figures(owner, repo);
	if (distinct !== ids.length) throw new Error(`${ids.length} answers named ${distinct} runs`);
	if (waiting !== ids.length) throw new Error(`${ids.length} runs were accepted and ${waiting} jobs wait`);
	const step = Math.max(1, Math.floor(ids.length / checkedRuns));
	for (let at = 0; at < ids.length; at += step) {
		const run = await bench.api.run(owner, repo, ids[at] ?? "");
		if (run.counts.waiting !== 1) throw new Error(`run ${run.id} is not as it was accepted`);
	}
}
