// Pools as their owner sees them, and single runners of them: figures, pause, drain, removal.
import type { Hono } from "hono";
import { poolFigures, poolPatch, runnerFigures, runnerPatch } from "../contracts/http/runner.ts";
import type { PoolFigures } from "../contracts/http/runner.ts";
import { refuse } from "../domain/refusal.ts";
import { orThrow } from "./answer.ts";
import { noteAct } from "../operations/act-notes.ts";
import { authorizeOwnerInPath } from "./auth.ts";
import type { ApiEnv } from "./context.ts";
import { document, pageOf, pageQuery } from "./document.ts";
import { readBody, readName, readPage, writeCursor } from "./request.ts";

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
	answers: { 204: "Removed" },
});

export function addPoolRoutes(app: Hono<ApiEnv>): void {
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
		noteAct(c.get("services"), caller, {
			action: "pool-set",
			owner,
			subject: pool,
			reason: patch.pauseNote,
			details: patch,
		});
		return c.json(figures);
	});

	app.patch("/v1/pools/:owner/:pool/runners/:runner", async (c) => {
		const { owner, caller } = authorizeOwnerInPath(c, "admin");
		const pool = readName(c, "pool");
		const runner = c.req.param("runner");
		const patch = await readBody(c, runnerPatch);
		const figures = await c.get("services").wholePool({ owner, pool }).setRunner(runner, patch);
		if (figures === null) return orThrow(refuse({ code: "runner-unknown" }));
		noteAct(c.get("services"), caller, { action: "runner-set", owner, subject: runner, details: { pool, ...patch } });
		return c.json(figures);
	});

	app.delete("/v1/pools/:owner/:pool/runners/:runner", async (c) => {
		const { owner, caller } = authorizeOwnerInPath(c, "admin");
		const pool = readName(c, "pool");
		const runner = c.req.param("runner");
		const removed = await c.get("services").wholePool({ owner, pool }).removeRunner(runner);
		if (removed === null) return orThrow(refuse({ code: "runner-unknown" }));
		if (removed)
			noteAct(c.get("services"), caller, { action: "runner-remove", owner, subject: runner, details: { pool } });
		return c.body(null, 204);
	});
}
