// Which log a path is about: what all routes of logs begin with.
import type { Context } from "hono";
import type { RepositoryName } from "../../../contracts/objects/objects.ts";
import { refuse } from "../../../domain/refusal.ts";
import type { LogCall } from "../../../operations/logs/logs.ts";
import { orThrow } from "../answer.ts";
import type { ApiEnv } from "../context.ts";
import { readJobName } from "../requests/run-place.ts";

/** Throws 404 for what cannot be the number of an attempt. */
export function readLogCall(c: Context<ApiEnv>, repository: RepositoryName): LogCall {
	const job = readJobName(c);
	const attempt = c.req.param("attempt") ?? "";
	if (!/^[1-9][0-9]{0,5}$/.test(attempt)) orThrow(refuse({ code: "attempt-unknown" }));
	return { repository, job, attempt: Number(attempt) };
}
