// Members of an owner: who is one, and who is invited to be.
import type { Context, Hono } from "hono";
import { member, memberRequest } from "../../../contracts/http/member.ts";
import { readMemberName } from "../../../domain/text/member-name.ts";
import { listMembers, removeMember, setMember } from "../../../operations/people/members.ts";
import { answerPresentPage } from "../aged-answer.ts";
import { answerDeleted, orThrow } from "../answer.ts";
import { admitToOwner } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { document, goneAnswers, pageOf, pageQuery } from "../document/document.ts";
import { malformed, readBody, readPage } from "../requests/request.ts";

const cursorPattern = /^[\x21-\x7e]{1,400}$/;

document({
	id: "listMembers",
	method: "get",
	path: "/v1/owners/{owner}/members",
	summary: "Members of an owner, and invitations that nobody took yet",
	query: pageQuery,
	answers: { 200: pageOf(member) },
});
document({
	id: "setMember",
	method: "put",
	path: "/v1/owners/{owner}/members/{member}",
	summary: "Invite somebody, or change what a member may; it acts within 60 s, on open streams too",
	body: memberRequest,
	answers: { 200: member },
});
document({
	id: "removeMember",
	method: "delete",
	path: "/v1/owners/{owner}/members/{member}",
	summary: "Remove a member or withdraw an invitation; it acts within 60 s, on open streams too",
	answers: goneAnswers,
});

export function addMemberRoutes(app: Hono<ApiEnv>): void {
	app.get("/v1/owners/:owner/members", async (c) => {
		const { owner, caller } = admitToOwner(c, "listMembers");
		const call = { owner, ...readPage(c, cursorPattern) };
		return answerPresentPage(c, orThrow(await listMembers(c.get("services"), caller, call)));
	});

	app.put("/v1/owners/:owner/members/:member", async (c) => {
		const { owner, caller } = admitToOwner(c, "setMember");
		const named = readMember(c);
		const request = await readBody(c, memberRequest);
		return c.json(orThrow(await setMember(c.get("services"), caller, { owner, member: named, request })));
	});

	app.delete("/v1/owners/:owner/members/:member", async (c) => {
		const { owner, caller } = admitToOwner(c, "removeMember");
		const call = { owner, member: readMember(c) };
		return answerDeleted(c, orThrow(await removeMember(c.get("services"), caller, call)));
	});
}

function readMember(c: Context<ApiEnv>): string {
	const name = readMemberName(c.req.param("member") ?? "");
	if (name !== null) return name;
	const message = "must be an e-mail address, <issuer>:<login>, or the id of a person";
	throw malformed("The path is not as it should be.", [{ path: "member", message }]);
}
