// The calls of runners: register, acquire by long poll, heartbeat, and a session.
import { randomUUID } from "node:crypto";
import type { Context, Hono } from "hono";
import type { NotKnown, RunnerIdentity } from "../contracts/objects/objects.ts";
import {
	acquireRequest,
	grantBody,
	heartbeatReply,
	heartbeatRequest,
	registered,
	registerRequest,
} from "../contracts/http/runner.ts";
import type { AcquireRequest, Grant, Registered } from "../contracts/http/runner.ts";
import { tokenRevoked } from "../contracts/wire/stream-token.ts";
import { tokenEndedCloseCode } from "../contracts/wire/close-code.ts";
import { heartbeatSeconds } from "../domain/limits.ts";
import { shardOf } from "../domain/pool/pool.ts";
import { refuse } from "../domain/refusal.ts";
import type { Refusal } from "../domain/refusal.ts";
import { orThrow, needUpgrade, sayReplayed } from "./answer.ts";
import { noteAct, noteActSeldom } from "../operations/act-notes.ts";
import { authorizeOwnerInPath, readRunner, unauthorized } from "./auth.ts";
import type { Caller } from "../operations/access.ts";
import type { ApiEnv } from "./context.ts";
import { document, idempotencyHeader } from "./document.ts";
import { keyedId } from "./keyed-id.ts";
import { readBody, readIdempotencyKey, readName } from "./request.ts";
import type { Services } from "./services.ts";
import { signToken } from "./token.ts";

document({
	id: "registerRunner",
	method: "post",
	path: "/v1/pools/{owner}/{pool}/runners",
	summary: "Register a runner (scope runner:register)",
	headers: idempotencyHeader,
	body: registerRequest,
	answers: { 201: registered, 200: registered },
});
document({
	id: "acquireGrant",
	method: "post",
	path: "/v1/runner/acquire",
	summary: "Long poll for one grant; names the leases that the runner holds",
	auth: "runner",
	body: acquireRequest,
	answers: { 200: grantBody, 204: "Nothing in that time" },
});
document({
	id: "heartbeat",
	method: "post",
	path: "/v1/runner/heartbeat",
	summary: "Renew the leases it names, and hear which should stop",
	auth: "runner",
	body: heartbeatRequest,
	answers: { 200: heartbeatReply },
});

document({
	id: "openSession",
	method: "get",
	path: "/v1/runner/session",
	summary: "A WebSocket over which grants and cancels are pushed",
	auth: "runner",
	answers: {
		101: `Say hello first; closes with ${tokenEndedCloseCode} when the token that registered the runner was revoked`,
	},
});

export function addRunnerRoutes(app: Hono<ApiEnv>): void {
	app.post("/v1/pools/:owner/:pool/runners", async (c) => {
		const { owner, caller } = authorizeOwnerInPath(c, "runner:register");
		const pool = readName(c, "pool");
		const request = await readBody(c, registerRequest);
		const services = c.get("services");
		const key = readIdempotencyKey(c);
		const keyed = key === null ? null : keyedId("rn", { scope: `${owner}/${pool}`, key, body: request });
		const id = keyed?.id ?? `rn${randomUUID().replaceAll("-", "").slice(0, 20)}`;
		const runner: RunnerIdentity = {
			id,
			name: request.name,
			owner,
			pool,
			// By what the key alone decides: another request with the same key has to meet the first.
			shard: shardOf(keyed?.prefix ?? id, services.poolShards),
			labels: [...new Set(request.labels ?? [])].sort(),
			capacity: request.capacity ?? 1,
			ephemeral: request.ephemeral ?? false,
			registeredBy: caller.access?.id ?? null,
		};
		const { os = "", arch = "", version = "" } = request;
		const registration = services.pool(runner).register({ ...runner, os, arch, version }, keyed?.prefix);
		const { replayed } = orThrow(await registration);
		services.later(services.readModel.addPool(owner, pool).catch(() => undefined));
		if (!replayed) noteRegistration(c, caller, runner);
		const answer: Registered = {
			id: runner.id,
			token: signToken(services.keys, "runner", runner),
			sessionUrl: new URL("/v1/runner/session", c.req.url).href.replace(/^http/, "ws"),
			heartbeatSeconds,
		};
		if (replayed) sayReplayed(c);
		return c.json(answer, replayed ? 200 : 201);
	});

	app.post("/v1/runner/acquire", async (c) => {
		const runner = readRunner(c);
		const grant = await acquire(c, runner, await readBody(c, acquireRequest));
		return grant === null ? c.body(null, 204) : c.json(grant);
	});

	app.post("/v1/runner/heartbeat", async (c) => {
		const runner = readRunner(c, { mayBeUnknown: true });
		const { leases, ...said } = await readBody(c, heartbeatRequest);
		return c.json(known(await c.get("services").pool(runner).heartbeat(runner, leases, said)));
	});

	app.get("/v1/runner/session", async (c) => {
		const runner = readRunner(c);
		needUpgrade(c.req.raw, "A session is a WebSocket.");
		await noteSession(c.get("services"), runner);
		const response = await c.get("services").openSession(runner);
		return response.status === 101 ? response : orThrow(refuse((await response.json()) as Refusal));
	});
}

/** [W63] What the session rests on may end while it is open: then its pool is told. Throws 401 when that has happened. */
async function noteSession(
	services: Services,
	{ owner, pool, shard, registeredBy = null }: RunnerIdentity,
): Promise<void> {
	if (registeredBy === null) return;
	const isGood = await services.owner(owner).opensSession({ token: registeredBy, pool, shard });
	if (!isGood) throw unauthorized(tokenRevoked);
}

function noteRegistration(c: Context<ApiEnv>, caller: Caller, { id, owner, pool, ...runner }: RunnerIdentity): void {
	const { name, labels, capacity, ephemeral } = runner;
	const details = { pool, name, labels, capacity, ephemeral };
	const act = { action: "runner-register", owner, subject: id, details } as const;
	// One-job runners come by the job: a row for each would outgrow the read model.
	if (ephemeral) noteActSeldom(c.get("services"), caller, { ...act, thing: pool });
	else noteAct(c.get("services"), caller, act);
}

/** What the pool answered, unless it does not know the runner, whose token is good. Throws 403 and 404. */
function known<T extends object | null>(answer: T | NotKnown): T {
	return typeof answer === "string" ? orThrow(refuse({ code: answer })) : answer;
}

/** First at once; then as a socket to the pool, which sends one grant or stays silent until the time is over. */
async function acquire(
	c: Context<ApiEnv>,
	runner: RunnerIdentity,
	{ waitSeconds, leases: named, unwell }: AcquireRequest,
): Promise<Grant | null> {
	const services = c.get("services");
	const leases = named ?? null;
	const grant = known(await services.pool(runner).acquire(runner, leases, { unwell }));
	if (grant !== null || waitSeconds === 0) return grant;
	return services.waitForGrant({ runner, named: leases }, waitSeconds * 1_000);
}
