// Limits of a repository and of an owner, and what is used of each; the operator sets them.
import type { Hono } from "hono";
import { limitUses, ownerLimitsRequest, repositoryLimitsRequest } from "../../../contracts/http/limit.ts";
import {
	getOwnerLimits,
	getRepositoryLimits,
	setOwnerLimits,
	setRepositoryLimits,
} from "../../../operations/limits.ts";
import { orThrow } from "../answer.ts";
import { admit, admitToOwner, admitToRepository, readRepository } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { document } from "../document/document.ts";
import { readBody, readName } from "../requests/request.ts";

const ofRepository = "/v1/repos/{owner}/{repo}/limits";

const ofOwner = "/v1/owners/{owner}/limits";

document({
	id: "getOwnerLimits",
	method: "get",
	path: ofOwner,
	summary: "An owner's limits, and what is used of each",
	answers: { 200: limitUses },
});
document({
	id: "putOwnerLimits",
	method: "put",
	path: ofOwner,
	summary: "Set an owner's limits; those that are not named go back to what holds for everybody",
	body: ownerLimitsRequest,
	answers: { 200: limitUses },
});
document({
	id: "patchOwnerLimits",
	method: "patch",
	path: ofOwner,
	summary: "Set some of an owner's limits",
	body: ownerLimitsRequest,
	answers: { 200: limitUses },
});
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

	app.get("/v1/owners/:owner/limits", async (c) => {
		const { owner, caller } = admitToOwner(c, "getOwnerLimits");
		return c.json({ items: orThrow(await getOwnerLimits(c.get("services"), caller, owner)) });
	});

	for (const method of ["put", "patch"] as const) {
		app[method]("/v1/owners/:owner/limits", async (c) => {
			const caller = admit(c, method === "put" ? "putOwnerLimits" : "patchOwnerLimits");
			const owner = readName(c, "owner");
			const change = await readBody(c, ownerLimitsRequest);
			const call = { owner, change, replace: method === "put" };
			return c.json({ items: orThrow(await setOwnerLimits(c.get("services"), caller, call)) });
		});
	}

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
