// The cron's round: repositories with unfinished work are asked to repeat what may have got lost. An alarm should have done it;
// this is for the alarm that did not come.
import { listUnfinished } from "../src/store/runs.ts";
import type { Env } from "./env.ts";
import { database } from "./read-model.ts";
import { repoCalls } from "./stubs.ts";

/** Repositories in one round, and calls under way at once. */
const repositoriesMax = 500;
const atOnce = 10;

export async function sweep(env: Env): Promise<void> {
	const repositories = await listUnfinished(database(env), repositoriesMax);
	for (let from = 0; from < repositories.length; from += atOnce) {
		const swept = repositories.slice(from, from + atOnce).map((name) => repoCalls(env, name).sweep());
		for (const result of await Promise.allSettled(swept)) {
			if (result.status === "rejected") {
				console.error(JSON.stringify({ event: "sweep-failed", cause: String(result.reason) }));
			}
		}
	}
}
