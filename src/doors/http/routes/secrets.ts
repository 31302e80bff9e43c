// Secrets: a repository's. They are set and forgotten, and listed without their values.
import type { Hono } from "hono";
import { secretListed, secretRequest } from "../../../contracts/http/secret.ts";
import type { SecretListed } from "../../../contracts/http/secret.ts";
import type { SecretFacts } from "../../../contracts/objects/objects.ts";
import { timeText } from "../../../contracts/wire/time-text.ts";
import { secretNamePattern } from "../../../domain/text/names.ts";
import { deleteSecret, listSecrets, setSecret } from "../../../operations/secrets.ts";
import { answerPresentPage } from "../aged-answer.ts";
import { answerDeleted, orThrow } from "../answer.ts";
import { admitToRepository } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { document, goneAnswers, pageOf, pageQuery } from "../document/document.ts";
import { readBody, readName, sliceNamed } from "../requests/request.ts";

const path = "/v1/repos/{owner}/{repo}";

document({
	id: "listSecrets",
	method: "get",
	path: `${path}/secrets`,
	summary: "Secrets, without their values",
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

export function addSecretRoutes(app: Hono<ApiEnv>): void {
	app.get("/v1/repos/:owner/:repo/secrets", async (c) => {
		const { repository, caller } = admitToRepository(c, "listSecrets");
		const { items, next } = sliceNamed(c, orThrow(await listSecrets(c.get("services"), caller, repository)));
		return answerPresentPage(c, { items: items.map(viewSecret), next });
	});

	app.put("/v1/repos/:owner/:repo/secrets/:name", async (c) => {
		const { repository, caller } = admitToRepository(c, "setSecret");
		const name = readName(c, "name", secretNamePattern);
		const { value, refs = null, forks = false } = await readBody(c, secretRequest);
		// No body in the answer: what was sent is sealed by now, and nobody needs to see it again.
		orThrow(await setSecret(c.get("services"), caller, { repository, name, value, refs, forks }));
		return c.body(null, 204);
	});

	app.delete("/v1/repos/:owner/:repo/secrets/:name", async (c) => {
		const { repository, caller } = admitToRepository(c, "deleteSecret");
		const name = readName(c, "name", secretNamePattern);
		return answerDeleted(c, orThrow(await deleteSecret(c.get("services"), caller, { repository, name })));
	});
}

function viewSecret({ name, refs, forks, at }: SecretFacts): SecretListed {
	return { name, refs, forks, setAt: at === null ? null : timeText(at) };
}
