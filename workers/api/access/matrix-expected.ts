// What the matrix expects of a call, worked out from the row of its operation and from what its caller is: once more, and not by the
// function that is tested.
import type { AccessRow, Operation } from "../../../src/operations/access-table.ts";
import { accessRow } from "../../../src/operations/access-table.ts";
import type { Scope } from "../../../src/contracts/http/token.ts";
import type { Role } from "../../../src/domain/role.ts";
import { roles } from "../../../src/domain/role.ts";
import type { Route, Target } from "./matrix-calls.ts";

export interface MembershipFacts {
	role: Role;
	repos: readonly string[] | null;
}

/** What the rows of the table speak of. */
export type Facts =
	| { kind: "nobody" | "runner" | "runner-removed" }
	/** `isSession`: it came by a session that such a token opened. */
	| { kind: "operator"; isSession?: true }
	| { kind: "access"; owner: string; scopes: readonly Scope[]; repos: readonly string[] | null; isSession?: true }
	| { kind: "ticket"; owner: string; scopes: readonly Scope[]; repos: readonly string[] | null }
	/** `sent`: what is wrong with the way in which a browser sent the cookie. */
	| { kind: "session"; memberships: ReadonlyMap<string, MembershipFacts>; sent?: "by-another-page" | "without-header" }
	| { kind: "lease"; owner: string; repo: string; run: string };

export function isPlaced(row: AccessRow): boolean {
	return row.of === "repository" || row.of === "owner" || row.of === "part" || row.of === "owner-or-installation";
}

/** `may`, or how the call is refused. */
export function expectedOf(
	{ operation, method }: Pick<Route, "operation" | "method">,
	facts: Facts,
	at: Target,
): string {
	const row = accessRow(operation);
	if (facts.kind === "session" && facts.sent !== undefined) {
		const forged = forgedWith(operation, method, facts.sent);
		if (forged !== null) return forged;
	}
	const isBySession = (facts.kind === "operator" || facts.kind === "access") && facts.isSession === true;
	const told = operation === "revokeToken" ? ofRevoking(row, facts, at) : expected(row, facts, at);
	return operation === "createTicket" && isBySession && told === "may" ? "403 token-only" : told;
}

/** Null: it is as good as from a page of the server's own. */
function forgedWith(operation: Operation, method: string, sent: "by-another-page" | "without-header"): string | null {
	const { of } = accessRow(operation);
	const takesCookie = of !== "runner" && of !== "lease" && of !== "open";
	const isSocket = operation === "openSession" || operation === "feedLog";
	if (sent === "by-another-page") {
		return takesCookie || isSocket || operation === "createSession" ? "403 origin-foreign" : null;
	}
	return takesCookie && method !== "GET" ? "403 request-header-missing" : null;
}

function expected(row: AccessRow, facts: Facts, { owner, repo, run }: Target): string {
	if (row.of === "open") return "may";
	if (row.of === "runner" || row.of === "lease") {
		if (facts.kind === "runner-removed" && row.of === "runner") return "403 runner-removed";
		return facts.kind === row.of ? "may" : "401 unauthorized";
	}
	if (facts.kind === "operator") return "may";
	if (facts.kind === "lease" && "lease" in row) {
		const isOwn = facts.owner === owner && facts.repo === repo && facts.run === run;
		return isOwn ? "may" : "404 unknown";
	}
	if (facts.kind === "ticket" ? !("ticket" in row) : facts.kind !== "access" && facts.kind !== "session") {
		return "401 unauthorized";
	}
	if (row.of === "oneself") return "may";
	if (row.of === "installation") return "403 operator-only";
	if (row.of === "nothing") {
		const answers = ownersOf(facts).map((each) => rightAt(row, facts, each));
		return answers.find((answer) => answer === "may") ?? answers[0] ?? "403 scope-missing";
	}
	const right = rightAt(row, facts, owner);
	const repos = reposAt(facts, owner);
	if (right === null) return "404 unknown";
	if (row.of === "repository") return repos === null || repos.includes(repo) ? right : "404 unknown";
	return right !== "may" || row.of === "part" || repos === null ? right : "403 repositories-limited";
}

/** By an id that does not say whose it is: who may revoke none hears that, and who may revoke some hears of no other. */
function ofRevoking(row: AccessRow, facts: Facts, target: Target): string {
	if (facts.kind !== "access" && facts.kind !== "session") return expected(row, facts, target);
	const answers = ownersOf(facts).map((owner) => expected(row, facts, { ...target, owner }));
	if (!answers.includes("may")) return answers[0] ?? "404 unknown";
	return expected(row, facts, target) === "may" ? "may" : "404 unknown";
}

function ownersOf(facts: Facts): string[] {
	if (facts.kind === "session") return [...facts.memberships.keys()];
	return "owner" in facts ? [facts.owner] : [];
}

export function reposAt(facts: Facts, owner: string): readonly string[] | null {
	if (facts.kind === "session") return facts.memberships.get(owner)?.repos ?? null;
	return "repos" in facts ? facts.repos : null;
}

/** Null: the owner is unknown to the caller. */
function rightAt(row: { scope: Scope; role: Role | null }, facts: Facts, owner: string): string | null {
	if (facts.kind === "session") {
		const membership = facts.memberships.get(owner);
		if (membership === undefined) return null;
		if (row.role === null) return "403 scope-missing";
		return roles.indexOf(membership.role) >= roles.indexOf(row.role) ? "may" : "403 role-missing";
	}
	if (!("scopes" in facts) || facts.owner !== owner) return null;
	return facts.scopes.includes(row.scope) ? "may" : "403 scope-missing";
}
