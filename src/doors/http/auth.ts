// Who calls, and whether they may. A token proves itself by its MAC; only whether it
// was ended is looked at, and that is cached.
// Another owner's things are unknown to a token (404), a missing scope on one's own is forbidden (403).
import type { Context } from "hono";
import type { LeaseIdentity, RepositoryName, RunnerIdentity } from "../../contracts/objects/objects.ts";
import type { TokenName } from "../../contracts/objects/owner.ts";
import { tokenExpired } from "../../contracts/wire/sockets/stream-token.ts";
import { callerAddress, peerAddress } from "../../domain/text/client-address.ts";
import { mayAsk, mayAskOfOwner, mayAskOfRepository } from "../../operations/access.ts";
import type { Caller, OwnerOperation, PlacelessOperation, RepositoryOperation } from "../../operations/access.ts";
import type { Principal } from "../../operations/principal.ts";
import { orThrow } from "./answer.ts";
import type { ApiEnv } from "./context.ts";
import { checkQuery } from "./requests/query.ts";
import { readName } from "./requests/request.ts";
import type { Services } from "./services.ts";
import { readSession, sessionPrincipal } from "./session-caller.ts";
import { cachedPayload, checkStanding, unauthorized } from "./verified-tokens.ts";
import { readToken, sameText } from "../../auth/token.ts";
import type { AccessPayload, SessionPayload } from "../../contracts/objects/token-payload.ts";

/** The token in the header, by whatever spelling of its scheme; absent: there is none, or more than one. */
export function bearerText(c: Context<ApiEnv>): string | undefined {
	return /^Bearer +(\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
}

function bearer(c: Context<ApiEnv>): string {
	const token = bearerText(c);
	if (token === undefined) throw unauthorized("Send a token: Authorization: Bearer <token>.");
	return token;
}

/**
 * The token that a call stands or falls with: the one that it brings, the one that made its ticket, the one that registered its
 * runner, the one that opened its session. Null when nothing was ended that could end it: the operator's token, a lease's, and
 * whatever is no token of ours.
 */
export function tokenBehind(c: Context<ApiEnv>, session: SessionPayload | null): TokenName | null {
	if (session !== null) return session.token;
	const services = c.get("services");
	const text = bearerText(c);
	if (text === undefined) {
		const ticket = c.req.query("ticket");
		const access = ticket === undefined ? null : (readToken(services.keys, "ticket", ticket)?.access ?? null);
		return access && nameOf(services, access);
	}
	const access = cachedPayload(services, "access", text);
	if (access !== null) return nameOf(services, access);
	const runner = cachedPayload(services, "runner", text);
	return runner && registrationBehind(runner);
}

/** Null for one that has expired: it is refused for that. */
function nameOf(services: Services, { id, owner, expiresAt }: AccessPayload): TokenName | null {
	return expiresAt !== null && expiresAt <= services.now() ? null : { owner, token: id };
}

/** Null for a runner that the operator registered, or that an earlier version did. */
function registrationBehind({ owner, registeredBy = null }: RunnerIdentity): TokenName | null {
	return registeredBy === null ? null : { owner, token: registeredBy };
}

/** The caller with an access token, the operator's, or a session's cookie. Throws 401, and 403 for a cookie that another page sent. */
export function readCaller(c: Context<ApiEnv>): Caller {
	const services = c.get("services");
	const session = readSession(c);
	if (session !== null) {
		checkQuery(c);
		return callerIn(c, session.who, session.name);
	}
	const token = bearer(c);
	const access = cachedPayload(services, "access", token);
	if (access === null) {
		if (!sameText(token, services.operatorToken)) {
			throw unauthorized("The token is not one of ours, or not of this kind.");
		}
		checkQuery(c);
		return operatorOf(c);
	}
	const caller = callerOf(c, access);
	checkQuery(c);
	return caller;
}

/** Whether the call brings the operator's token, or a session that it opened. */
export function isOperator(c: Context<ApiEnv>): boolean {
	const session = c.get("session");
	if (session !== null) {
		const who = sessionPrincipal(c, session);
		return typeof who !== "string" && who.kind === "operator";
	}
	const text = bearerText(c);
	return text !== undefined && sameText(text, c.get("services").operatorToken);
}

export function operatorOf(c: Context<ApiEnv>): Caller {
	return callerIn(c, { kind: "operator" }, "operator");
}

/** Throws 401 when the token has ended, whatever brought its payload here. */
export function callerOf(c: Context<ApiEnv>, access: AccessPayload): Caller {
	const services = c.get("services");
	if (access.expiresAt !== null && access.expiresAt <= services.now()) throw unauthorized(tokenExpired);
	checkStanding(services, { owner: access.owner, token: access.id });
	return callerIn(c, { kind: "token", access }, access.name);
}

/** Few calls leave a record: the others need not know where they came from. */
function callerIn(c: Context<ApiEnv>, who: Principal, name: string): Caller {
	return {
		who,
		name,
		get address() {
			return addressOf(c);
		},
	};
}

/** As the edge says it; on one machine as the runtime does, or a proxy that is trusted. What is no address is none. */
export function addressOf(c: Context<ApiEnv>): string | null {
	const edge = /^[0-9A-Fa-f:.]{2,45}$/.exec(c.req.header("cf-connecting-ip") ?? "")?.[0];
	if (edge !== undefined) return edge;
	const { cf } = c.req.raw as Request & { cf?: { clientIp?: unknown } };
	const call = { peer: peerAddress(cf?.clientIp), forwarded: c.req.header("x-forwarded-for") };
	return callerAddress(call, c.get("services").trustedProxies);
}

/** The repository in the path and the caller, once that one may ask for `operation` there. Throws 400, 401, 403 and 404. */
export function admitToRepository(
	c: Context<ApiEnv>,
	operation: RepositoryOperation,
): { repository: RepositoryName; caller: Caller } {
	const caller = readCaller(c);
	const repository = readRepository(c);
	orThrow(mayAskOfRepository(caller, operation, repository));
	return { repository, caller };
}

/** The owner in the path and the caller, once that one may ask for `operation` there. Throws 400, 401, 403 and 404. */
export function admitToOwner(c: Context<ApiEnv>, operation: OwnerOperation): { owner: string; caller: Caller } {
	const caller = readCaller(c);
	const owner = readName(c, "owner");
	orThrow(mayAskOfOwner(caller, operation, owner));
	return { owner, caller };
}

/** The caller, once that one may ask for `operation`, which is about no owner. Throws 401 and 403. */
export function admit(c: Context<ApiEnv>, operation: PlacelessOperation): Caller {
	const caller = readCaller(c);
	orThrow(mayAsk(caller, operation));
	return caller;
}

export function readRepository(c: Context<ApiEnv>): RepositoryName {
	return { owner: readName(c, "owner"), repo: readName(c, "repo") };
}

/** `mayBeUnknown`: what only keeps running jobs going is not refused because an owner's object does not answer. */
export function readRunner(c: Context<ApiEnv>, { mayBeUnknown = false } = {}): RunnerIdentity {
	const services = c.get("services");
	const runner = cachedPayload(services, "runner", bearer(c));
	if (runner === null) throw unauthorized("This call wants a runner's token, as registering gives it.");
	const registeredBy = registrationBehind(runner);
	if (registeredBy) checkStanding(services, registeredBy, mayBeUnknown);
	checkQuery(c);
	return runner;
}

export function readLease(c: Context<ApiEnv>): LeaseIdentity {
	const lease = cachedPayload(c.get("services"), "lease", bearer(c));
	if (lease === null) throw unauthorized("This call wants a lease's token, as a grant gives it.");
	checkQuery(c);
	return lease;
}

/** The lease in the Authorization header, if it is one: some calls take it beside an access token. */
export function findLease(c: Context<ApiEnv>): LeaseIdentity | null {
	const text = bearerText(c);
	return text === undefined ? null : cachedPayload(c.get("services"), "lease", text);
}

/** Whether the call brings a runner's token, or a lease's, whatever it is for. */
export function bringsWork(c: Context<ApiEnv>): boolean {
	const text = bearerText(c);
	if (text === undefined) return false;
	return findLease(c) !== null || cachedPayload(c.get("services"), "runner", text) !== null;
}
