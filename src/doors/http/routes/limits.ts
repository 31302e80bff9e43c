// Limits of a repository and of an owner, and what is used of each; the operator sets them.
import type { Hono } from "hono";
import { limitUses, repositoryLimitsRequest } from "../../../contracts/http/limit.ts";
import { getRepositoryLimits, setRepositoryLimits } from "../../../operations/limits.ts";
import { orThrow } from "../answer.ts";
import { admit, admitToRepository, readRepository } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { document } from "../document/document.ts";
import { readBody } from "../requests/request.ts";

const ofRepository = "/v1/repos/{owner}/{repo}/limits";

document({
	id: "getRepositoryLimits",
	method: "get",
	path: ofRepository,
	summary: "A repository's limits, and what is used of each",
	answers: { 200: limitUses },
});
document({
	id: "putRepositoryLimits",
	method: "put",
	path: ofRepository,
	summary: "Set a repository's limits; those that are not named go back to what holds for everybody",
	body: repositoryLimitsRequest,
	answers: { 200: limitUses },
});
document({
	id: "patchRepositoryLimits",
	method: "patch",
	path: ofRepository,
	summary: "Set some of a repository's limits",
	body: repositoryLimitsRequest,
	answers: { 200: limitUses },
});

export function addLimitRoutes(app: Hono<ApiEnv>): void {
	app.get("/v1/repos/:owner/:repo/limits", async (c) => {
		const { repository, caller } = admitToRepository(c, "getRepositoryLimits");
		return c.json({ items: orThrow(await getRepositoryLimits(c.get("services"), caller, repository)) });
	});

	for (const method of ["put", "patch"] as const) {
		app[method]("/v1/repos/:owner/:repo/limits", async (c) => {
			const caller = admit(c, method === "put" ? "putRepositoryLimits" : "patchRepositoryLimits");
			const repository = readRepository(c);
			const change = await readBody(c, repositoryLimitsRequest);
			const call = { repository, change, replace: method === "put" };
			return c.json({ items: orThrow(await setRepositoryLimits(c.get("services"), caller, call)) });
		});
	}
}
