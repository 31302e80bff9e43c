// Retries many jobs of a repository in one call, or says which it would.
import type { Hono } from "hono";
import { bulkRetry, bulkRetryRequest } from "../../../contracts/http/bulk-retry.ts";
import { retryMatching } from "../../../operations/runs/bulk.ts";
import { orThrow, sayReplayed } from "../answer.ts";
import { admitToRepository } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { document, idempotencyHeader } from "../document/document.ts";
import { readBody, readIdempotencyKey } from "../requests/request.ts";

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
		const { repository, caller } = admitToRepository(c, "retryJobs");
		const key = readIdempotencyKey(c);
		const request = await readBody(c, bulkRetryRequest);
		const retried = orThrow(await retryMatching(c.get("services"), caller, { repository, request, key }));
		const { replayed, ...answer } = retried;
		if (replayed) sayReplayed(c);
		// 200 where this call itself changed nothing.
		return c.json(answer, replayed || answer.dryRun ? 200 : 202);
	});
}
