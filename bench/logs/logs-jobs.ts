// Jobs that run as far as the server knows: submitted, granted to a runner of the bench's, started, kept alive, and finished.
import { setTimeout as sleep } from "node:timers/promises";
import type { Grant, Registered } from "../../src/contracts/http/runner.ts";
import type { Job } from "../../src/contracts/http/run.ts";
import type { Bench } from "../bench.ts";
import { jobRequest, owner, runRequest } from "../bench.ts";

const repo = "logs";
const pool = `pool-${repo}`;
const capacity = 300;
const heartbeatMs = 10_000;
const sealedMs = 60_000;

export interface LogJob {
	job: string;
	lease: string;
	token: string;
}

export class LogJobs {
	readonly #url: string;
	readonly token: string;
	readonly #runner: string;
	readonly #held = new Set<string>();
	readonly #heartbeat: NodeJS.Timeout;

	private constructor(url: string, token: string, runner: string) {
		this.#url = url;
		this.token = token;
		this.#runner = runner;
		this.#heartbeat = setInterval(() => {
			void this.#call("POST", "/v1/runner/heartbeat", runner, { leases: [...this.#held] }).catch(() => {});
		}, heartbeatMs);
	}

	static async begin({ server, token, api }: Bench): Promise<LogJobs> {
		await api.createRepository(owner, repo, { logBytesMax: 1_073_741_824, maxRunning: capacity });
		const { url } = server.ready;
		const request = { name: "logs", capacity, os: "linux", arch: "x64", version: "bench" };
		const answer = await call(url, {
			method: "POST",
			path: `/v1/pools/${owner}/${pool}/runners`,
			token,
			body: request,
		});
		return new LogJobs(url, token, ((await answer.json()) as Registered).token);
	}

	close(): void {
		clearInterval(this.#heartbeat);
	}

	async start(): Promise<LogJob> {
		const [job] = await this.startMany(1);
		if (!job) throw new Error("no job was granted");
		return job;
	}

	async startMany(count: number): Promise<LogJob[]> {
		const jobs = Array.from({ length: count }, (_, at) => jobRequest(`log-${at}`, pool));
		await this.#call("POST", `/v1/repos/${owner}/${repo}/runs`, this.token, runRequest("Print", jobs));
		const started: LogJob[] = [];
		while (started.length < count) {
			const answer = await this.#call("POST", "/v1/runner/acquire", this.#runner, {
				waitSeconds: 10,
				leases: [...this.#held],
			});
			if (answer.status === 204) throw new Error("a job was not granted in ten seconds");
			const { lease, job } = (await answer.json()) as Grant;
			this.#held.add(lease.id);
			await this.#call("POST", "/v1/lease/start", lease.token, {});
			started.push({ job: job.id, lease: lease.id, token: lease.token });
		}
		return started;
	}

	async finish({ token, lease }: LogJob, logLength: number): Promise<void> {
		await this.#call("POST", "/v1/lease/finish", token, { outcome: "passed", exitCode: 0, logLength });
		this.#held.delete(lease);
	}

	async sealed({ job }: Pick<LogJob, "job">): Promise<void> {
		const endsAt = performance.now() + sealedMs;
		for (;;) {
			const answer = await this.#call("GET", `/v1/repos/${owner}/${repo}/jobs/${job}`, this.token);
			const state = ((await answer.json()) as Job).attempts[0]?.log.state;
			if (state === "sealed") return;
			if (performance.now() > endsAt) throw new Error(`a log is ${state} after ${sealedMs / 1_000} s`);
			await sleep(10);
		}
	}

	async log({ job }: Pick<LogJob, "job">): Promise<string> {
		return (await this.#call("GET", this.#path(job), this.token)).text();
	}

	async firstByteMs({ job }: Pick<LogJob, "job">, from: number, to: number): Promise<number> {
		const startedAt = performance.now();
		const headers = { authorization: `Bearer ${this.token}`, range: `bytes=${from}-${to}` };
		const response = await fetch(`${this.#url}${this.#path(job)}`, { headers });
		const reader = response.body?.getReader();
		await reader?.read();
		const ms = performance.now() - startedAt;
		while (!(await reader?.read())?.done);
		return ms;
	}

	liveUrl({ job }: Pick<LogJob, "job">): string {
		return `${this.#url.replace("http", "ws")}${this.#path(job)}/live`;
	}

	#path(job: string): string {
		return `/v1/repos/${owner}/${repo}/jobs/${job}/attempts/1/log`;
	}

	#call(method: string, path: string, token: string, body?: object): Promise<Response> {
		return call(this.#url, { method, path, token, body });
	}
}

async function call(
	url: string,
	{ method, path, token, body }: { method: string; path: string; token: string; body?: object | undefined },
): Promise<Response> {
	const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
	const init = body === undefined ? {} : { body: JSON.stringify(body) };
	const response = await fetch(`${url}${path}`, { method, headers, ...init });
	if (response.ok) return response;
	throw new Error(`${method} ${path}: ${response.status} ${(await response.text()).slice(0, 300)}`);
}
