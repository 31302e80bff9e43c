// Secrets: a repository's and an owner's. They are set and forgotten, listed without their values, and sealed anew.
import { Buffer } from "node:buffer";
import type { Hono } from "hono";
import { rotated, rotateRequest, secretListed, secretRequest } from "../../../contracts/http/secret.ts";
import type { RotateAnswer, SecretListed } from "../../../contracts/http/secret.ts";
import type { SecretFacts } from "../../../contracts/objects/secrets.ts";
import { timeText } from "../../../contracts/wire/time-text.ts";
import { secretNamePattern } from "../../../domain/text/names.ts";
import { rotateSecrets } from "../../../operations/rotate-secrets.ts";
import {
	deleteOwnerSecret,
	deleteSecret,
	listOwnerSecrets,
	listSecrets,
	setOwnerSecret,
	setSecret,
} from "../../../operations/secrets.ts";
import { answerPresentPage } from "../aged-answer.ts";
import { answerDeleted, orThrow } from "../answer.ts";
import { admitToOwner, admitToRepository } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { document, goneAnswers, pageOf, pageQuery } from "../document/document.ts";
import { malformed, readBody, readName, sliceNamed, writeCursor } from "../requests/request.ts";

const ofRepository = "/v1/repos/{owner}/{repo}/secrets";
const ofOwner = "/v1/owners/{owner}/secrets";
/** The version that the rotation began with, and the place. */
const rotateCursor =
	/^[0-9]{1,15} (owner [A-Za-z_][A-Za-z0-9_]{0,99}|repository [a-z0-9._-]{1,100}( [A-Za-z_][A-Za-z0-9_]{0,99})?)$/;

document({
	id: "listSecrets",
	method: "get",
	path: ofRepository,
	summary: "Secrets, without their values",
	query: pageQuery,
	answers: { 200: pageOf(secretListed) },
});
document({
	id: "setSecret",
	method: "put",
	path: `${ofRepository}/{name}`,
	summary: "Set a secret",
	body: secretRequest,
	answers: { 204: "Set" },
});
document({
	id: "deleteSecret",
	method: "delete",
	path: `${ofRepository}/{name}`,
	summary: "Forget a secret",
	answers: goneAnswers,
});

document({
	id: "listOwnerSecrets",
	method: "get",
	path: ofOwner,
	summary: "Secrets of all of an owner's repositories, without their values",
	query: pageQuery,
	answers: { 200: pageOf(secretListed) },
});
document({
	id: "setOwnerSecret",
	method: "put",
	path: `${ofOwner}/{name}`,
	summary: "Set a secret of all of an owner's repositories",
	body: secretRequest,
	answers: { 204: "Set" },
});
document({
	id: "deleteOwnerSecret",
	method: "delete",
	path: `${ofOwner}/{name}`,
	summary: "Forget a secret of all of an owner's repositories",
	answers: goneAnswers,
});
document({
	id: "rotateSecrets",
	method: "post",
	path: "/v1/owners/{owner}/rotate-secrets",
	summary: "Seal all secrets of an owner and of its repositories by a new data key: one slice a call",
	body: rotateRequest,
	answers: { 200: rotated },
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

	app.get("/v1/owners/:owner/secrets", async (c) => {
		const { owner, caller } = admitToOwner(c, "listOwnerSecrets");
		const { items, next } = sliceNamed(c, orThrow(await listOwnerSecrets(c.get("services"), caller, owner)));
		return answerPresentPage(c, { items: items.map(viewSecret), next });
	});

	app.put("/v1/owners/:owner/secrets/:name", async (c) => {
		const { owner, caller } = admitToOwner(c, "setOwnerSecret");
		const name = readName(c, "name", secretNamePattern);
		const { value, refs = null, forks = false } = await readBody(c, secretRequest);
		orThrow(await setOwnerSecret(c.get("services"), caller, { owner, name, value, refs, forks }));
		return c.body(null, 204);
	});

	app.delete("/v1/owners/:owner/secrets/:name", async (c) => {
		const { owner, caller } = admitToOwner(c, "deleteOwnerSecret");
		const name = readName(c, "name", secretNamePattern);
		return answerDeleted(c, orThrow(await deleteOwnerSecret(c.get("services"), caller, { owner, name })));
	});

	app.post("/v1/owners/:owner/rotate-secrets", async (c) => {
		const { owner, caller } = admitToOwner(c, "rotateSecrets");
		const { cursor: given } = await readBody(c, rotateRequest);
		const cursor = given === undefined ? null : Buffer.from(given, "base64url").toString();
		if (cursor !== null && !rotateCursor.test(cursor)) {
			const message = "must be `nextCursor` of this rotation";
			throw malformed("The body is not as it should be.", [{ path: "cursor", message }]);
		}
		const { next, ...done } = orThrow(await rotateSecrets(c.get("services"), caller, { owner, cursor }));
		const answer: RotateAnswer = { owner, ...done, nextCursor: writeCursor(next) };
		return c.json(answer);
	});
}

function viewSecret({ name, refs, forks, at }: SecretFacts): SecretListed {
	return { name, refs, forks, setAt: at === null ? null : timeText(at) };
}
