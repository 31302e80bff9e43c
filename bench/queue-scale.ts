// Whether a long queue costs those who use it: submit and claim with 100 and with 100,000 jobs waiting, in turns; and how long
// a run of 1,000 jobs takes to be accepted and to be canceled, and 10,000 jobs to expire.
import { setTimeout as sleep } from "node:timers/promises";
import type { Bench, Serving } from "./bench.ts";
import { jobRequest, owner, runRequest, settle } from "./bench.ts";
import { liftLimits } from "./lifted-limits.ts";
import type { Figure } from "./figure.ts";
import { median } from "./percentile.ts";

const growthMax = 1.3;
const bigRunMsMax = 250;
const jobsInRun = 1_000;
const fewJobs = 100;

export async function measureQueueScale(bench: Bench): Promise<Figure[]> {
	const { server, token } = await bench.startAnother();
	try {
		const caller = new Caller(server.ready, token);
		const manyJobs = bench.isQuick ? 10_000 : 100_000;
		await caller.fill("short", fewJobs);
		await caller.fill("long", manyJobs);
		await settle(server);
		const short = { submit: [] as number[], claim: [] as number[] };
		const long = { submit: [] as number[], claim: [] as number[] };
		for (let round = 0; round < (bench.isQuick ? 30 : 100); round++) {
			for (const [repo, times] of [
				["short", short],
				["long", long],
			] as const) {
				times.submit.push(await caller.submit(repo, [jobRequest("one", `pool-${repo}`)]));
				times.claim.push(await caller.claim(repo));
			}
		}
		const big = await caller.bigRun();
		const expired = await caller.expire(bench.isQuick ? 2_000 : 10_000);
		const count = manyJobs.toLocaleString("en-GB");
		return [
			growth(`submit, p50 with ${count} jobs waiting`, short.submit, long.submit),
			growth(`claim, p50 with ${count} jobs waiting`, short.claim, long.claim),
			figure("a run of 1,000 jobs accepted in one request", big.acceptedMs, "ms", bigRunMsMax),
			figure("  and canceled", big.canceledMs, "ms", bigRunMsMax),
			figure(
				`${expired.jobs.toLocaleString("en-GB")} jobs expired by the alarm, from the first to the last`,
				expired.ms,
				"ms",
				null,
			),
			figure("  longest answer to somebody else meanwhile", expired.slowestMs, "ms", null),
		];
	} finally {
		await server.stop();
	}
}

function growth(name: string, short: number[], long: number[]): Figure {
	const times = median(long) / median(short);
	return {
		...figure(name, median(long), "ms", null),
		aim: { text: `≤ ${growthMax} × with ${fewJobs}`, isMet: times <= growthMax },
		note: `${times.toFixed(2)} × the ${median(short).toFixed(2)} ms with ${fewJobs} waiting`,
	};
}

function figure(name: string, value: number, unit: string, max: number | null): Figure {
	const aim = max === null ? null : { text: `≤ ${max}`, isMet: value <= max };
	return { name, value, unit, ratio: null, serverCpuMicros: null, aim, note: "" };
}

/** One user, and one runner with as many slots as are asked for. */
class Caller {
	readonly #serving: Serving;
	readonly #url: string;
	readonly #token: string;
	readonly #runners = new Map<string, string>();

	constructor(serving: Serving, token: string) {
		this.#serving = serving;
		this.#url = serving.url;
		this.#token = token;
	}

	async fill(repo: string, jobs: number): Promise<void> {
		await this.#call("PUT", `/v1/repos/${owner}/${repo}`, { maxRunning: 100_000 });
		await liftLimits(this.#serving, { owner, repo });
		const registered = { name: repo, capacity: 1_000 };
		const runner = await this.#call("POST", `/v1/pools/${owner}/pool-${repo}/runners`, registered);
		this.#runners.set(repo, (runner.json as { token: string }).token);
		for (let made = 0; made < jobs; made += jobsInRun) {
			await this.submit(repo, jobsOf(Math.min(jobsInRun, jobs - made), `pool-${repo}`));
		}
	}

	async submit(repo: string, jobs: object[]): Promise<number> {
		return (await this.#call("POST", `/v1/repos/${owner}/${repo}/runs`, runRequest("Scale", jobs))).ms;
	}

	async claim(repo: string): Promise<number> {
		const { ms, status } = await this.#call("POST", "/v1/runner/acquire", { waitSeconds: 0 }, this.#runners.get(repo));
		if (status !== 200) throw new Error(`a claim was answered with ${status} while jobs wait`);
		return ms;
	}

	async bigRun(): Promise<{ acceptedMs: number; canceledMs: number }> {
		const path = `/v1/repos/${owner}/big/runs`;
		await this.#call("PUT", `/v1/repos/${owner}/big`, {});
		const accepted: number[] = [];
		const canceled: number[] = [];
		for (let round = 0; round < 5; round++) {
			const run = await this.#call("POST", path, runRequest("Big", jobsOf(jobsInRun, "pool-big")));
			accepted.push(run.ms);
			canceled.push((await this.#call("POST", `${path}/${(run.json as { id: string }).id}/cancel`, {})).ms);
		}
		return { acceptedMs: median(accepted), canceledMs: median(canceled) };
	}

	/** All wait for one second at most; somebody else goes on asking for something while they expire. */
	async expire(jobs: number): Promise<{ jobs: number; ms: number; slowestMs: number }> {
		const path = `/v1/repos/${owner}/expire`;
		await this.#call("PUT", path, { defaults: { queueTimeoutSeconds: 5 } });
		for (let made = 0; made < jobs; made += jobsInRun) await this.submit("expire", jobsOf(jobsInRun, "pool-expire"));
		const waiting = async () => ((await this.#call("GET", `${path}/queue`)).json as { waiting: number }).waiting;
		let slowestMs = 0;
		let begunAt: number | null = null;
		for (;;) {
			const left = await waiting();
			if (left < jobs) begunAt ??= performance.now();
			if (left === 0) break;
			if (begunAt !== null) slowestMs = Math.max(slowestMs, (await this.#call("GET", `/v1/repos/${owner}/short`)).ms);
			await sleep(20);
		}
		return { jobs, ms: performance.now() - (begunAt ?? 0), slowestMs };
	}

	async #call(method: string, path: string, body?: object, token = this.#token) {
		const startedAt = performance.now();
		const answer = await fetch(this.#url + path, {
			method,
			headers: { authorization: `Bearer ${token}`, ...(body ? { "content-type": "application/json" } : {}) },
			...(body ? { body: JSON.stringify(body) } : {}),
		});
		const text = await answer.text();
		const ms = performance.now() - startedAt;
		if (!answer.ok) throw new Error(`${method} ${path} was answered with ${answer.status}: ${text}`);
		return { ms, status: answer.status, json: text === "" ? null : JSON.parse(text) };
	}
}

function jobsOf(count: number, pool: string): object[] {
	return Array.from({ length: count }, (_, at) => jobRequest(`job-${at}`, pool));
}
