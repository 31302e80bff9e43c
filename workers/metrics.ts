// The metrics of this isolate, and what the Worker itself counts. On Cloudflare each isolate has its own, and whoever collects is
// answered by any one of them; on one machine there is one.
import { queueNames } from "../src/contracts/objects/dead-letters.ts";
import { projectionLagMs } from "./bindings/projection-lag.ts";
import { Metrics } from "../src/operations/metrics/metrics.ts";

export const metrics = new Metrics();

export const countSpilled = metrics.counter({
	name: "spillway_submissions_spilled",
	help: "Submissions that were accepted into the intake, since their repository did not take them.",
	labels: {},
});

metrics.gauge(
	{
		name: "spillway_projection_lag_seconds",
		help: "Age of the oldest change that the database has not confirmed, of the repositories in sight of this isolate; absent while none is.",
		labels: {},
	},
	() => {
		const lagMs = projectionLagMs(Date.now());
		return lagMs === null ? [] : [{ labels: {}, value: lagMs / 1_000 }];
	},
);

export const countDeadLetter = metrics.counter({
	name: "spillway_dead_letters",
	help: "Messages that were given up and kept as dead letters.",
	labels: { queue: queueNames },
});
