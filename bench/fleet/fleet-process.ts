// Many runners with a session each, in one process: they take what they are granted and report it as done, without running
// anything. The same process submits, so that one clock tells how long a job waited.
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Grant } from "../../src/contracts/http/runner.ts";
import type { ServerFrame } from "../../src/contracts/wire/sockets/runner-session.ts";
import { Api } from "../api.ts";
import { jobRequest, owner, runRequest } from "../bench.ts";
import type { Burst, OpenCall, Order, Waits } from "./fleet.ts";
import { WebSocket } from "../logs/logs-socket.ts";
import { logLine } from "./protocol-runner.ts";

/** As a runner pings: three fit before a lease is lost. */
const pingMs = 10_000;
const openAtOnce = 20;
/** As many connections as slots, up to this: each has one call at a time, and no start waits for another job's log. */
const connectionsMax = 1_000;
const limitMs = 300_000;

class Runners {
	readonly #call: OpenCall;
	readonly #freeCalls: Api[] = [];
	readonly #queued: Grant[] = [];
	/** By run, who waits for its grant. */
	readonly #wanted = new Map<string, (at: number) => void>();
	readonly #early = new Map<string, number>();
	#failure: string | null = null;
	/** Grants whose start came too late: their jobs are granted again. */
	lapsed = 0;
	finished = 0;
	running = 0;
	busiest = 0;
	pongs = 0;
	#news: () => void = () => {};

	constructor(call: OpenCall) {
		this.#call = call;
	}

	async open(): Promise<null> {
		const { url, token, runners, capacity } = this.#call;
		const connections = Math.min(connectionsMax, runners * capacity);
		for (let at = 0; at < connections; at++) this.#freeCalls.push(await Api.connect(url, token));
		for (let from = 0; from < runners; from += openAtOnce) {
			const some = Array.from({ length: Math.min(openAtOnce, runners - from) }, (_, at) => this.#openOne(from + at));
			await Promise.all(some);
		}
		return null;
	}

	async #openOne(at: number): Promise<void> {
		const { url, pool, capacity, runners } = this.#call;
		const { token } = await this.#withCalls((api) => api.register(owner, pool, `runner-${at}`, capacity));
		const address = `${url.replace("http", "ws")}/v1/runner/session`;
		const socket = new WebSocket(address, { headers: { authorization: `Bearer ${token}` }, perMessageDeflate: false });
		socket.on("message", (data) => this.#hear(String(data)));
		await once(socket, "open");
		socket.on("error", (error) => this.#fail(String(error)));
		socket.on("close", (code) => this.#fail(`a session was closed with ${code}`));
		socket.send(JSON.stringify({ type: "hello", instanceId: `of ${at}`, capacity, leases: [] }));
		// Spread over the time, as those of a thousand machines are.
		setTimeout(() => setInterval(() => socket.send("ping"), pingMs), (at / runners) * pingMs);
	}

	#hear(text: string): void {
		if (text === "pong") this.pongs++;
		else this.#take(JSON.parse(text) as ServerFrame);
	}

	#take(frame: ServerFrame): void {
		if (frame.type !== "grant") {
			this.#fail(`an unexpected frame: ${frame.type}`);
			return;
		}
		const { id } = frame.grant.run;
		const at = performance.now();
		this.running++;
		this.busiest = Math.max(this.busiest, this.running);
		const wanted = this.#wanted.get(id);
		if (wanted) wanted(at);
		else this.#early.set(id, at);
		this.#queued.push(frame.grant);
		void this.#perform().catch((error: unknown) => this.#fail(String(error)));
	}

	async #perform(): Promise<void> {
		const grant = this.#queued.shift();
		if (!grant) return;
		const { token } = grant.lease;
		const isDone = await this.#withCalls(async (api) => {
			if (!(await api.startInTime(token))) return false;
			await api.appendLog(token, logLine);
			const job = await api.finish(token, logLine.length);
			if (job.outcome !== "passed") throw new Error(`a job ended as ${job.state} ${job.outcome}`);
			return true;
		});
		this.running--;
		if (isDone) this.finished++;
		else this.lapsed++;
		this.#news();
	}

	readonly #waitingForCalls: ((api: Api) => void)[] = [];

	async #withCalls<T>(work: (api: Api) => Promise<T>): Promise<T> {
		const free = this.#freeCalls.pop();
		const api = free ?? (await new Promise<Api>((resolve) => this.#waitingForCalls.push(resolve)));
		try {
			return await work(api);
		} finally {
			const next = this.#waitingForCalls.shift();
			if (next) next(api);
			else this.#freeCalls.push(api);
		}
	}

	#fail(failure: string): void {
		this.#failure ??= failure;
		this.#news();
	}

	/** Resolves when so many jobs have been finished in all. */
	async #untilFinished(count: number): Promise<void> {
		const endsAt = performance.now() + limitMs;
		while (this.finished < count) {
			if (this.#failure !== null) throw new Error(this.#failure);
			if (performance.now() > endsAt) throw new Error(`${this.finished} of ${count} jobs were finished`);
			const heard = new Promise<void>((resolve) => {
				this.#news = resolve;
			});
			await Promise.race([heard, sleep(1_000)]);
		}
	}

	/** Submits a run of one job: when it was answered, and when its grant came. */
	async #submitOne(api: Api): Promise<{ submittedMs: number; granted: Promise<number> }> {
		const startedAt = performance.now();
		const { id } = await api.submit(owner, this.#call.repo, runRequest("Fix", [jobRequest("test", this.#call.pool)]));
		const submittedMs = performance.now() - startedAt;
		const granted = new Promise<number>((resolve) => {
			const early = this.#early.get(id);
			this.#early.delete(id);
			if (early === undefined) this.#wanted.set(id, (at) => resolve(at - startedAt));
			else resolve(early - startedAt);
		});
		return { submittedMs, granted };
	}

	async single(count: number, pauseMs: number): Promise<Waits> {
		const waits: Waits = { grantedMs: [], submittedMs: [] };
		const api = await Api.connect(this.#call.url, this.#call.token);
		for (let done = 0; done < count; done++) {
			const before = this.finished;
			await sleep(pauseMs + Math.random() * pauseMs);
			const { submittedMs, granted } = await this.#submitOne(api);
			waits.submittedMs.push(submittedMs);
			waits.grantedMs.push(await granted);
			await this.#untilFinished(before + 1);
		}
		api.close();
		return sorted(waits);
	}

	async burst(count: number): Promise<Burst> {
		const { pool, repo, url, token } = this.#call;
		const api = await Api.connect(url, token);
		const before = this.finished;
		this.lapsed = 0;
		const startedAt = performance.now();
		for (let made = 0; made < count; made += 100) {
			const jobs = Array.from({ length: Math.min(100, count - made) }, (_, at) => jobRequest(`test-${at}`, pool));
			await api.submit(owner, repo, runRequest("Test everything", jobs));
		}
		await this.#untilFinished(before + count);
		api.close();
		this.#early.clear();
		return { elapsedMs: performance.now() - startedAt, lapsed: this.lapsed };
	}

	async paced(count: number, perSecond: number): Promise<Waits & { busiest: number }> {
		const before = this.finished;
		this.busiest = this.running;
		const waits: Waits = { grantedMs: [], submittedMs: [] };
		const startedAt = performance.now();
		const under: Promise<void>[] = [];
		for (let made = 0; made < count; made++) {
			const dueAt = startedAt + (made / perSecond) * 1_000;
			await sleep(Math.max(0, dueAt - performance.now()));
			under.push(
				this.#withCalls((api) => this.#submitOne(api)).then(async ({ submittedMs, granted }) => {
					waits.submittedMs.push(submittedMs);
					waits.grantedMs.push(await granted);
				}),
			);
		}
		await this.#untilFinished(before + count);
		await Promise.all(under);
		return { ...sorted(waits), busiest: this.busiest };
	}
}

function sorted({ grantedMs, submittedMs }: Waits): Waits {
	return { grantedMs: grantedMs.sort((a, b) => a - b), submittedMs: submittedMs.sort((a, b) => a - b) };
}

let runners: Runners | null = null;

async function obey(order: Order): Promise<unknown> {
	if ("open" in order) {
		runners = new Runners(order.open);
		return runners.open();
	}
	if (runners === null) throw new Error("open first");
	if ("single" in order) return runners.single(order.single.count, order.single.pauseMs);
	if ("burst" in order) return runners.burst(order.burst.count);
	if ("paced" in order) return runners.paced(order.paced.count, order.paced.perSecond);
	return runners.pongs;
}

process.on("message", (order: Order) => {
	obey(order).then(
		(answer) => process.send?.({ answer }),
		(error: unknown) => process.send?.({ error: String(error) }),
	);
});
process.on("disconnect", () => process.exit());
// The bench decides when to end: ctrl-c reaches the whole process group.
process.on("SIGINT", () => {});
