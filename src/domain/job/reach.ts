// What a running job may ask for when it adds jobs to its own run: no more than it has itself. What it was built from may be
// anybody's, a fork's pull request for one, and its lease must not open what whoever submitted it kept closed.
import type { LeaseName, RunView } from "../run/decide.ts";
import { leaseStateOf } from "../run/decide.ts";
import { parseJobId } from "../ids.ts";
import { accept, refuse } from "../refusal.ts";
import type { Result } from "../refusal.ts";
import type { JobDefaults, JobRequest } from "./submission.ts";
import { resolveSpec } from "./submission.ts";

/** [B5] The first job that wants a secret its adder was not given, or another pool. A lease that is over adds nothing. */
export function checkReach(
	view: RunView,
	{ lease, jobs, defaults }: { lease: LeaseName; jobs: readonly JobRequest[]; defaults: JobDefaults },
): Result<null> {
	const adder = view.job(parseJobId(lease.job)?.index ?? -1);
	if (adder === null || leaseStateOf(adder, lease) === "lost") return refuse({ code: "lease-stale" });
	const own = new Set(adder.spec.secrets);
	for (const [index, request] of jobs.entries()) {
		const { pool, secrets } = resolveSpec(request, defaults);
		if (pool !== adder.spec.pool) return refuse({ code: "pool-limited", index, pool });
		const secret = secrets.find((name) => !own.has(name));
		if (secret !== undefined) return refuse({ code: "secrets-limited", index, secret });
	}
	return accept(null);
}
