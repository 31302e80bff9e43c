// Repositories: settings, figures of the queue, names of secrets.
import { z } from "@hono/zod-openapi";
import type { Hono } from "hono";
import { withoutNul } from "../contracts/http/fields.ts";
import { queueFigures, repository, repositoryRequest } from "../contracts/http/repository.ts";
import { orThrow } from "./answer.ts";
import { noteAct } from "../operations/act-notes.ts";
import { authorize, authorizeRepository, readCaller } from "./auth.ts";
import type { ApiEnv } from "./context.ts";
import { document, pageOf, pageQuery } from "./document.ts";
import { secretNamePattern } from "../domain/text/names.ts";
import { malformed, readBody, readName, readPage, slicePage, writeCursor } from "./request.ts";

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
	answers: { 204: "Forgotten" },
});

export function addRepositoryRoutes(app: Hono<ApiEnv>): void {
	app.get("/v1/repos", async (c) => {
		readCaller(c);
		const owner = c.req.query("owner") ?? "";
		if (owner === "") throw malformed("Whose repositories?", [{ path: "owner", message: "is missing" }]);
		const repos = authorize(c, "read", owner).access?.repos ?? null;
		const page = await c.get("services").readModel.repositories({ owner, ...readPage(c, cursorPattern) });
		// A page may be shorter than asked for: what the token may not know is left out after it was read.
		const items = page.items.filter(({ repo }) => repos === null || repos.includes(repo));
		return c.json({ ...page, items, nextCursor: writeCursor(page.nextCursor) });
	});

	for (const method of ["put", "patch"] as const) {
		app[method]("/v1/repos/:owner/:repo", async (c) => {
			const { owner, repo, caller } = authorizeRepository(c, "admin");
			const request = await readBody(c, repositoryRequest);
			const replace = method === "put";
			const set = orThrow(await c.get("services").repo({ owner, repo }).configure({ owner, repo, request, replace }));
			noteAct(c.get("services"), caller, { action: "repository-set", owner, repo, details: { replace, ...request } });
			return c.json(set);
		});
	}

	app.get("/v1/repos/:owner/:repo", async (c) => {
		const name = authorizeRepository(c, "read");
		return c.json(orThrow(await c.get("services").repo(name).settings()));
	});

	app.get("/v1/repos/:owner/:repo/queue", async (c) => {
		const name = authorizeRepository(c, "read");
		return c.json(orThrow(await c.get("services").repo(name).figures()));
	});

	app.get("/v1/repos/:owner/:repo/secrets", async (c) => {
		const name = authorizeRepository(c, "admin");
		const names = orThrow(await c.get("services").repo(name).secretNames());
		const page = slicePage(c, names);
		return c.json({ ...page, items: page.items.map((secret) => ({ name: secret })) });
	});

	app.put("/v1/repos/:owner/:repo/secrets/:name", async (c) => {
		const { owner, repo, caller } = authorizeRepository(c, "admin");
		const name = readName(c, "name", secretNamePattern);
		const { value } = await readBody(c, secretRequest);
		const services = c.get("services");
		const sealed = await services.sealSecret({ owner, repo }, { name, value });
		orThrow(await services.repo({ owner, repo }).setSecret({ name, sealed }));
		noteAct(c.get("services"), caller, { action: "secret-set", owner, repo, subject: name });
		return c.body(null, 204);
	});

	app.delete("/v1/repos/:owner/:repo/secrets/:name", async (c) => {
		const { owner, repo, caller } = authorizeRepository(c, "admin");
		const name = readName(c, "name", secretNamePattern);
		orThrow(await c.get("services").repo({ owner, repo }).setSecret({ name, sealed: null }));
		noteAct(c.get("services"), caller, { action: "secret-delete", owner, repo, subject: name });
		return c.body(null, 204);
	});
}
