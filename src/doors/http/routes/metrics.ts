// The door for whoever collects metrics: what this process counted and measured, as OpenMetrics.
import type { Hono } from "hono";
import { readMetrics } from "../../../operations/installation.ts";
import { orThrow } from "../answer.ts";
import { admit } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { shownText } from "../document/answers.ts";
import { document } from "../document/document.ts";
import { openMetricsOf, openMetricsType } from "../open-metrics.ts";

/** Less than a collector waits: what takes longer to read is left out of the answer. */
const readMs = 2_000;

document({
	id: "getMetrics",
	method: "get",
	path: "/metrics",
	summary: "What this process counted and measured, as OpenMetrics (the operator, or scope metrics)",
	answers: { 200: shownText([openMetricsType], "OpenMetrics text, version 1.0.0") },
});

export function addMetricsRoutes(app: Hono<ApiEnv>): void {
	app.get("/metrics", async (c) => {
		const caller = admit(c, "getMetrics");
		// The end of the patience, and not an abort: what is there by then is shown.
		const { promise, resolve } = Promise.withResolvers<void>();
		const timer = setTimeout(resolve, readMs);
		try {
			const shown = orThrow(await readMetrics(c.get("services"), caller, promise));
			return c.body(openMetricsOf(shown), 200, { "Content-Type": openMetricsType });
		} finally {
			clearTimeout(timer);
			resolve();
		}
	});
}
