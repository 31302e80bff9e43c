// Repositories: settings, figures of the queue.
import type { Hono } from "hono";
import { queueFigures, repository, repositoryRequest } from "../../../contracts/http/repository.ts";
import { answerPage, answerSeen } from "../aged-answer.ts";
import { orThrow } from "../answer.ts";
import { mayAskOfOwner } from "../../../operations/access.ts";
import { getQueue, getRepository, listRepositories, setRepository } from "../../../operations/repositories.ts";
import { admitToRepository, readCaller } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { document, pageOf, pageQuery } from "../document/document.ts";
import { malformed, readBody, readPage } from "../requests/request.ts";

const path = "/v1/repos/{owner}/{repo}";
const cursorPattern = /^[a-z0-9._-]{1,100}$/;

document({
	id: "listRepositories",
	method: "get",
	path: "/v1/repos",
	summary: "An owner's repositories",
	query: { owner: "whose", ...pageQuery },
	answers: { 200: pageOf(repository) },
});
document({
	id: "putRepository",
	method: "put",
	path,
	summary: "Create a repository or replace its settings",
	body: repositoryRequest,
	answers: { 200: repository },
});
document({
	id: "patchRepository",
	method: "patch",
	path,
	summary: "Change some settings",
	body: repositoryRequest,
	answers: { 200: repository },
});
document({ id: "getRepository", method: "get", path, summary: "Settings", answers: { 200: repository } });
document({
	id: "getQueue",
	method: "get",
	path: `${path}/queue`,
	summary: "Figures of the queue",
	answers: { 200: queueFigures },
});
export function addRepositoryRoutes(app: Hono<ApiEnv>): void {
	app.get("/v1/repos", async (c) => {
		const caller = readCaller(c);
		const owner = c.req.query("owner") ?? "";
		if (owner === "") throw malformed("Whose repositories?", [{ path: "owner", message: "is missing" }]);
		// Asked here and not only by the operation: a caller without the right hears that, and nothing about its cursor.
		orThrow(mayAskOfOwner(caller, "listRepositories", owner));
		const call = { owner, ...readPage(c, cursorPattern) };
		const page = orThrow(await listRepositories(c.get("services"), caller, call));
		return answerPage(c, page);
	});

	// What the body does not name PUT sets back to its default and PATCH leaves as it is: the same PUT always leaves the
	// same settings, and only PUT makes a repository known.
	for (const method of ["put", "patch"] as const) {
		app[method]("/v1/repos/:owner/:repo", async (c) => {
			const { repository, caller } = admitToRepository(c, method === "put" ? "putRepository" : "patchRepository");
			const request = await readBody(c, repositoryRequest);
			const call = { repository, request, replace: method === "put" };
			return c.json(orThrow(await setRepository(c.get("services"), caller, call)));
		});
	}

	app.get("/v1/repos/:owner/:repo", async (c) => {
		const { repository, caller } = admitToRepository(c, "getRepository");
		return answerSeen(c, orThrow(await getRepository(c.get("services"), caller, repository)));
	});

	// Figures are counted where jobs are decided about, so they are of this moment, and there are none while that does not answer.
	app.get("/v1/repos/:owner/:repo/queue", async (c) => {
		const { repository, caller } = admitToRepository(c, "getQueue");
		return c.json(orThrow(await getQueue(c.get("services"), caller, repository)));
	});
}
