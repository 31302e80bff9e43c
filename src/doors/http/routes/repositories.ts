// Repositories: settings, figures of the queue, names of secrets.
import { z } from "@hono/zod-openapi";
import type { Hono } from "hono";
import { withoutNul } from "../../../contracts/http/fields.ts";
import { queueFigures, repository, repositoryRequest } from "../../../contracts/http/repository.ts";
import { answerPage, answerPresentPage, answerSeen } from "../aged-answer.ts";
import { answerDeleted, orThrow } from "../answer.ts";
import { mayAskOfOwner } from "../../../operations/access.ts";
import {
	deleteSecret,
	getQueue,
	getRepository,
	listRepositories,
	listSecrets,
	setRepository,
	setSecret,
} from "../../../operations/repositories.ts";
import { admitToRepository, readCaller } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { document, goneAnswers, pageOf, pageQuery } from "../document/document.ts";
import { secretNamePattern } from "../../../domain/text/names.ts";
import { malformed, readBody, readName, readPage, slicePage } from "../requests/request.ts";

const path = "/v1/repos/{owner}/{repo}";
const secretRequest = z.strictObject({ value: withoutNul(z.string().min(1).max(32_768)) }).openapi("SecretRequest");
const secretListed = z.object({ name: z.string() });
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
document({
	id: "listSecrets",
	method: "get",
	path: `${path}/secrets`,
	summary: "Names of secrets",
	query: pageQuery,
	answers: { 200: pageOf(secretListed) },
});
document({
	id: "setSecret",
	method: "put",
	path: `${path}/secrets/{name}`,
	summary: "Set a secret",
	body: secretRequest,
	answers: { 204: "Set" },
});
document({
	id: "deleteSecret",
	method: "delete",
	path: `${path}/secrets/{name}`,
	summary: "Forget a secret",
	answers: goneAnswers,
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

	app.get("/v1/repos/:owner/:repo/queue", async (c) => {
		const { repository, caller } = admitToRepository(c, "getQueue");
		return c.json(orThrow(await getQueue(c.get("services"), caller, repository)));
	});

	app.get("/v1/repos/:owner/:repo/secrets", async (c) => {
		const { repository, caller } = admitToRepository(c, "listSecrets");
		// The object gives all names at once; a secret's value no route gives back.
		const { items, next } = slicePage(c, orThrow(await listSecrets(c.get("services"), caller, repository)));
		return answerPresentPage(c, { items: items.map((secret) => ({ name: secret })), next });
	});

	app.put("/v1/repos/:owner/:repo/secrets/:name", async (c) => {
		const { repository, caller } = admitToRepository(c, "setSecret");
		const name = readName(c, "name", secretNamePattern);
		const { value } = await readBody(c, secretRequest);
		// No body in the answer: what was sent is sealed by now, and nobody needs to see it again.
		orThrow(await setSecret(c.get("services"), caller, { repository, name, value }));
		return c.body(null, 204);
	});

	app.delete("/v1/repos/:owner/:repo/secrets/:name", async (c) => {
		const { repository, caller } = admitToRepository(c, "deleteSecret");
		const name = readName(c, "name", secretNamePattern);
		return answerDeleted(c, orThrow(await deleteSecret(c.get("services"), caller, { repository, name })));
	});
}
