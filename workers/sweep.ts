// The cron's round: repositories with unfinished work are asked to repeat what may have got lost. An alarm should have done it;
// this is for the alarm that did not come. And sealed logs that have outlived their days are deleted, a slice at a time.
import { listUnfinished } from "../src/store/runs.ts";
import { deleteOldAudit } from "./bindings/audit.ts";
import type { Env } from "./env.ts";
import { sweepIntake } from "./intake/intake-consumer.ts";
import { deleteOldLogs } from "./log/log-retention.ts";
import { database } from "./bindings/read-model.ts";
import { repoCalls } from "./bindings/stubs.ts";
import { report } from "./report.ts";

/** Runs looked at in one round, and calls under way at once. */
const runsMax = 5_000;
const atOnce = 10;
/** A run younger than this is only on its way. */
const youngMs = 60_000;

export async function sweep(env: Env): Promise<void> {
	const rounds = [
		sweepRepositories(env),
		sweepIntake(env),
		deleteOldLogs(env, Date.now()),
		deleteOldAudit(env, Date.now()),
	];
	const failed = (await Promise.allSettled(rounds)).find((round) => round.status === "rejected");
	if (failed) throw failed.reason;
}

async function sweepRepositories(env: Env): Promise<void> {
	const unfinished = await listUnfinished(database(env), { before: Date.now() - youngMs, limit: runsMax });
	const repositories = [...Map.groupBy(unfinished, ({ owner, repo }) => `${owner}/${repo}`).values()];
	for (let from = 0; from < repositories.length; from += atOnce) {
		const swept = repositories.slice(from, from + atOnce).map(async (runs) => {
			const [first] = runs;
			if (first) await repoCalls(env, first).sweep(runs.map(({ id, version }) => ({ id, version })));
		});
		for (const result of await Promise.allSettled(swept)) {
			if (result.status === "rejected") {
				report({ event: "sweep-failed", cause: String(result.reason) });
			}
		}
	}
}
