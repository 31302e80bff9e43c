// Pools and the calls of runners: register, acquire by long poll, heartbeat.
import { randomUUID } from "node:crypto";
import type { Context, Hono } from "hono";
import type { RunnerIdentity } from "../contracts/objects.ts";
import {
	acquireRequest,
	grant as grantSchema,
	heartbeatReply,
	heartbeatRequest,
	poolFigures,
	poolPatch,
	registered,
	registerRequest,
} from "../contracts/runner.ts";
import type { Grant, PoolFigures, Registered } from "../contracts/runner.ts";
import type { Scope } from "../contracts/token.ts";
import { heartbeatSeconds } from "../domain/limits.ts";
import { shardOf } from "../domain/pool.ts";
import { orThrow, ProblemAnswer } from "./answer.ts";
import { noteAct, noteActSeldom } from "./audit.ts";
import { authorizeOwner, readCaller, readRunner } from "./auth.ts";
import type { Caller } from "./auth.ts";
import type { ApiEnv } from "./context.ts";
import { document, pageOf, pageQuery } from "./document.ts";
import { readBody, readName, readPage, writeCursor } from "./request.ts";
import { signToken } from "./token.ts";

const cursorPattern = /^[a-z0-9._-]{1,100}$/;

document({
	method: "get",
	path: "/v1/pools/{owner}",
	summary: "An owner's pools",
	query: pageQuery,
	answers: { 200: pageOf(poolFigures) },
});
document({
	method: "get",
	path: "/v1/pools/{owner}/{pool}",
	summary: "A pool's runners and load",
	answers: { 200: poolFigures },
});
document({
	method: "patch",
	path: "/v1/pools/{owner}/{pool}",
	summary: "Pause or drain a pool, or go on (scope admin)",
	body: poolPatch,
	answers: { 200: poolFigures },
});
document({
	method: "post",
	path: "/v1/pools/{owner}/{pool}/runners",
	summary: "Register a runner (scope runner:register)",
	body: registerRequest,
	answers: { 201: registered },
});
document({
	method: "post",
	path: "/v1/runner/acquire",
	summary: "Long poll for one grant; names the leases that the runner holds",
	auth: "runner",
	body: acquireRequest,
	answers: { 200: grantSchema, 204: "Nothing in that time" },
});
document({
	method: "post",
	path: "/v1/runner/heartbeat",
	summary: "Renew the leases it names, and hear which should stop",
	auth: "runner",
	body: heartbeatRequest,
	answers: { 200: heartbeatReply },
});

document({
	method: "get",
	path: "/v1/runner/session",
	summary: "A WebSocket over which grants and cancels are pushed",
	auth: "runner",
	answers: { 101: "Say hello first" },
});

export function addRunnerRoutes(app: Hono<ApiEnv>): void {
	app.get("/v1/pools/:owner", async (c) => {
		const { owner } = authorizeOwnerInPath(c, "read");
		const services = c.get("services");
		const page = await services.readModel.pools({ owner, ...readPage(c, cursorPattern) });
		const figures = page.items.map((pool): Promise<PoolFigures> => services.wholePool({ owner, pool }).figures());
		return c.json({ ...page, items: await Promise.all(figures), nextCursor: writeCursor(page.nextCursor) });
	});

	app.get("/v1/pools/:owner/:pool", async (c) => {
		const { owner } = authorizeOwnerInPath(c, "read");
		const pool = c.get("services").wholePool({ owner, pool: readName(c, "pool") });
		return c.json(await pool.figures());
	});

	app.patch("/v1/pools/:owner/:pool", async (c) => {
		const { owner, caller } = authorizeOwnerInPath(c, "admin");
		const pool = readName(c, "pool");
		const patch = await readBody(c, poolPatch);
		const services = c.get("services");
		const figures = await services.wholePool({ owner, pool }).configure(patch);
		services.later(services.readModel.addPool(owner, pool).catch(() => undefined));
		noteAct(c, caller, { action: "pool-set", owner, subject: pool, reason: patch.pauseNote, details: patch });
		return c.json(figures);
	});

	app.post("/v1/pools/:owner/:pool/runners", async (c) => {
		const { owner, caller } = authorizeOwnerInPath(c, "runner:register");
		const pool = readName(c, "pool");
		const request = await readBody(c, registerRequest);
		const services = c.get("services");
		const id = `rn${randomUUID().replaceAll("-", "").slice(0, 20)}`;
		const runner: RunnerIdentity = {
			id,
			name: request.name,
			owner,
			pool,
			shard: shardOf(id, services.poolShards),
			labels: [...new Set(request.labels ?? [])].sort(),
			capacity: request.capacity ?? 1,
			ephemeral: request.ephemeral ?? false,
		};
		const { os = "", arch = "", version = "" } = request;
		orThrow(await services.pool(runner).register({ ...runner, os, arch, version }));
		services.later(services.readModel.addPool(owner, pool).catch(() => undefined));
		const { name, labels, capacity, ephemeral } = runner;
		const details = { pool, name, labels, capacity, ephemeral };
		const act = { action: "runner-register", owner, subject: runner.id, details } as const;
		// One-job runners come by the job: a row for each would outgrow the read model.
		if (ephemeral) noteActSeldom(c, caller, { ...act, thing: pool });
		else noteAct(c, caller, act);
		const answer: Registered = {
			id: runner.id,
			token: signToken(services.keys, "runner", runner),
			sessionUrl: new URL("/v1/runner/session", c.req.url).href.replace(/^http/, "ws"),
			heartbeatSeconds,
		};
		return c.json(answer, 201);
	});

	app.post("/v1/runner/acquire", async (c) => {
		const runner = readRunner(c);
		const { waitSeconds, leases } = await readBody(c, acquireRequest);
		const grant = await acquire(c, runner, leases ?? null, waitSeconds);
		return grant === null ? c.body(null, 204) : c.json(grant);
	});

	app.post("/v1/runner/heartbeat", async (c) => {
		const runner = readRunner(c);
		const { leases } = await readBody(c, heartbeatRequest);
		return c.json(await c.get("services").pool(runner).heartbeat(runner, leases));
	});

	app.get("/v1/runner/session", (c) => {
		const runner = readRunner(c);
		if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
			throw new ProblemAnswer({
				status: 426,
				code: "upgrade-required",
				detail: "A session is a WebSocket.",
				headers: { upgrade: "websocket" },
			});
		}
		return c.get("services").openSession(runner);
	});
}

function authorizeOwnerInPath(c: Context<ApiEnv>, scope: Scope): { owner: string; caller: Caller } {
	readCaller(c);
	const owner = readName(c, "owner");
	return { owner, caller: authorizeOwner(c, scope, owner) };
}

/** First at once; then as a socket to the pool, which sends one grant or stays silent until the time is over. */
async function acquire(
	c: Context<ApiEnv>,
	runner: RunnerIdentity,
	leases: string[] | null,
	waitSeconds: number,
): Promise<Grant | null> {
	const services = c.get("services");
	const grant = await services.pool(runner).acquire(runner, leases);
	if (grant !== null || waitSeconds === 0) return grant;
	return services.waitForGrant({ runner, named: leases }, waitSeconds * 1_000);
}
