// What every measurement is given: a server, the floors, a load generator, and the rules of measuring fairly on a machine that
// others use too. A figure alone says little there; its ratio to floors measured just before and just after says more.
import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Api } from "./api.ts";
import { Child } from "./child.ts";
import { liftLimits } from "./lifted-limits.ts";
import type { Load, LoadResult } from "./accept/load.ts";
import { mean } from "./percentile.ts";

export interface Serving {
	url: string;
	operatorToken: string;
}

export interface Floors {
	call: LoadResult;
	insert: LoadResult;
}

export interface FlooredRound<T> {
	value: T;
	/** Each the mean of the floor before and the floor after. */
	call: { perSecond: number; p50Ms: number };
	insert: { perSecond: number; p50Ms: number };
}

/** Everything belongs to one owner; each measurement has a repository and a pool of its own, so that none inherits a queue. */
export const owner = "bench";

const settleLookMs = 250;
const settleMs = 60_000;
/** A server that uses less than this part of a processor has nothing left to do. */
const idlePart = 0.06;

export class Bench {
	readonly isQuick: boolean;
	readonly floor: Child<{ url: string }>;
	readonly server: Child<Serving>;
	readonly api: Api;
	/** Of `owner`, with all scopes. */
	readonly token: string;
	readonly #home: Home;

	private constructor(home: Home, { floor, server, api, token }: Pick<Bench, "floor" | "server" | "api" | "token">) {
		this.#home = home;
		this.isQuick = home.isQuick;
		this.floor = floor;
		this.server = server;
		this.api = api;
		this.token = token;
	}

	static async start(home: Home): Promise<Bench> {
		const floor = await home.startFloor();
		const server = await home.startServer();
		await liftLimits(server.ready, { owner, repo: null });
		return new Bench(home, { floor, server, ...(await enter(server)) });
	}

	load(load: Load): Promise<LoadResult> {
		return this.#home.load(load);
	}

	/**
	 * A server of its own for a measurement that must begin with an untouched one. The caller stops it. `hasLimits`: the calls of
	 * its tokens are counted as anybody's.
	 */
	async startAnother({
		hasLimits = false,
	} = {}): Promise<{ server: Child<Serving>; api: Api; token: string; data: string }> {
		const data = await this.#home.folder();
		const server = await this.#home.startServer(data);
		if (!hasLimits) await liftLimits(server.ready, { owner, repo: null });
		return { server, data, ...(await enter(server)) };
	}

	/** Measures `rounds` times, with the floors at as many connections before, between and after. */
	async floored<T>(
		{ rounds, connections }: { rounds: number; connections: number },
		measure: () => Promise<T>,
	): Promise<FlooredRound<T>[]> {
		const measured: FlooredRound<T>[] = [];
		await settle(this.server);
		let before = await this.floors(connections);
		for (let round = 0; round < rounds; round++) {
			const value = await measure();
			await settle(this.server);
			const after = await this.floors(connections);
			measured.push({ value, call: between(before.call, after.call), insert: between(before.insert, after.insert) });
			before = after;
		}
		return measured;
	}

	async floors(connections: number): Promise<Floors> {
		const ask = async (path: string) => {
			const request = { method: "POST", path, body: JSON.stringify(singleJobRun) };
			const durationMs = this.isQuick ? 500 : 1_000;
			const load = { url: this.floor.ready.url, connections, durationMs, countMax: 100_000, keyPrefix: null };
			return need(await this.load({ ...load, request, status: 201 }));
		};
		return { call: await ask("/call"), insert: await ask("/insert") };
	}
}

async function enter(server: Child<Serving>): Promise<{ api: Api; token: string }> {
	const operator = await Api.connect(server.ready.url, server.ready.operatorToken);
	const { token } = await operator.createToken(owner, ["read", "write", "admin", "runner:register"]);
	operator.close();
	return { api: await Api.connect(server.ready.url, token), token };
}

/** What a person writes in a job of one step; 100 of these are about 14 KB. */
export function jobRequest(key: string, pool: string): object {
	return { key, name: `Test ${key}`, steps: [{ name: "test", run: "npm ci && npm test" }], env: { CI: "true" }, pool };
}

const singleJobRun = { title: "Fix the build", jobs: [jobRequest("test", "nobody")] };

export function runRequest(title: string, jobs: object[]): object {
	return { title, jobs };
}

/** A failed request means that something else was measured than what was meant. */
export function need(result: LoadResult): LoadResult {
	if (result.failures > 0) throw new Error(`${result.failures} requests failed, first: ${result.failure}`);
	if (result.done === 0) throw new Error("no request was answered in the time given");
	return result;
}

/** Waits until the server has done what it does after its answers (messages, projection). Its processor time until then. */
export async function settle(server: Child<Serving>): Promise<number> {
	const before = server.usage()?.cpuMs ?? 0;
	let used = before;
	for (let waitedMs = 0; waitedMs < settleMs; waitedMs += settleLookMs) {
		await sleep(settleLookMs);
		const now = server.usage()?.cpuMs ?? 0;
		if (now - used < settleLookMs * idlePart && waitedMs >= 1_000) return now - before;
		used = now;
	}
	throw new Error(`the server is still busy after ${settleMs / 1_000} s without requests`);
}

function between(before: LoadResult, after: LoadResult): { perSecond: number; p50Ms: number } {
	return {
		perSecond: mean([before.perSecond, after.perSecond]),
		p50Ms: mean([before.p50Ms, after.p50Ms]),
	};
}

/** Owns all processes and folders of one bench, and takes them away again whatever happened. */
export class Home {
	readonly isQuick: boolean;
	readonly #children: Child<unknown>[] = [];
	readonly #folders: string[] = [];
	#generator: ChildProcess | null = null;

	constructor(isQuick: boolean) {
		this.isQuick = isQuick;
	}

	async startServer(data?: string): Promise<Child<Serving>> {
		const program = fileURLToPath(new URL("../dist/spillway.js", import.meta.url));
		const folder = data ?? (await this.folder());
		return this.#start<Serving>([program, "serve", "--port", "0", "--json", "--data", folder]);
	}

	async startFloor(): Promise<Child<{ url: string }>> {
		return this.#start([fileURLToPath(new URL("./floor/floor-server.ts", import.meta.url)), await this.folder()]);
	}

	startBare(): Promise<Child<{ url: string }>> {
		return this.#start([fileURLToPath(new URL("./floor/bare-server.ts", import.meta.url))]);
	}

	async load(load: Load): Promise<LoadResult> {
		this.#generator ??= fork(fileURLToPath(new URL("./accept/load-process.ts", import.meta.url)));
		const answered = once(this.#generator, "message");
		this.#generator.send(load);
		const [{ result, error }] = (await answered) as [{ result?: LoadResult; error?: string }];
		if (result === undefined) throw new Error(`the load could not be made: ${error}`);
		return result;
	}

	/** What the servers wrote to their standard errors. */
	complaints(): string[] {
		return this.#children.flatMap((child) => child.complaints);
	}

	async close(): Promise<void> {
		this.#generator?.kill();
		await Promise.all(this.#children.map((child) => child.stop()));
		for (const folder of this.#folders) await rm(folder, { recursive: true, force: true });
	}

	async #start<Ready>(args: string[]): Promise<Child<Ready>> {
		const child = await Child.start<Ready>(args);
		this.#children.push(child);
		return child;
	}

	/** Taken away at the end. */
	async folder(): Promise<string> {
		const folder = await mkdtemp(join(tmpdir(), "spillway-bench-"));
		this.#folders.push(folder);
		return folder;
	}
}
