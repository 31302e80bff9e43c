// Who asks, and whether they may: one function over one table (`access-table.ts`), whatever door the question came through. A door
// finds out who its caller is; each operation asks here before it touches anything. A door may ask earlier, so that it reads no more
// of a request that will be refused.
// Another owner's things are unknown to a token or a member; a scope or role that is missing at one's own is forbidden.
import type { RepositoryName } from "../contracts/objects/objects.ts";
import type { StreamRest } from "../contracts/wire/sockets/stream-token.ts";
import { accept, refuse } from "../domain/refusal.ts";
import type { Result } from "../domain/refusal.ts";
import { accessTable } from "./access-table.ts";
import type { AccessRow, OperationOf, Right } from "./access-table.ts";
import { accessOf, hasRole, ownersOf, rightsAt } from "./principal.ts";
import type { Principal, Rights } from "./principal.ts";

export interface Caller {
	who: Principal;
	/** For records of who did what. */
	name: string;
	/** Where the call came from, as its door believes it; null: that is not known. */
	address: string | null;
}

/** About one repository. */
export type RepositoryOperation = OperationOf<"repository">;
/** About one owner, or about all owners where the owner is null. */
export type OwnerOperation = OperationOf<"owner" | "part" | "owner-or-installation">;
/** About no owner in particular. */
export type PlacelessOperation = OperationOf<"installation" | "nothing" | "oneself">;

export function mayAskOfRepository(
	caller: Caller,
	operation: RepositoryOperation,
	{ owner, repo }: RepositoryName,
): Result<null> {
	return decide(caller.who, accessTable[operation], { owner, repo });
}

export function mayAskOfOwner(caller: Caller, operation: OwnerOperation, owner: string | null): Result<null> {
	return decide(caller.who, accessTable[operation], { owner });
}

export function mayAsk(caller: Caller, operation: PlacelessOperation): Result<null> {
	return decide(caller.who, accessTable[operation], { owner: null });
}

/** At one of the owners at which the caller is somebody: for what must be looked up before it is known whose it is. */
export function mayAskSomewhere(caller: Caller, operation: OwnerOperation): Result<null> {
	const owners = ownersOf(caller.who);
	if (owners === null) return accept(null);
	const answers = owners.map((owner) => mayAskOfOwner(caller, operation, owner));
	return answers.find(({ ok }) => ok) ?? answers[0] ?? refuse({ code: "unknown" });
}

type AskedRow = Exclude<AccessRow, { of: "runner" | "lease" | "open" }>;

/**
 * The one function that decides. `owner` null: the call names none. What the caller may not know is unknown, whether it is there or
 * not: so this asks nobody.
 */
function decide(who: Principal, row: AskedRow, { owner, repo }: { owner: string | null; repo?: string }): Result<null> {
	if (who.kind === "operator" || row.of === "oneself") return accept(null);
	if (row.of === "installation") return refuse({ code: "operator-only" });
	if (row.of === "nothing") return withRightSomewhere(who, row);
	if (owner === null) return refuse({ code: "operator-only" });
	const rights = rightsAt(who, owner);
	if (rights === null) return refuse({ code: "unknown" });
	const { repos } = rights;
	if (row.of === "repository" && repos !== null && !repos.includes(repo ?? "")) return refuse({ code: "unknown" });
	const allowed = withRight(who, rights, row);
	if (!allowed.ok || row.of === "repository" || row.of === "part" || repos === null) return allowed;
	return refuse({ code: "repositories-limited", act: "call" });
}

function withRightSomewhere(who: Principal, right: Right): Result<null> {
	const found = (ownersOf(who) ?? []).flatMap((owner) => rightsAt(who, owner) ?? []);
	const answers = found.map((rights) => withRight(who, rights, right));
	return (
		answers.find(({ ok }) => ok) ?? answers[0] ?? refuse({ code: "scope-missing", scope: right.scope, act: "call" })
	);
}

/** A person is told the role that is wanted, as a token is the scope. */
function withRight(who: Principal, rights: Rights, { scope, role }: Right): Result<null> {
	if (who.kind !== "session" || role === null) {
		const isScoped = who.kind !== "session" && rights.scopes.includes(scope);
		return isScoped ? accept(null) : refuse({ code: "scope-missing", scope, act: "call" });
	}
	return hasRole(rights, role) ? accept(null) : refuse({ code: "role-missing", role });
}

/**
 * On what a stream rests that the caller opens at an owner: a token, a session, or both where a token opened the session. On nothing
 * for the operator's own token, which ends with the server's configuration.
 */
export function streamRestsOf({ who }: Caller, owner: string): StreamRest[] {
	const access = accessOf(who);
	const rests: StreamRest[] =
		access === null ? [] : [{ kind: "token", owner: access.owner, token: access.id, expiresAt: access.expiresAt }];
	if (who.session === undefined) return rests;
	const membership = who.kind === "session" ? who.memberships.get(owner) : undefined;
	const at = membership === undefined ? null : { owner, version: membership.version };
	return [...rests, { kind: "session", ...who.session, membership: at }];
}
