// Whoever plays a day on a stage: calls by plain HTTP and WebSockets, so that any build can be asked, each with what must come of it.
import { setTimeout as pause } from "node:timers/promises";
import type { Page } from "../../src/contracts/http/page.ts";
import type { Job, Run } from "../../src/contracts/http/run.ts";
import type { Grant, LeaseReply, Registered } from "../../src/contracts/http/runner.ts";
import type { LogMessage } from "../../src/contracts/http/streams/log-stream.ts";
import type { RunEvent } from "../../src/contracts/http/streams/run-events.ts";
import type { ServerFrame } from "../../src/contracts/wire/sockets/runner-session.ts";

export interface Stage {
	url: string;
	operatorToken: string;
}

interface Said {
	token?: string;
	body?: unknown;
	bytes?: string;
	headers?: Record<string, string>;
}

/** `body` is as this build's contracts have it, by the asker's word: what another build answers is looked at where it matters. */
export interface Heard<T> {
	status: number;
	headers: Headers;
	body: T;
}

/** A run with its jobs, as each answer about one run has it. */
export type Shown = Run & { jobs: Job[]; spilled?: boolean };

/** What comes over the sockets of runs, logs and runners; a `pong` is no JSON. */
export type Frame = RunEvent | LogMessage | ServerFrame;

const withinMs = 60_000;

export class Player {
	readonly stage: Stage;
	readonly owner: string;
	readonly release: "older" | "newer" | undefined;

	constructor(stage: Stage, owner: string, release?: "older" | "newer") {
		this.stage = stage;
		this.owner = owner;
		this.release = release;
	}

	get repo(): string {
		return `/v1/repos/${this.owner}/web`;
	}

	async call<T = unknown>(
		method: string,
		path: string,
		{ token, body, bytes, headers = {} }: Said = {},
	): Promise<Heard<T>> {
		const answer = await fetch(`${this.stage.url}${path}`, {
			method,
			headers: {
				authorization: `Bearer ${token ?? this.stage.operatorToken}`,
				...(body === undefined ? {} : { "content-type": "application/json" }),
				...(this.release ? { "x-staged-release": this.release } : {}),
				...headers,
			},
			body: bytes ?? (body === undefined ? null : JSON.stringify(body)),
		});
		const text = await answer.text();
		const isJson = /\bjson\b/.test(answer.headers.get("content-type") ?? "");
		return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : text };
	}

	/** Throws unless it is answered with 2xx. */
	async done<T = unknown>(method: string, path: string, said: Said = {}): Promise<T> {
		const { status, body } = await this.call<T>(method, path, said);
		if (status >= 200 && status < 300) return body;
		throw new Error(`${this.owner}: ${method} ${path} was answered with ${status} ${JSON.stringify(body)}`);
	}

	post<T = unknown>(path: string, body: unknown = {}, rest: Said = {}): Promise<T> {
		return this.done<T>("POST", path, { body, ...rest });
	}

	async until<T>(what: string, look: () => Promise<T | null | undefined | false>): Promise<T> {
		for (const endsAt = Date.now() + withinMs; ; await pause(50)) {
			const found = await look();
			if (found !== null && found !== undefined && found !== false) return found;
			if (Date.now() > endsAt) throw new Error(`${this.owner}: not within ${withinMs / 1_000} s: ${what}`);
		}
	}

	/** A WebSocket whose messages are kept in the order in which they came. */
	async socket(
		path: string,
		token = this.stage.operatorToken,
	): Promise<{ heard: Frame[]; pongs: () => number; socket: WebSocket }> {
		const headers: Record<string, string> = path.includes("ticket=") ? {} : { authorization: `Bearer ${token}` };
		if (this.release) headers["x-staged-release"] = this.release;
		const url = `${this.stage.url.replace(/^http/, "ws")}${path}`;
		const socket = new (WebSocket as unknown as new (url: string, options: object) => WebSocket)(url, { headers });
		const heard: Frame[] = [];
		let pongs = 0;
		socket.addEventListener("message", ({ data }) => {
			if (data === "pong") pongs++;
			else heard.push(JSON.parse(String(data)));
		});
		await new Promise((resolve, reject) => {
			socket.addEventListener("open", resolve);
			socket.addEventListener("error", () => reject(new Error(`${this.owner}: no WebSocket at ${path}`)));
		});
		return { heard, pongs: () => pongs, socket };
	}

	// What follows is said often.

	submit(jobs: object[], rest: object = {}, key?: string) {
		const headers: Record<string, string> = key === undefined ? {} : { "idempotency-key": key };
		return this.post<Shown>(`${this.repo}/runs`, { jobs, ...rest }, { headers });
	}

	/** By shard 0, where what an owner's name says of its pools holds: chance would leave a pairing's calls unmade. */
	async register(token: string, name: string, pool = "default") {
		for (;;) {
			const runner = await this.registerAnywhere(token, name, pool);
			if (shardOf(runner) === 0) return runner;
			await this.done("DELETE", `/v1/pools/${this.owner}/${pool}/runners/${runner.id}`);
		}
	}

	registerAnywhere(token: string, name: string, pool: string) {
		return this.post<Registered>(`/v1/pools/${this.owner}/${pool}/runners`, { name, capacity: 4 }, { token });
	}

	/** The next grant for that runner. */
	grant(runner: { token: string }, held: string[] = []) {
		return this.until("a grant comes", async () => {
			const { status, body } = await this.call<Grant>("POST", "/v1/runner/acquire", {
				token: runner.token,
				body: { waitSeconds: 5, leases: held },
			});
			if (status === 200) return body;
			if (status === 204) return null;
			throw new Error(`${this.owner}: acquire was answered with ${status} ${JSON.stringify(body)}`);
		});
	}

	lease(act: "start" | "steps" | "finish", { lease }: { lease: { token: string } }, body: object = {}) {
		return this.post<LeaseReply>(`/v1/lease/${act}`, body, { token: lease.token });
	}

	append({ lease }: { lease: { token: string } }, offset: number, bytes: string) {
		const headers = { "upload-offset": String(offset), "content-type": "application/octet-stream" };
		return this.call("PATCH", "/v1/lease/log", { token: lease.token, bytes, headers });
	}

	finish(grant: { lease: { token: string } }, outcome: string, logLength: number, rest: object = {}) {
		return this.lease("finish", grant, { outcome, exitCode: outcome === "passed" ? 0 : 1, logLength, ...rest });
	}

	run(id: string) {
		return this.done<Shown>("GET", `${this.repo}/runs/${id}`);
	}

	/** Resolves to the run once it is finished and its logs are in the archive. */
	finished(id: string, outcome: string) {
		return this.until(`the run ${id} is finished`, async () => {
			const run = await this.run(id);
			// A run that is only in the intake shows no jobs.
			const logs = (run.jobs ?? []).flatMap(({ attempts }) => attempts.map(({ log }) => log.state));
			if (run.state !== "finished" || logs.some((state) => state === "live" || state === "sealing")) return null;
			if (run.outcome !== outcome) throw new Error(`${this.owner}: the run ${id} is ${run.outcome}, not ${outcome}`);
			return run;
		});
	}

	/** Takes the next job, prints, and ends it. */
	async work(runner: { token: string }, outcome = "passed"): Promise<Grant> {
		const grant = await this.grant(runner);
		await this.lease("start", grant);
		await this.append(grant, 0, `the log of ${grant.job.key}\n`);
		await this.finish(grant, outcome, `the log of ${grant.job.key}\n`.length);
		return grant;
	}
}

/** What must hold, said with its subject. */
export function must(isSo: boolean, what: string): void {
	if (!isSo) throw new Error(`it does not hold: ${what}`);
}

export const job = (key: string, rest: object = {}) => ({ key, run: "true", ...rest });

/** The first of them; what a test asks about has one. */
export function firstOf<T>(items: readonly T[] | undefined): T {
	const [first] = items ?? [];
	if (first === undefined) throw new Error("there is none");
	return first;
}

/** Over so many objects the stage spreads a pool's runners. */
export const shards = 2;

export function shardOf({ token }: { token: string }): number {
	const payload = token.split("_").slice(2, -1).join("_");
	return JSON.parse(Buffer.from(payload, "base64url").toString()).c.shard;
}

/** Resolves when the list has these. */
export async function listed(player: Player, runs: readonly { id: string }[]): Promise<void> {
	await player.until("the list has the runs", async () => {
		const { items } = await player.done<Page<Run>>("GET", `${player.repo}/runs?limit=100`);
		return runs.every(({ id }) => items.some((shown) => shown.id === id));
	});
}

/** Asks the stage itself, not the build on it; `T` is what `scripts/release/staged-worker.ts` answers to that act. */
export async function control<T = unknown>(stage: Stage, act: string, body?: unknown): Promise<T> {
	const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
	const answer = await fetch(`${stage.url}/staged/${act}`, init);
	must(answer.ok, `the stage does ${act}: ${answer.status}`);
	const text = await answer.text();
	return (text === "" ? null : JSON.parse(text)) as T;
}

export async function moveClock(stage: Stage, ms: number): Promise<void> {
	const { offsetMs } = await control<{ offsetMs: number }>(stage, "stage");
	await control(stage, "stage", { offsetMs: offsetMs + ms });
}
