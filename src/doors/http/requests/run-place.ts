// Which run or job a path is about, by whichever of its names; `src/operations/runs/run-places.ts` finds it.
import type { Context } from "hono";
import type { RunName } from "../../../domain/ids.ts";
import { parseRunName } from "../../../domain/ids.ts";
import { refuse } from "../../../domain/refusal.ts";
import type { JobName } from "../../../operations/runs/run-places.ts";
import { orThrow } from "../answer.ts";
import type { ApiEnv } from "../context.ts";

/** Where a job stands in paths, as Hono writes them: below its repository by its id, below its run by its key too. */
export const jobPaths = ["/v1/repos/:owner/:repo/jobs/:job", "/v1/repos/:owner/:repo/runs/:run/jobs/:job"];

/** Everything at `below` of each of a job's paths. */
export function belowJob(below: string): string[] {
	return jobPaths.map((path) => path + below);
}

/** The job in the path, by whichever of its names. Throws 404 for what cannot be a run. */
export function readJobName(c: Context<ApiEnv>): JobName {
	return { run: c.req.param("run") === undefined ? null : readRunName(c), job: c.req.param("job") ?? "" };
}

/** The run in the path: what cannot be its name is no run we have. Throws 404. */
export function readRunName(c: Context<ApiEnv>): RunName {
	return parseRunName(c.req.param("run") ?? "") ?? orThrow(refuse({ code: "run-unknown" }));
}
