// A day of one owner, by plain HTTP and WebSockets, so that any build can be asked for it: each call of the API that makes an
// object call another at least once, each with what must come of it.
import { setTimeout as pause } from "node:timers/promises";

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

export interface Heard {
	status: number;
	headers: Headers;
	// biome-ignore lint/suspicious/noExplicitAny: whatever build answers
	body: any;
}

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

	async call(method: string, path: string, { token, body, bytes, headers = {} }: Said = {}): Promise<Heard> {
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
	async done(method: string, path: string, said: Said = {}): Promise<Heard["body"]> {
		const { status, body } = await this.call(method, path, said);
		if (status >= 200 && status < 300) return body;
		throw new Error(`${this.owner}: ${method} ${path} was answered with ${status} ${JSON.stringify(body)}`);
	}

	post(path: string, body: unknown = {}, rest: Said = {}): Promise<Heard["body"]> {
		return this.done("POST", path, { body, ...rest });
	}

	async until<T>(what: string, look: () => Promise<T | null | undefined | false>): Promise<T> {
		for (const endsAt = Date.now() + withinMs; ; await pause(50)) {
			const found = await look();
			if (found !== null && found !== undefined && found !== false) return found;
			if (Date.now() > endsAt) throw new Error(`${this.owner}: not within ${withinMs / 1_000} s: ${what}`);
		}
	}

	/** A WebSocket whose messages are kept in the order in which they came. */
	async socket(path: string, token = this.stage.operatorToken): Promise<{ heard: Heard["body"][]; socket: WebSocket }> {
		const headers: Record<string, string> = path.includes("ticket=") ? {} : { authorization: `Bearer ${token}` };
		if (this.release) headers["x-staged-release"] = this.release;
		const url = `${this.stage.url.replace(/^http/, "ws")}${path}`;
		const socket = new (WebSocket as unknown as new (url: string, options: object) => WebSocket)(url, { headers });
		const heard: unknown[] = [];
		socket.addEventListener("message", ({ data }) => heard.push(data === "pong" ? data : JSON.parse(String(data))));
		await new Promise((resolve, reject) => {
			socket.addEventListener("open", resolve);
			socket.addEventListener("error", () => reject(new Error(`${this.owner}: no WebSocket at ${path}`)));
		});
		return { heard, socket };
	}

	// What follows is said often.

	submit(jobs: object[], rest: object = {}, key?: string) {
		const headers: Record<string, string> = key === undefined ? {} : { "idempotency-key": key };
		return this.post(`${this.repo}/runs`, { jobs, ...rest }, { headers });
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
		return this.post(`/v1/pools/${this.owner}/${pool}/runners`, { name, capacity: 4 }, { token });
	}

	/** The next grant for that runner. */
	grant(runner: { token: string }, held: string[] = []) {
		return this.until("a grant comes", async () => {
			const { status, body } = await this.call("POST", "/v1/runner/acquire", {
				token: runner.token,
				body: { waitSeconds: 5, leases: held },
			});
			if (status === 200) return body;
			if (status === 204) return null;
			throw new Error(`${this.owner}: acquire was answered with ${status} ${JSON.stringify(body)}`);
		});
	}

	lease(act: "start" | "steps" | "finish", { lease }: { lease: { token: string } }, body: object = {}) {
		return this.post(`/v1/lease/${act}`, body, { token: lease.token });
	}

	append({ lease }: { lease: { token: string } }, offset: number, bytes: string) {
		const headers = { "upload-offset": String(offset), "content-type": "application/octet-stream" };
		return this.call("PATCH", "/v1/lease/log", { token: lease.token, bytes, headers });
	}

	finish(grant: { lease: { token: string } }, outcome: string, logLength: number, rest: object = {}) {
		return this.lease("finish", grant, { outcome, exitCode: outcome === "passed" ? 0 : 1, logLength, ...rest });
	}

	run(id: string) {
		return this.done("GET", `${this.repo}/runs/${id}`);
	}

	/** Resolves to the run once it is finished and its logs are in the archive. */
	finished(id: string, outcome: string) {
		return this.until(`the run ${id} is finished`, async () => {
			const run = await this.run(id);
			const logs = (run.jobs ?? []).flatMap(({ attempts }: { attempts: { log: { state: string } }[] }) =>
				attempts.map(({ log }) => log.state),
			);
			if (run.state !== "finished" || logs.some((state: string) => state === "live" || state === "sealing"))
				return null;
			if (run.outcome !== outcome) throw new Error(`${this.owner}: the run ${id} is ${run.outcome}, not ${outcome}`);
			return run;
		});
	}

	/** Takes the next job, prints, and ends it. */
	async work(runner: { token: string }, outcome = "passed"): Promise<Heard["body"]> {
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

/** Resolves when all of it has come to its end. */
export async function playDay(player: Player): Promise<void> {
	await settings(player);
	const { token } = await registration(player);
	const runner = await player.register(token, "one");
	await aRun(player, runner);
	await retries(player, runner);
	await cancels(player, runner);
	for (let shard = 0; shard < shards; shard++) await sessions(player, { token, shard });
	await revoked(player);
}

async function settings(player: Player): Promise<void> {
	const { repo, owner } = player;
	await player.done("PUT", repo, { body: { maxRunning: 20, concurrencyGroups: { one: { limit: 1 } } } });
	must(
		(await player.done("PATCH", repo, { body: { retentionDays: 400 } })).maxRunning === 20,
		"a PATCH keeps the rest",
	);
	must((await player.done("GET", repo)).retentionDays === 400, "the settings are as they were put");
	await player.done("PUT", `${repo}/secrets/TOKEN`, { body: { value: "a secret of a test" } });
	await player.done("PUT", `${repo}/secrets/OTHER`, { body: { value: "another" } });
	await player.done("DELETE", `${repo}/secrets/OTHER`);
	const { items } = await player.done("GET", `${repo}/secrets`);
	must(JSON.stringify(items).includes("TOKEN") && !JSON.stringify(items).includes("OTHER"), "one secret is there");
	must((await player.done("GET", `${repo}/queue`)).waiting === 0, "nothing waits");
	await player.done("GET", `/v1/pools/${owner}/default`);
}

function registration(player: Player): Promise<{ token: string; id: string }> {
	return player.post("/v1/tokens", { owner: player.owner, name: "runners", scopes: ["runner:register"] });
}

async function aRun(player: Player, runner: { token: string }): Promise<void> {
	const { repo } = player;
	const asked = () =>
		player.submit([job("a", { secrets: ["TOKEN"] }), job("b", { needs: ["a"] })], { title: "a run" }, "the first");
	const run = await asked();
	must((await asked()).id === run.id, "the same key and body are the same run");
	must((await player.done("GET", `${repo}/runs/${run.number}`)).id === run.id, "a run is found by its number");
	must((await player.done("GET", `${repo}/runs/${run.id}/jobs?limit=1`)).items.length === 1, "jobs come by pages");
	await player.done("GET", `${repo}/runs/${run.id}/jobs/a`);
	await player.done("PATCH", `${repo}/jobs/${run.jobs[0].id}`, { body: { priority: 5 } });
	const events = await player.socket(`${repo}/runs/${run.id}/events`);
	await player.until("the run's state comes", async () => events.heard[0]?.type === "snapshot");
	const grant = await player.grant(runner);
	must(grant.job.secrets.TOKEN === "a secret of a test", "the grant has the job's secret");
	must((await player.lease("start", grant)).job.state === "running", "a started job runs");
	const added = await player.post(`${repo}/runs/${run.id}/jobs`, { jobs: [job("c")] });
	must(added.jobs.length === 3, "a job was added");
	await player.append(grant, 0, "one\n");
	const reader = await player.post("/v1/tokens", { owner: player.owner, name: "reads", scopes: ["read"] });
	const { ticket } = await player.post("/v1/tickets", {}, { token: reader.token });
	const attempt = `${repo}/jobs/${grant.job.id}/attempts/1/log`;
	const view = await player.socket(`${attempt}/live?ticket=${encodeURIComponent(ticket)}`);
	await player.append(grant, 4, "two\n");
	await player.until(
		"the viewer has both lines",
		async () => view.heard.map(({ text }) => text).join("") === "one\ntwo\n",
	);
	must((await player.done("GET", attempt)) === "one\ntwo\n", "a log that is written can be read");
	const step = { name: "step 1", exitCode: 0, logStart: 0, logEnd: 8 };
	await player.lease("steps", grant, { steps: [step] });
	await player.call("POST", "/v1/runner/heartbeat", { token: runner.token, body: { leases: [grant.lease.id] } });
	await player.finish(grant, "passed", 8, { steps: [step] });
	await player.work(runner);
	await player.work(runner);
	const ended = await player.finished(run.id, "passed");
	must(ended.jobs[0].attempts[0].steps[0].logEnd === 8, "the steps are as they were told");
	must((await player.done("GET", attempt)) === "one\ntwo\n", "a log in the archive can be read");
	await player.until("the watcher hears of the end", async () =>
		events.heard.some(({ type, run: shown }) => type === "run" && shown.state === "finished"),
	);
	await player.until("the viewer hears of the end", async () => view.heard.some(({ type }) => type === "end"));
	events.socket.close();
	view.socket.close();
	await player.until("the list has the run", async () => {
		const { items } = await player.done("GET", `${repo}/runs`);
		return items.some(({ id, state }: { id: string; state: string }) => id === run.id && state === "finished");
	});
}

async function retries(player: Player, runner: { token: string }): Promise<void> {
	const { repo } = player;
	const retry = { maxAttempts: 2, on: [{ exitCodes: [1] }], backoff: { initialSeconds: 0, jitter: "none" } };
	const run = await player.submit([job("fails", { retry, labels: [] })]);
	await player.work(runner, "failed");
	await player.work(runner, "failed");
	const failed = await player.finished(run.id, "failed");
	must(failed.jobs[0].attempts.length === 2, "a rule retried it once");
	const key = (of: string) => ({ headers: { "idempotency-key": `retry of ${of}` } });
	await player.post(`${repo}/jobs/${failed.jobs[0].id}/retry`, { reason: "by hand" }, key("a job"));
	await player.work(runner, "failed");
	await player.finished(run.id, "failed");
	await player.post(`${repo}/runs/${run.id}/retry`, { only: "failed" }, key("a run"));
	await player.work(runner, "failed");
	await player.finished(run.id, "failed");
	const bulk = await player.post(`${repo}/retry`, { outcome: ["failed"], reason: "all" }, key("all"));
	must(JSON.stringify(bulk).includes(run.id), "the bulk retry found the run");
	await player.work(runner);
	must((await player.finished(run.id, "passed")).jobs[0].attempts.length === 5, "each retry is an attempt");
}

async function cancels(player: Player, runner: { token: string }): Promise<void> {
	const { repo } = player;
	const one = await player.submit([job("canceled")]);
	const grant = await player.grant(runner);
	await player.lease("start", grant);
	await player.append(grant, 0, "begun\n");
	await player.post(`${repo}/jobs/${grant.job.id}/cancel`, { reason: "not needed" });
	const beat = await player.call("POST", "/v1/runner/heartbeat", {
		token: runner.token,
		body: { leases: [grant.lease.id] },
	});
	must(beat.body.leases?.[0]?.state === "canceling", "a heartbeat says that the job is being canceled");
	await player.finish(grant, "canceled", 6);
	await player.finished(one.id, "canceled");
	const two = await player.submit([job("waits", { labels: ["none-has-it"] })]);
	await player.post(`${repo}/runs/${two.id}/cancel`, { reason: "not needed" });
	await player.finished(two.id, "canceled");
	const three = await player.submit([job("waits", { labels: ["none-has-it"] })]);
	await player.post(`${repo}/cancel`, { state: ["waiting"] });
	await player.finished(three.id, "canceled");
}

/** Over so many objects the stage spreads a pool's runners. */
const shards = 2;

function shardOf({ token }: { token: string }): number {
	const payload = token.split("_").slice(2, -1).join("_");
	return JSON.parse(Buffer.from(payload, "base64url").toString()).c.shard;
}

/** Grants by a session, one that goes without a word, and runners that are drained, removed, put out. */
async function sessions(player: Player, { token, shard }: { token: string; shard: number }): Promise<void> {
	const { owner, repo } = player;
	const pool = `/v1/pools/${owner}/other-${shard}`;
	await player.done("PATCH", pool, { body: { paused: true, pauseNote: "wait" } });
	const place = { pool: `other-${shard}` };
	const run = await player.submit([job("s", place), job("t", { ...place, onLost: "fail" })]);
	const runners: { id: string; token: string }[] = [];
	while (new Set(runners.map(shardOf)).size < shards) {
		runners.push(await player.registerAnywhere(token, `runner ${runners.length}`, place.pool));
	}
	const runner = runners.find((each) => shardOf(each) === shard);
	if (!runner) throw new Error(`no runner is of shard ${shard}`);
	await player.until(
		"the run says why it waits",
		async () => (await player.run(run.id)).jobs[0].waiting.code === "paused",
	);
	await player.done("PATCH", pool, { body: { paused: false } });
	const hello = { type: "hello", instanceId: "i1", capacity: 2, leases: [] as string[] };
	const session = await player.socket("/v1/runner/session", runner.token);
	session.socket.send(JSON.stringify(hello));
	const grants = await player.until("the session brings both grants", async () => {
		const found = session.heard.filter(({ type }) => type === "grant");
		return found.length === 2 ? found.map(({ grant }) => grant) : null;
	});
	const [first, second] = grants[0].job.key === "s" ? grants : grants.toReversed();
	for (const grant of [first, second]) await player.lease("start", grant);
	await player.append(first, 0, "said\n");
	await player.append(second, 0, "said\n");
	session.socket.send("ping");
	await player.until("a ping is answered", async () => session.heard.includes("pong"));
	session.socket.close();
	const again = await player.socket("/v1/runner/session", runner.token);
	// It has forgotten the second: that one is lost.
	again.socket.send(JSON.stringify({ ...hello, instanceId: "i2", leases: [first.lease.id] }));
	await player.until("the forgotten job is lost", async () => {
		const shown = await player.run(run.id);
		return shown.jobs.find(({ key }: { key: string }) => key === "t").outcome === "lost";
	});
	await player.finish(first, "passed", 5);
	await player.done("PATCH", `${pool}/runners/${runner.id}`, { body: { draining: true } });
	await player.until("the session hears of the drain", async () => again.heard.some(({ type }) => type === "drain"));
	again.socket.send(JSON.stringify({ type: "bye" }));
	// The lost attempt's log is kept open for some minutes: what a killed runner left may come.
	await player.until("the run has failed", async () => (await player.run(run.id)).outcome === "failed");
	await player.done("PATCH", pool, { body: { pauseNote: "told to each shard" } });
	for (const { id } of runners) await player.done("DELETE", `${pool}/runners/${id}`);
	must((await player.done("GET", pool)).runners.length === 0, "no runner is left in the other pool");
	await player.done("GET", `/v1/pools/${owner}`);
	await player.done("GET", `${repo}/queue`);
}

async function revoked(player: Player): Promise<void> {
	const { token, id } = await registration(player);
	const runner = await player.register(token, "four", "third");
	const session = await player.socket("/v1/runner/session", runner.token);
	session.socket.send(JSON.stringify({ type: "hello", instanceId: "i1", capacity: 1, leases: [] }));
	const closed = new Promise((resolve) => session.socket.addEventListener("close", resolve));
	await player.done("DELETE", `/v1/tokens/${id}`);
	await closed;
	must((await player.call("GET", player.repo, { token })).status === 401, "a revoked token opens nothing");
}

/** What needs time between two calls, and what needs all owners at once. */
export async function playEvening(stage: Stage, players: readonly Player[]): Promise<void> {
	const open = await Promise.all(players.map(beginLongJob));
	for (const isHeard of [true, false, true, true]) {
		await moveClock(stage, 20_000);
		await Promise.all(open.map((work) => goOn(work, isHeard)));
	}
	// The sweep asks about what the read model has as unfinished.
	await Promise.all(open.map(({ player, run, waiting }) => listed(player, [run, waiting])));
	for (const release of ["older", "newer"]) await control(stage, "sweep", { release });
	await Promise.all(open.map((work) => endLongJob(work)));
	await playSpill(stage, players);
}

/** Resolves when the list has these. */
export async function listed(player: Player, runs: readonly { id: string }[]): Promise<void> {
	await player.until("the list has the runs", async () => {
		const { items } = (await player.done("GET", `${player.repo}/runs?limit=100`)) as { items: { id: string }[] };
		return runs.every(({ id }) => items.some((shown) => shown.id === id));
	});
}

interface LongJob {
	player: Player;
	run: { id: string };
	/** Nobody takes it. */
	waiting: { id: string };
	runner: { token: string };
	grant: Heard["body"];
	length: number;
}

async function beginLongJob(player: Player): Promise<LongJob> {
	const { token } = await registration(player);
	const runner = await player.register(token, "long", "long");
	const run = await player.submit([job("long", { pool: "long" })]);
	const waiting = await player.submit([job("waits", { pool: "long", labels: ["none-has-it"] })]);
	const grant = await player.grant(runner);
	await player.lease("start", grant);
	return { player, run, waiting, runner, grant, length: 0 };
}

/** `isHeard`: its runner says that it holds the lease; else the log alone renews it. */
async function goOn(work: LongJob, isHeard: boolean): Promise<void> {
	const { player, runner, grant } = work;
	if (isHeard)
		await player.call("POST", "/v1/runner/heartbeat", { token: runner.token, body: { leases: [grant.lease.id] } });
	const { status, body } = await player.append(grant, work.length, "more\n");
	must(status < 300, `an append is taken: ${status} ${JSON.stringify(body)}`);
	work.length += "more\n".length;
	await player.done("GET", `/v1/pools/${player.owner}/long`);
}

async function endLongJob({ player, run, waiting, grant, length }: LongJob): Promise<void> {
	await player.post(`${player.repo}/runs/${waiting.id}/cancel`);
	await player.finish(grant, "passed", length);
	await player.finished(run.id, "passed");
}

async function playSpill(stage: Stage, players: readonly Player[]): Promise<void> {
	await control(stage, "stage", { isHoldingIntake: true });
	for (const release of ["older", "newer"] as const) {
		const operator = new Player(stage, "none", release);
		await operator.done("PATCH", "/v1/switches", { body: { spill: "always" } });
	}
	const spilled = await Promise.all(
		players.map(async (player) => {
			const run = await player.submit([job("spilled", { pool: "spilled" })], {}, "spilled");
			must(run.spilled, "the run was spilled");
			const gone = await player.submit([job("gone", { pool: "spilled" })]);
			await player.post(`${player.repo}/runs/${gone.id}/cancel`);
			return { player, run, gone };
		}),
	);
	await control(stage, "stage", { isHoldingIntake: false });
	for (const release of ["older", "newer"] as const) {
		const operator = new Player(stage, "none", release);
		await operator.done("PATCH", "/v1/switches", { body: { spill: "auto" } });
	}
	for (const { owner, release } of players) {
		const bodies = [{ bell: "intake", owner, repo: "web" }];
		await control(stage, "consume", { release, queue: "spillway-intake", bodies });
	}
	await Promise.all(
		spilled.map(async ({ player, run, gone }) => {
			const { token } = await registration(player);
			const runner = await player.register(token, "after", "spilled");
			await player.work(runner);
			await player.finished(run.id, "passed");
			await player.finished(gone.id, "canceled");
		}),
	);
}

// biome-ignore lint/suspicious/noExplicitAny: whatever the stage answers
export async function control(stage: Stage, act: string, body?: unknown): Promise<any> {
	const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
	const answer = await fetch(`${stage.url}/staged/${act}`, init);
	must(answer.ok, `the stage does ${act}: ${answer.status}`);
	const text = await answer.text();
	return text === "" ? null : JSON.parse(text);
}

export async function moveClock(stage: Stage, ms: number): Promise<void> {
	const { offsetMs } = await control(stage, "stage");
	await control(stage, "stage", { offsetMs: offsetMs + ms });
}
