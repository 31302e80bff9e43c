// Who asks, and whether they may: one table for every operation, whatever door the question came through. A door finds out who
// its caller is; each operation asks here before it touches anything. A door may ask earlier, so that it reads no more of a
// request that will be refused.
// Another owner's things are unknown to a token or a member; a scope or role that is missing at one's own is forbidden.
import type { RepositoryName } from "../contracts/objects/objects.ts";
import type { Role } from "../contracts/http/member.ts";
import type { Scope } from "../contracts/http/token.ts";
import type { StreamToken } from "../contracts/wire/sockets/stream-token.ts";
import { accept, refuse } from "../domain/refusal.ts";
import type { Result } from "../domain/refusal.ts";
import { accessOf, hasRole, leastRoleWith, ownersOf, rightsAt } from "./principal.ts";
import type { Principal, Rights } from "./principal.ts";

export interface Caller {
	who: Principal;
	/** For records of who did what. */
	name: string;
	/** Where the call came from, as its door believes it; null: that is not known. */
	address: string | null;
}

/**
 * What an operation is about. `repository`: one, so that a token or member for some repositories may have it if it is among them.
 * `owner`: what all of an owner's repositories share, so that such a one may not. `part`: what an operation itself cuts down to
 * what its caller reaches. `installation`: the operator's alone. `nothing`: it only needs the scope.
 * `role`: the least that a member must be, where the scope alone does not say it.
 */
type Need =
	| { of: "repository" | "owner" | "part" | "nothing"; scope: Scope; role?: Role }
	/** For an owner's admins; without an owner for the operator. */
	| { of: "owner-or-installation"; scope: Scope; role?: Role }
	| { of: "installation" };

const reads = { of: "repository", scope: "read" } as const;
const writes = { of: "repository", scope: "write" } as const;
const administers = { of: "repository", scope: "admin" } as const;
const readsOwner = { of: "owner", scope: "read" } as const;
const administersOwner = { of: "owner", scope: "admin" } as const;
const governsOwner = { of: "owner", scope: "admin", role: "owner" } as const;
const operates = { of: "installation" } as const;

/** Runners and leases are not here: their tokens are for their own pool and job, and say so. */
const needs = {
	submitRun: writes,
	listRuns: reads,
	getRun: reads,
	listJobs: reads,
	addJobs: writes,
	cancelRun: writes,
	retryRun: writes,
	cancelMatching: writes,
	retryMatching: writes,
	getJob: reads,
	prioritiseJob: writes,
	cancelJob: writes,
	retryJob: writes,
	watchRun: reads,
	readLog: reads,
	searchLog: reads,
	watchLog: reads,
	watchJobLog: reads,
	listRepositories: { of: "part", scope: "read" },
	setRepository: administers,
	getRepository: reads,
	getQueue: reads,
	rebuildRepository: administers,
	listSecrets: administers,
	setSecret: administers,
	deleteSecret: administers,
	rebuildOwner: administersOwner,
	listPools: readsOwner,
	getPool: readsOwner,
	setPool: administersOwner,
	setRunner: administersOwner,
	removeRunner: administersOwner,
	registerRunner: { of: "owner", scope: "runner:register" },
	createToken: { of: "part", scope: "admin", role: "owner" },
	listTokens: governsOwner,
	revokeToken: governsOwner,
	createTicket: { of: "nothing", scope: "read" },
	listAudit: { of: "owner-or-installation", scope: "admin", role: "owner" },
	getSwitches: operates,
	setSwitches: operates,
	listDeadLetters: operates,
	redriveDeadLetters: operates,
	dropDeadLetter: operates,
	/** Of the whole installation; no name of anybody's is in them. The operator gives the scope, or whoever has it. */
	readMetrics: { of: "nothing", scope: "metrics" },
} as const satisfies Record<string, Need>;

export type Operation = keyof typeof needs;
type OperationOf<Of extends Need["of"]> = {
	[Name in Operation]: (typeof needs)[Name]["of"] extends Of ? Name : never;
}[Operation];
/** About one repository. */
export type RepositoryOperation = OperationOf<"repository">;
/** About one owner, or about all owners where the owner is null. */
export type OwnerOperation = OperationOf<"owner" | "part" | "owner-or-installation">;
/** About no owner in particular. */
export type PlacelessOperation = OperationOf<"installation" | "nothing">;

export function mayAskOfRepository(
	caller: Caller,
	operation: RepositoryOperation,
	{ owner, repo }: RepositoryName,
): Result<null> {
	const rights = rightsAt(caller.who, owner);
	if (rights === null || (rights.repos !== null && !rights.repos.includes(repo))) return refuse({ code: "unknown" });
	return within(caller.who, rights, needs[operation]);
}

export function mayAskOfOwner(caller: Caller, operation: OwnerOperation, owner: string | null): Result<null> {
	const { who } = caller;
	const need = needs[operation];
	if (owner === null) return who.kind === "operator" ? accept(null) : refuse({ code: "operator-only" });
	const rights = rightsAt(who, owner);
	if (rights === null) return refuse({ code: "unknown" });
	const allowed = within(who, rights, need);
	if (!allowed.ok || need.of === "part" || rights.repos === null) return allowed;
	return refuse({ code: "repositories-limited", act: "call" });
}

export function mayAsk({ who }: Caller, operation: PlacelessOperation): Result<null> {
	const need = needs[operation];
	if (who.kind === "operator") return accept(null);
	if (need.of === "installation") return refuse({ code: "operator-only" });
	const found = ownersOf(who)?.map((owner) => rightsAt(who, owner));
	if (found?.some((rights) => rights?.scopes.includes(need.scope))) return accept(null);
	return lacking(who, need.scope);
}

/** What a stream that the caller opens rests on. Null for the operator, whose token ends with the server's configuration. */
export function streamTokenOf({ who }: Caller): StreamToken | null {
	const access = accessOf(who);
	return access && { owner: access.owner, token: access.id, expiresAt: access.expiresAt };
}

function within(who: Principal, rights: Rights, { scope, role }: { scope: Scope; role?: Role }): Result<null> {
	if (!rights.scopes.includes(scope)) return lacking(who, scope);
	return role === undefined || hasRole(rights, role) ? accept(null) : refuse({ code: "role-missing", role });
}

/** A member is told the role that is wanted, as a token is the scope. */
function lacking(who: Principal, scope: Scope): Result<null> {
	const role = who.kind === "session" ? leastRoleWith(scope) : null;
	return refuse(role === null ? { code: "scope-missing", scope, act: "call" } : { code: "role-missing", role });
}
