// What an operator and a load balancer ask: does it live, is it ready, which switches are set.
import { z } from "@hono/zod-openapi";
import type { Hono } from "hono";
import { switches, switchesPatch } from "../contracts/switches.ts";
import { noteAct } from "./audit.ts";
import { authorizeOperator } from "./auth.ts";
import type { ApiEnv } from "./context.ts";
import { document } from "./document.ts";
import { readBody } from "./request.ts";

const health = z.object({ status: z.literal("ok") });
const state = z.enum(["ok", "degraded", "down"]);
const readiness = z.object({ status: state, dependencies: z.record(z.string(), state) });

document({ method: "get", path: "/healthz", summary: "The process lives", auth: "none", answers: { 200: health } });
document({ method: "get", path: "/readyz", summary: "Each dependency", auth: "none", answers: { 200: readiness } });
document({
	method: "get",
	path: "/v1/switches",
	summary: "The operator's switches",
	auth: "operator",
	answers: { 200: switches },
});
document({
	method: "patch",
	path: "/v1/switches",
	summary: "Set switches",
	auth: "operator",
	body: switchesPatch,
	answers: { 200: switches },
});

export function addOperationRoutes(app: Hono<ApiEnv>): void {
	app.get("/healthz", (c) => c.json({ status: "ok" }));

	/** Without the read model or the archive runs are still accepted and run: degraded, not down. */
	app.get("/readyz", async (c) => {
		const services = c.get("services");
		const [database, archive] = await Promise.all([services.readModel.isReachable(), services.archiveIsReachable()]);
		const dependencies = { database: database ? "ok" : "down", archive: archive ? "ok" : "down" };
		return c.json({ status: database && archive ? "ok" : "degraded", dependencies });
	});

	app.get("/v1/switches", async (c) => {
		authorizeOperator(c);
		return c.json(await c.get("services").switches.read());
	});

	app.patch("/v1/switches", async (c) => {
		const caller = authorizeOperator(c);
		const patch = await readBody(c, switchesPatch);
		const set = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
		const switched = await c.get("services").switches.set(set);
		noteAct(c, caller, { action: "switches-set", owner: null, details: set });
		return c.json(switched);
	});
}
