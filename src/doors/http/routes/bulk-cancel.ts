// Cancels many jobs of a repository in one call, or says which it would.
import type { Hono } from "hono";
import { bulkCancel, bulkCancelRequest } from "../../../contracts/http/bulk-cancel.ts";
import { cancelMatching } from "../../../operations/runs/bulk.ts";
import { orThrow } from "../answer.ts";
import { admitToRepository } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { document } from "../document/document.ts";
import { readBody } from "../requests/request.ts";

document({
	id: "cancelJobs",
	method: "post",
	path: "/v1/repos/{owner}/{repo}/cancel",
	summary: "Cancel the unfinished jobs that match, at most 1,000 a call; or say which these are",
	body: bulkCancelRequest,
	answers: { 202: bulkCancel, 200: bulkCancel },
});

export function addBulkCancelRoutes(app: Hono<ApiEnv>): void {
	app.post("/v1/repos/:owner/:repo/cancel", async (c) => {
		const { repository, caller } = admitToRepository(c, "cancelJobs");
		const request = await readBody(c, bulkCancelRequest);
		const answer = orThrow(await cancelMatching(c.get("services"), caller, { repository, request }));
		return c.json(answer, request.dryRun ? 200 : 202);
	});
}
