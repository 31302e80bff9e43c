// Tokens, members and sessions: who is let in.
import type { Member } from "../contracts/http/member.ts";
import type { ShownSession } from "../contracts/http/session.ts";
import type { Role } from "../domain/role.ts";
import type { TokenMade, TokenRecord, TokenRequest } from "../contracts/http/token.ts";
import type { Transport } from "./transport.ts";
import { urlPath } from "./transport.ts";
import { list, onceUnderKey, remove } from "./resource-calls.ts";
import type { PageOptions } from "./resource-calls.ts";

export function tokenCalls(transport: Transport) {
	return {
		/** The token itself is in this answer and in no other. Sent again under one key it makes no second one. */
		create: (request: TokenRequest) =>
			transport.json<TokenMade>(onceUnderKey("/v1/tokens", request), { id: "text", token: "text" }),
		list: (owner: string, page: PageOptions = {}) => list<TokenRecord>(transport, "/v1/tokens", { owner, ...page }),
		/** With `owner` also while the list of tokens is away: else the server looks there whose the id is. */
		revoke: (id: string, owner?: string) => remove(transport, urlPath("v1", "tokens", id), { owner }),
	};
}

export function memberCalls(transport: Transport) {
	const path = ({ owner, member }: { owner: string; member: string }) =>
		urlPath("v1", "owners", owner, "members", member);
	return {
		list: (owner: string, page: PageOptions = {}) =>
			list<Member>(transport, urlPath("v1", "owners", owner, "members"), { ...page }),
		/** Invites whoever is no member yet. `member`: an e-mail address, `<issuer>:<login>`, or the id of a person. */
		set: (place: { owner: string; member: string }, request: { role: Role; repos?: string[] }) =>
			transport.json<Member>(
				{ method: "PUT", path: path(place), json: request, idempotent: true },
				{ member: "text", role: "text" },
			),
		remove: (place: { owner: string; member: string }) => remove(transport, path(place)),
	};
}

export function sessionCalls(transport: Transport) {
	return {
		/** Those that the token opened: one page has them all. */
		list: () => list<ShownSession>(transport, "/v1/sessions", {}),
		end: (id: string) => remove(transport, urlPath("v1", "sessions", id)),
	};
}
