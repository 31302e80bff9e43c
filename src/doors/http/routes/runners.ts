import type { Hono } from "hono";
import {
	acquireRequest,
	grantBody,
	heartbeatReply,
	heartbeatRequest,
	registered,
	registerRequest,
} from "../../../contracts/http/runner.ts";
import type { Registered } from "../../../contracts/http/runner.ts";
import { tokenEndedCloseCode } from "../../../contracts/wire/sockets/close-code.ts";
import { heartbeatSeconds } from "../../../domain/limits.ts";
import { orThrow, needUpgrade, sayReplayed } from "../answer.ts";
import { acquireGrant, heartbeat, openSession, registerRunner } from "../../../operations/leases/runner-calls.ts";
import { admitToOwner, readRunner } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { document, idempotencyHeader } from "../document/document.ts";
import { readBody, readIdempotencyKey, readName } from "../requests/request.ts";

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
	body: acquireRequest,
	answers: { 200: grantBody, 204: "Nothing in that time" },
});
document({
	id: "heartbeat",
	method: "post",
	path: "/v1/runner/heartbeat",
	summary: "Renew the leases it names, and hear which should stop",
	body: heartbeatRequest,
	answers: { 200: heartbeatReply },
});

document({
	id: "openSession",
	method: "get",
	path: "/v1/runner/session",
	summary: "A WebSocket over which grants and cancels are pushed",
	answers: {
		101: `Say hello first; closes with ${tokenEndedCloseCode} when the token that registered the runner was revoked`,
	},
});

/**
 * A runner's token has no expiry: it ends with the token that registered it, or when its pool removes the runner, as it does with
 * an ephemeral one after its job. It names the runner's shard, so none of the later calls asks where the runner is.
 */
export function addRunnerRoutes(app: Hono<ApiEnv>): void {
	app.post("/v1/pools/:owner/:pool/runners", async (c) => {
		const { owner, caller } = admitToOwner(c, "registerRunner");
		const pool = readName(c, "pool");
		const request = await readBody(c, registerRequest);
		const call = { owner, pool, request, key: readIdempotencyKey(c) };
		const { id, token, replayed } = orThrow(await registerRunner(c.get("services"), caller, call));
		// By the name under which the runner reached the server, which may be a proxy's. Spillway's own runner goes by its
		// own setting; this is for runners that other people write.
		const sessionUrl = new URL("/v1/runner/session", c.req.url).href.replace(/^http/, "ws");
		const answer: Registered = { id, token, sessionUrl, heartbeatSeconds };
		if (replayed) sayReplayed(c);
		return c.json(answer, replayed ? 200 : 201);
	});

	app.post("/v1/runner/acquire", async (c) => {
		const runner = readRunner(c);
		const request = await readBody(c, acquireRequest);
		// A wait that ends without a grant is the usual thing and no problem: 204, without a body.
		const grant = orThrow(await acquireGrant(c.get("services"), runner, request));
		return grant === null ? c.body(null, 204) : c.json(grant);
	});

	app.post("/v1/runner/heartbeat", async (c) => {
		// It only keeps running jobs going. To refuse it because the owner's object does not answer would end work that
		// nobody ended.
		const runner = readRunner(c, { mayBeUnknown: true });
		return c.json(orThrow(await heartbeat(c.get("services"), runner, await readBody(c, heartbeatRequest))));
	});

	app.get("/v1/runner/session", async (c) => {
		const runner = readRunner(c);
		needUpgrade(c.req.raw, "A session is a WebSocket.");
		return orThrow(await openSession(c.get("services"), runner));
	});
}
