// How long an idle system takes from a submission to the grant in the hands of a runner that waits in its long poll: from just
// before the request is written until the runner has read the whole answer.
import { setTimeout as sleep } from "node:timers/promises";
import { Api } from "../api.ts";
import type { Bench } from "../bench.ts";
import { jobRequest, owner, runRequest } from "../bench.ts";
import type { Figure } from "../figure.ts";
import { mean, percentile } from "../percentile.ts";
import { ProtocolRunner } from "./protocol-runner.ts";

const repo = "start";
const pool = `pool-${repo}`;
const p50MsMax = 20;
const p99MsMax = 100;
/** Long enough that the poll waits at the pool and all that the last job left behind is done. */
const pauseMs = 60;
const pollSeconds = 20;
const warmUps = 10;

export async function measureGrantLatency(bench: Bench): Promise<Figure[]> {
	await bench.api.createRepository(owner, repo, {});
	const runner = await ProtocolRunner.register(bench.server.ready, bench.token, { pool, name: "start-1" });
	const submitter = await Api.connect(bench.server.ready.url, bench.token);
	const request = runRequest("Fix the build", [jobRequest("test", pool)]);

	async function once(): Promise<{ submittedMs: number; heldMs: number }> {
		const polled = runner.acquire(pollSeconds).then((grant) => ({ grant, at: performance.now() }));
		await sleep(pauseMs + Math.random() * pauseMs);
		const startedAt = performance.now();
		const run = await submitter.submit(owner, repo, request);
		const submittedMs = performance.now() - startedAt;
		const { grant, at } = await polled;
		if (grant?.run.id !== run.id) throw new Error("the runner got another job than the one submitted");
		await runner.perform(grant);
		return { submittedMs, heldMs: at - startedAt };
	}

	for (let n = 0; n < warmUps; n++) await once();
	const rounds = await bench.floored({ rounds: bench.isQuick ? 2 : 5, connections: 1 }, async () => {
		const samples: { submittedMs: number; heldMs: number }[] = [];
		for (let n = 0; n < (bench.isQuick ? 25 : 60); n++) samples.push(await once());
		return samples;
	});
	runner.close();
	submitter.close();
	const samples = rounds.flatMap(({ value }) => value);
	const held = samples.map(({ heldMs }) => heldMs).sort((a, b) => a - b);
	const submitted = samples.map(({ submittedMs }) => submittedMs).sort((a, b) => a - b);
	const floorMs = {
		call: mean(rounds.map(({ call }) => call.p50Ms)),
		insert: mean(rounds.map(({ insert }) => insert.p50Ms)),
	};
	const figure = (name: string, value: number, maxMs: number | null): Figure => ({
		name,
		value,
		unit: "ms",
		ratio: { call: value / floorMs.call, insert: value / floorMs.insert },
		serverCpuMicros: null,
		aim: maxMs === null ? null : { text: `≤ ${maxMs}`, isMet: value <= maxMs },
		note: `${samples.length} samples`,
	});
	return [
		figure("submit until the runner holds the grant, idle, p50", percentile(held, 0.5), p50MsMax),
		figure("submit until the runner holds the grant, idle, p99", percentile(held, 0.99), p99MsMax),
		figure("  of it until the 201, p50", percentile(submitted, 0.5), null),
	];
}
