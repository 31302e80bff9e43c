// Pools as their owner sees them, and single runners of them: figures, pause, drain, removal.
import type { Hono } from "hono";
import { poolFigures, poolPatch, runnerFigures, runnerPatch } from "../../../contracts/http/runner.ts";
import { answerPage, answerSeen } from "../aged-answer.ts";
import { answerDeleted, orThrow } from "../answer.ts";
import { getPool, listPools, removeRunner, setPool, setRunner } from "../../../operations/pools.ts";
import { admitToOwner } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { document, goneAnswers, pageOf, pageQuery } from "../document/document.ts";
import { readBody, readName, readPage } from "../requests/request.ts";

const cursorPattern = /^[a-z0-9._-]{1,100}$/;

document({
	id: "listPools",
	method: "get",
	path: "/v1/pools/{owner}",
	summary: "An owner's pools",
	query: pageQuery,
	answers: { 200: pageOf(poolFigures) },
});
document({
	id: "getPool",
	method: "get",
	path: "/v1/pools/{owner}/{pool}",
	summary: "A pool's runners and load",
	answers: { 200: poolFigures },
});
document({
	id: "setPool",
	method: "patch",
	path: "/v1/pools/{owner}/{pool}",
	summary: "Pause or drain a pool, or go on (scope admin)",
	body: poolPatch,
	answers: { 200: poolFigures },
});
document({
	id: "setRunner",
	method: "patch",
	path: "/v1/pools/{owner}/{pool}/runners/{runner}",
	summary: "Drain one runner, or let it work on (scope admin)",
	body: runnerPatch,
	answers: { 200: runnerFigures },
});
document({
	id: "removeRunner",
	method: "delete",
	path: "/v1/pools/{owner}/{pool}/runners/{runner}",
	summary: "Remove a runner: its token works no more, and its leases have expired (scope admin)",
	answers: goneAnswers,
});

export function addPoolRoutes(app: Hono<ApiEnv>): void {
	app.get("/v1/pools/:owner", async (c) => {
		const { owner, caller } = admitToOwner(c, "listPools");
		const page = orThrow(await listPools(c.get("services"), caller, { owner, ...readPage(c, cursorPattern) }));
		return answerPage(c, page);
	});

	app.get("/v1/pools/:owner/:pool", async (c) => {
		const { owner, caller } = admitToOwner(c, "getPool");
		return answerSeen(c, orThrow(await getPool(c.get("services"), caller, { owner, pool: readName(c, "pool") })));
	});

	app.patch("/v1/pools/:owner/:pool", async (c) => {
		const { owner, caller } = admitToOwner(c, "setPool");
		const pool = readName(c, "pool");
		const patch = await readBody(c, poolPatch);
		return c.json(orThrow(await setPool(c.get("services"), caller, { owner, pool, patch })));
	});

	app.patch("/v1/pools/:owner/:pool/runners/:runner", async (c) => {
		const { owner, caller } = admitToOwner(c, "setRunner");
		const pool = readName(c, "pool");
		const patch = await readBody(c, runnerPatch);
		// The runner as the path has it: its pool knows it or does not, and what cannot be an id is unknown like any other.
		const call = { owner, pool, runner: c.req.param("runner"), patch };
		return c.json(orThrow(await setRunner(c.get("services"), caller, call)));
	});

	app.delete("/v1/pools/:owner/:pool/runners/:runner", async (c) => {
		const { owner, caller } = admitToOwner(c, "removeRunner");
		// Not looked at either. A removal of what never was is answered like one that is repeated: 204, and a header that says so.
		const call = { owner, pool: readName(c, "pool"), runner: c.req.param("runner") };
		return answerDeleted(c, orThrow(await removeRunner(c.get("services"), caller, call)));
	});
}
