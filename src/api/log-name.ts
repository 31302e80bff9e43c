// Which log a request is about, and whether there is one: what all routes of logs begin with.
import type { Context } from "hono";
import { refuse } from "../domain/refusal.ts";
import { locateJob } from "../operations/run-places.ts";
import { orThrow, ProblemAnswer } from "./answer.ts";
import { admitToRepository } from "./auth.ts";
import type { Caller, RepositoryOperation } from "../operations/access.ts";
import type { ApiEnv } from "./context.ts";
import type { RepositoryName } from "../contracts/objects/objects.ts";
import type { LogName } from "../contracts/wire/object-name.ts";
import { settled } from "./log-live.ts";
import { findLog, loadAttempt } from "./log-source.ts";
import type { LogSource } from "./log-source.ts";
import { readJobName } from "./run-place.ts";
import type { Services } from "./services.ts";
import { admitWatcher } from "./tickets.ts";

export function readLogName(c: Context<ApiEnv>, operation: RepositoryOperation): Promise<LogName> {
	return logNameIn(c, admitToRepository(c, operation).repository);
}

/** As `readLogName`, where a WebSocket may bring a ticket. */
export async function readWatchedLogName(c: Context<ApiEnv>): Promise<{ name: LogName; caller: Caller }> {
	const { caller, repository } = await admitWatcher(c, "watchLog");
	return { name: await logNameIn(c, repository), caller };
}

async function logNameIn(c: Context<ApiEnv>, { owner, repo }: RepositoryName): Promise<LogName> {
	const job = orThrow(await locateJob(c.get("services"), { owner, repo }, readJobName(c)));
	const attempt = c.req.param("attempt") ?? "";
	if (!/^[1-9][0-9]{0,5}$/.test(attempt)) orThrow(refuse({ code: "attempt-unknown" }));
	return { owner, repo, job, attempt: Number(attempt) };
}

/** An attempt that has started and printed nothing has an empty log; one whose log has gone has none. Throws 404 and 410. */
export async function findLogOrEmpty(services: Services, name: LogName): Promise<LogSource> {
	const found = await findLog(services, name);
	if (found !== null) return found;
	const attempt = await loadAttempt(services, name);
	if (settled(attempt.log.state) === null) return { length: 0, sealed: null };
	throw new ProblemAnswer({ status: 410, code: "log-deleted", detail: "The log has outlived its retention." });
}

export function pastEnd(length: number): ProblemAnswer {
	return new ProblemAnswer({
		status: 416,
		code: "range-past-end",
		detail: `The log has ${length} bytes.`,
		headers: { "Content-Range": `bytes */${length}` },
	});
}
