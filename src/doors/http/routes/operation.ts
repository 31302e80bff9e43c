// What an operator and a load balancer ask: does it live, is it ready, which switches are set.
import { z } from "@hono/zod-openapi";
import type { Hono } from "hono";
import { switches, switchesPatch } from "../../../contracts/http/switches.ts";
import { getSwitches, setSwitches } from "../../../operations/installation.ts";
import { orThrow } from "../answer.ts";
import { admit, isOperator } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { document } from "../document/document.ts";
import { readiness } from "../readiness.ts";
import { readBody } from "../requests/request.ts";

/** As long as a look is kept. */
const downRetryAfterSeconds = 5;
const health = z.object({ status: z.literal("ok") });

document({
	id: "getHealth",
	method: "get",
	path: "/healthz",
	summary: "The process lives",
	answers: { 200: health },
});
document({
	id: "getReadiness",
	method: "get",
	path: "/readyz",
	summary:
		"Whether each dependency answers, as seen within the last 5 s; for the operator with the names of objects in trouble",
	answers: {
		200: readiness,
		503: {
			words: "The same, when it is `down`: nothing is accepted",
			content: { "application/json": readiness },
		},
	},
});
document({
	id: "getSwitches",
	method: "get",
	path: "/v1/switches",
	summary: "The operator's switches",
	answers: { 200: switches },
});
document({
	id: "setSwitches",
	method: "patch",
	path: "/v1/switches",
	summary: "Set switches",
	body: switchesPatch,
	answers: { 200: switches },
});

export function addOperationRoutes(app: Hono<ApiEnv>): void {
	// Asks nobody: a process whose parts are away lives, and to start it anew would help none of them.
	app.get("/healthz", (c) => c.json({ status: "ok" }));

	/** Without the read model, the archive or the queues runs are still accepted and run: degraded, not down. */
	app.get("/readyz", async (c) => {
		const answer = await c.get("services").readiness({ isForOperator: isOperator(c) });
		if (answer.status !== "down") return c.json(answer);
		return c.json(answer, 503, { "Retry-After": String(downRetryAfterSeconds) });
	});

	app.get("/v1/switches", async (c) => {
		return c.json(orThrow(await getSwitches(c.get("services"), admit(c, "getSwitches"))));
	});

	app.patch("/v1/switches", async (c) => {
		const caller = admit(c, "setSwitches");
		const patch = await readBody(c, switchesPatch);
		// What was left out is undefined here, and must not be stored as a switch that is set to nothing.
		const set = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
		return c.json(orThrow(await setSwitches(c.get("services"), caller, set)));
	});
}
