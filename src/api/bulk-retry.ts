// Retries many jobs of a repository in one call, or says which it would.
import type { Hono } from "hono";
import { bulkRetry, bulkRetryRequest, retriedOutcomesDefault } from "../contracts/http/bulk-retry.ts";
import { orThrow, sayReplayed } from "./answer.ts";
import { noteAct } from "./audit.ts";
import { authorizeRepository } from "./auth.ts";
import type { ApiEnv } from "./context.ts";
import { document, idempotencyHeader } from "./document.ts";
import { readBody, readIdempotencyKey } from "./request.ts";

document({
	id: "retryJobs",
	method: "post",
	path: "/v1/repos/{owner}/{repo}/retry",
	summary: "Retry the finished jobs that match, newest runs first, at most 1,000 a call; or say which these are",
	headers: idempotencyHeader,
	body: bulkRetryRequest,
	answers: { 202: bulkRetry, 200: bulkRetry },
});

export function addBulkRetryRoutes(app: Hono<ApiEnv>): void {
	app.post("/v1/repos/:owner/:repo/retry", async (c) => {
		const { caller, ...repository } = authorizeRepository(c, "write");
		const key = readIdempotencyKey(c);
		const request = await readBody(c, bulkRetryRequest);
		const { replayed, ...answer } = orThrow(
			await c
				.get("services")
				.repo(repository)
				.retryMatching({
					outcome: request.outcome ?? retriedOutcomesDefault,
					since: request.since === undefined ? null : Date.parse(request.since),
					label: request.label ?? null,
					ref: request.ref ?? null,
					dryRun: request.dryRun ?? false,
					key,
					actor: caller.name,
					reason: request.reason ?? null,
				}),
		);
		if (replayed) sayReplayed(c);
		else if (!answer.dryRun) {
			const { reason, dryRun: _, ...filter } = request;
			const details = { ...filter, retried: answer.retried };
			noteAct(c, caller, { action: "jobs-retry", ...repository, reason, details });
		}
		return c.json(answer, replayed || answer.dryRun ? 200 : 202);
	});
}
