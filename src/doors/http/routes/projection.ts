// The rebuild of the read model over HTTP: one slice a call, the cursor in the body.
import { Buffer } from "node:buffer";
import type { Hono } from "hono";
import { rebuildRequest, rebuilt } from "../../../contracts/http/repository.ts";
import type { RebuildAnswer } from "../../../contracts/http/repository.ts";
import { rebuildOwner, rebuildRepository } from "../../../operations/projection/rebuild.ts";
import { orThrow } from "../answer.ts";
import { admitToOwner, admitToRepository } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { document } from "../document/document.ts";
import { malformed, readBody, writeCursor } from "../requests/request.ts";

// A cursor is the place where the next slice begins, in words of the operation's own (`src/operations/projection`). It comes back from
// outside, so each word of it is looked at: one that was made up could begin a rebuild anywhere, and call that whole.
/** Within a repository: runs from an id on; then rows of the read model, after one's time and id, as whatever number the database has. */
const runsPattern = /^(runs r[a-z2-7]{1,30}|rows( -?[0-9.e+]{1,30} [^ ]{0,100})?)$/;
/** Beside repositories an owner has pools, tokens, and names that only the read model knows. */
const ownerPattern = /^(pools [a-z0-9._-]{1,100}|tokens( tk[0-9a-f]{1,30})?|names( [a-z0-9._-]{1,100})?)$/;
/** A repository of the owner's, and the place within it that its own slice gave. */
const repositoryPattern = /^repository [a-z0-9._-]{1,100}( (?<inner>.+))?$/;

document({
	id: "rebuildRepository",
	method: "post",
	path: "/v1/repos/{owner}/{repo}/projection/rebuild",
	summary: "Rebuild what lists show of a repository, from its object and the archive: one slice a call (scope admin)",
	body: rebuildRequest,
	answers: { 200: rebuilt },
});
document({
	id: "rebuildOwner",
	method: "post",
	path: "/v1/owners/{owner}/projection/rebuild",
	summary: "Rebuild all that lists show of an owner but the audit: one slice a call (scope admin)",
	body: rebuildRequest,
	answers: { 200: rebuilt },
});

export function addProjectionRoutes(app: Hono<ApiEnv>): void {
	app.post("/v1/repos/:owner/:repo/projection/rebuild", async (c) => {
		const { repository, caller } = admitToRepository(c, "rebuildRepository");
		const { cursor: given } = await readBody(c, rebuildRequest);
		const cursor = readCursor(given, (text) => runsPattern.test(text));
		const { next, ...done } = orThrow(await rebuildRepository(c.get("services"), caller, { repository, cursor }));
		const answer: RebuildAnswer = { ...repository, ...done, nextCursor: writeCursor(next) };
		return c.json(answer);
	});

	app.post("/v1/owners/:owner/projection/rebuild", async (c) => {
		const { owner, caller } = admitToOwner(c, "rebuildOwner");
		const { cursor: given } = await readBody(c, rebuildRequest);
		const cursor = readCursor(given, isOwnerCursor);
		const { next, repo, ...done } = orThrow(await rebuildOwner(c.get("services"), caller, { owner, cursor }));
		const answer: RebuildAnswer = { owner, repo, ...done, nextCursor: writeCursor(next) };
		return c.json(answer);
	});
}

/** When the rebuild began, and its place. */
function isOwnerCursor(text: string): boolean {
	const place = /^[0-9]{1,15} (?<place>.+)$/.exec(text)?.groups?.place ?? "";
	const repository = repositoryPattern.exec(place);
	if (repository === null) return ownerPattern.test(place);
	const inner = repository.groups?.inner;
	return inner === undefined || runsPattern.test(inner);
}

function readCursor(given: string | undefined, isGood: (text: string) => boolean): string | null {
	if (given === undefined) return null;
	const cursor = Buffer.from(given, "base64url").toString();
	if (isGood(cursor)) return cursor;
	const message = "must be `nextCursor` of this rebuild";
	throw malformed("The body is not as it should be.", [{ path: "cursor", message }]);
}
