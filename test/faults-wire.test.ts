// All of it with plain HTTP and WebSockets: the test is the user, the runner and the viewer, as `curl` and a WebSocket client
// would be. The server is a real one; nothing of `src/client` is used.
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { FinishRequest } from "../src/contracts/http/lease.ts";
import type { LogMessage } from "../src/contracts/http/streams/log-stream.ts";
import type { Job, Run } from "../src/contracts/http/run.ts";
import type { RunEvent } from "../src/contracts/http/streams/run-events.ts";
import type { Grant, Registered } from "../src/contracts/http/runner.ts";
import type { ServerFrame } from "../src/contracts/wire/sockets/runner-session.ts";
import type { TokenMade } from "../src/contracts/http/token.ts";
import { Site } from "./fixture-site.ts";
import { until } from "./fixture-until.ts";
import type { Answer } from "./fixture-wire.ts";
import { collect, events, reader, send, Wire } from "./fixture-wire.ts";

const path = "/v1/repos/acme/web";

let site: Site;
let user: string;
beforeAll(async () => {
	site = await Site.open();
	user = await tokenFor("read", "write");
});
afterAll(() => site.close());

function urlOf(place: string): string {
	return site.ready.url + place;
}

async function tokenFor(...scopes: string[]): Promise<string> {
	const request = { token: site.ready.operatorToken, json: { owner: "acme", name: "test", scopes } };
	const { status, body } = await send<TokenMade>("POST", urlOf("/v1/tokens"), request);
	expect(status).toBe(201);
	return body.token;
}

/** A pool of its own for each test, so that none takes another's job. */
async function register(pool: string): Promise<Registered> {
	const token = await tokenFor("runner:register");
	const json = { name: "plain", labels: ["linux"], capacity: 1 };
	const { status, body } = await send<Registered>("POST", urlOf(`/v1/pools/acme/${pool}/runners`), { token, json });
	expect(status).toBe(201);
	return body;
}

async function submit(pool: string): Promise<Run & { job: Job }> {
	const json = { jobs: [{ key: "test", pool, steps: [{ name: "one", run: "true" }] }] };
	const { status, body } = await send<Run>("POST", urlOf(`${path}/runs`), { token: user, json });
	const [job] = body.jobs ?? [];
	expect(status).toBe(201);
	if (!job) throw new Error("a run without its job");
	return { ...body, job };
}

function acquire(token: string, waitSeconds: number): Promise<Answer<Grant>> {
	return send<Grant>("POST", urlOf("/v1/runner/acquire"), { token, json: { waitSeconds, leases: [] } });
}

async function jobOf(id: string): Promise<Job> {
	return (await send<Job>("GET", urlOf(`${path}/jobs/${id}`), { token: user })).body;
}

function leaseCall<T = { job: Job }>(
	grant: Grant,
	call: "start" | "steps" | "finish",
	json: unknown,
): Promise<Answer<T>> {
	return send<T>("POST", urlOf(`/v1/lease/${call}`), { token: grant.lease.token, json });
}

/** An append: status, the length that the log has then, and how the lease stands. */
async function append(grant: Grant, offset: number, bytes: string): Promise<[number, string | null, string | null]> {
	const headers = { "upload-offset": String(offset) };
	const answer = await send("PATCH", urlOf("/v1/lease/log"), { token: grant.lease.token, headers, bytes });
	return [answer.status, answer.headers.get("upload-offset"), answer.headers.get("lease-state")];
}

function passedWith(log: string): FinishRequest {
	return { outcome: "passed", exitCode: 0, logLength: Buffer.byteLength(log), logSha256: sha256(log) };
}

function sha256(text: string): string {
	return createHash("sha256").update(text).digest("hex");
}

/** A runner that holds a started job. */
async function started(pool: string): Promise<{ runner: Registered; grant: Grant; run: Run; job: string }> {
	const runner = await register(pool);
	expect((await acquire(runner.token, 0)).status).toBe(204);
	// First the question, then the work: a long poll that waits.
	const polled = acquire(runner.token, 30);
	const { job, ...run } = await submit(pool);
	const { status, body: grant } = await polled;
	expect([status, grant.job.id, grant.run.id, grant.job.steps]).toEqual([
		200,
		job.id,
		run.id,
		[{ name: "one", run: "true" }],
	]);
	const { status: begun, headers, body } = await leaseCall(grant, "start", {});
	expect([begun, headers.get("lease-state"), body.job.state]).toEqual([200, "ok", "running"]);
	return { runner, grant, run, job: job.id };
}

it("[F8] a runner of plain HTTP does a job: log with overlap and gap, steps, finish; a user reads what became of it", async () => {
	const { grant, run, job } = await started("whole");
	expect(await append(grant, 0, "hello ")).toEqual([204, "6", "ok"]);
	expect(await append(grant, 3, "lo world\n")).toEqual([204, "12", "ok"]);
	expect(await append(grant, 0, "hello ")).toEqual([204, "12", "ok"]);
	expect(await append(grant, 13, "late")).toEqual([409, "12", "ok"]);
	const steps = [{ name: "one", startedAt: new Date().toISOString(), logStart: 0 }];
	const told = await leaseCall(grant, "steps", { steps });
	expect([told.status, told.headers.get("lease-state")]).toEqual([204, "ok"]);

	const log = "hello world\n";
	const report = { ...passedWith(log), steps: [{ name: "one", exitCode: 0, logStart: 0, logEnd: log.length }] };
	const first = await leaseCall(grant, "finish", report);
	expect([first.status, first.body.job.state, first.body.job.outcome]).toEqual([200, "finished", "passed"]);
	const again = await leaseCall(grant, "finish", report);
	expect([again.status, again.body.job.outcome]).toEqual([200, "passed"]);

	const attempt = await until("the log is in the archive", async () => {
		const [only, ...more] = (await jobOf(job)).attempts;
		return only?.log.state === "sealed" && more.length === 0 && only;
	});
	expect(attempt.log).toEqual({ state: "sealed", length: 12, sha256: sha256(log), missing: [] });
	expect(attempt.steps).toMatchObject([{ name: "one", exitCode: 0, logStart: 0, logEnd: 12 }]);
	const url = urlOf(`${path}/jobs/${job}/attempts/1/log`);
	const read = async (headers: Record<string, string>) => {
		const response = await fetch(url, { headers: { authorization: `Bearer ${user}`, ...headers } });
		return [response.status, response.headers.get("content-range"), response.ok ? await response.text() : null];
	};
	expect(await read({})).toEqual([200, null, log]);
	expect(await read({ range: "bytes=6-10" })).toEqual([206, "bytes 6-10/12", "world"]);
	expect(await read({ range: "bytes=12-" })).toEqual([416, "bytes */12", null]);
	const shown = await send<Run>("GET", urlOf(`${path}/runs/${run.id}`), { token: user });
	expect([shown.status, shown.body.state, shown.body.outcome]).toEqual([200, "finished", "passed"]);
});

it("[F9] a live log is left and taken up again by offset over WebSocket and by Last-Event-ID over SSE, each byte once, to its end", async () => {
	const { grant, run, job } = await started("live");
	const changes = events<RunEvent>(urlOf(`${path}/runs/${run.id}/events`), { token: user });
	const types = [(await changes.next()).value?.data.type];
	const url = urlOf(`${path}/jobs/${job}/attempts/1/log/live`);
	await append(grant, 0, "before ");
	const wire = await Wire.open<LogMessage>(url, user);
	const sse = events<LogMessage>(url, { token: user });
	const lead = "before and meanwhile ";
	await append(grant, 7, "and meanwhile ");
	const early = await Promise.all([
		collect(() => wire.next(), { until: lead.length }),
		collect(reader(sse), { until: lead.length }),
	]);
	expect(early.map(({ bytes }) => bytes.toString())).toEqual([lead, lead]);
	wire.close();
	await sse.return();

	await append(grant, lead.length, "while nobody looked, ");
	const from = lead.length;
	const back = await Wire.open<LogMessage>(`${url}?from=${from}`, user);
	const again = events<LogMessage>(url, { token: user, headers: { "last-event-id": String(from) } });
	const whole = events<LogMessage>(urlOf(`${path}/jobs/${job}/log/live`), { token: user });
	const late = [collect(() => back.next(), { from }), collect(reader(again), { from }), collect(reader(whole))];
	const text = `${lead}while nobody looked, and the end ✓\n`;
	await append(grant, from + 21, "and the end ✓\n");
	expect((await leaseCall(grant, "finish", passedWith(text))).status).toBe(200);
	const seen = await Promise.all(late);
	expect(seen.map(({ bytes }) => bytes.toString())).toEqual([text.slice(from), text.slice(from), text]);
	const length = Buffer.byteLength(text);
	const end = { type: "end", length, sha256: sha256(text), outcome: "passed", state: "sealed" };
	expect(seen.map((one) => one.end)).toEqual([end, end, end]);

	let outcome: string | null = null;
	for await (const { data } of changes) {
		types.push(data.type);
		outcome = data.type === "job" ? null : data.run.outcome;
		if (outcome !== null) break;
	}
	expect([types[0], outcome]).toEqual(["snapshot", "passed"]);
});

it("[F10] a runner hears of a cancel in the Lease-State of its own calls, and its report that it stopped is taken", async () => {
	const { grant, job } = await started("cancel");
	expect(await append(grant, 0, "on and on\n")).toEqual([204, "10", "ok"]);
	const json = { reason: "not wanted any more" };
	const asked = await send<Job>("POST", urlOf(`${path}/jobs/${job}/cancel`), { token: user, json });
	expect([asked.status, asked.body.state]).toEqual([202, "canceling"]);
	await until("the lease is canceling", async () => {
		const [status, length, state] = await append(grant, 0, "on and on\n");
		expect([status, length]).toEqual([204, "10"]);
		return state === "canceling";
	});
	const report = { ...passedWith("on and on\n"), outcome: "canceled", exitCode: null, signal: "SIGTERM" };
	const { status, body } = await leaseCall(grant, "finish", report);
	expect([status, body.job.state, body.job.outcome]).toEqual([200, "finished", "canceled"]);
	expect(body.job.attempts).toMatchObject([{ outcome: "canceled", signal: "SIGTERM", next: { withheld: "canceled" } }]);
});

it("[F11] what a lost lease reports is refused and changes nothing; the next one, pushed over a session, does the job", async () => {
	const { runner, grant, job } = await started("lost");
	await append(grant, 0, "half a log");
	const hello = (instanceId: string, leases: string[]) => ({ type: "hello", instanceId, capacity: 1, leases });
	const before = await Wire.open<ServerFrame>(runner.sessionUrl, runner.token);
	before.send(hello("one", [grant.lease.id]));
	// A new instance that holds nothing: what the runner held before died with it.
	const session = await Wire.open<ServerFrame>(runner.sessionUrl, runner.token);
	session.send(hello("two", []));
	expect(await before.closed).toBe(4_009);
	expect(await session.next()).toEqual({ type: "lost", lease: grant.lease.id });
	const pushed = await session.next();
	if (pushed.type !== "grant") throw new Error(`a frame ${pushed.type}`);
	const next = pushed.grant;
	expect([next.job.id, next.job.attempt, next.lease.epoch]).toEqual([job, 2, grant.lease.epoch + 1]);
	expect((await leaseCall(next, "start", {})).status).toBe(200);

	const known = await jobOf(job);
	expect(await append(grant, 10, " and more")).toEqual([409, null, "lost"]);
	for (const [call, json] of [
		["start", {}],
		["steps", { steps: [] }],
		["finish", passedWith("half a log")],
	] as const) {
		const { status, headers, body } = await leaseCall<{ code: string }>(grant, call, json);
		expect([call, status, body.code, headers.get("lease-state")]).toEqual([call, 409, "lease-stale", "lost"]);
	}
	expect(await jobOf(job)).toEqual(known);

	expect(await append(next, 0, "a whole log\n")).toEqual([204, "12", "ok"]);
	const { status, body } = await leaseCall(next, "finish", passedWith("a whole log\n"));
	expect([status, body.job.outcome]).toEqual([200, "passed"]);
	expect(body.job.attempts.map(({ number, outcome, by }) => [number, outcome, by])).toEqual([
		[1, "lost", "submit"],
		[2, "passed", "platform"],
	]);
	const kept = await fetch(urlOf(`${path}/jobs/${job}/attempts/1/log`), {
		headers: { authorization: `Bearer ${user}` },
	});
	expect([kept.status, await kept.text()]).toEqual([200, "half a log"]);
	session.send({ type: "bye" });
	session.close();
});

it("[F12] a WebSocket that its client closes is closed from the other side too", async () => {
	const { runner, run, job } = await started("closing");
	const wires = await Promise.all([
		Wire.open(runner.sessionUrl, runner.token),
		Wire.open(urlOf(`${path}/runs/${run.id}/events`), user),
		Wire.open(urlOf(`${path}/jobs/${job}/log/live`), user),
		Wire.open(urlOf(`${path}/jobs/${job}/attempts/1/log/live`), user),
	]);
	// workerd cuts a connection that is closed in the very moment in which its Worker takes it: first these have begun.
	const [, events, jobLog] = wires;
	await Promise.all([events.next(), jobLog.next()]);
	for (const wire of wires) wire.close();
	// Nobody answered, and in the end the connection was cut.
	for (const wire of wires) expect(await wire.closed).not.toBe(1_006);
});
