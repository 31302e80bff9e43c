// Cancels many jobs of a repository in one call, or says which it would. It needs no key: told twice, it cancels once.
import type { Hono } from "hono";
import { bulkCancel, bulkCancelRequest } from "../contracts/http/bulk-cancel.ts";
import { orThrow } from "./answer.ts";
import { noteAct } from "./audit.ts";
import { authorizeRepository } from "./auth.ts";
import type { ApiEnv } from "./context.ts";
import { document } from "./document.ts";
import { readBody } from "./request.ts";

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
		const { caller, ...repository } = authorizeRepository(c, "write");
		const { reason, dryRun = false, ...filter } = await readBody(c, bulkCancelRequest);
		const { state, label = null, ref = null } = filter;
		const call = { state, label, ref, dryRun, actor: caller.name, reason: reason ?? null };
		const answer = orThrow(await c.get("services").repo(repository).cancelMatching(call));
		if (answer.canceled > 0) {
			const details = { ...filter, canceled: answer.canceled };
			noteAct(c, caller, { action: "jobs-cancel", ...repository, reason, details });
		}
		return c.json(answer, dryRun ? 200 : 202);
	});
}
