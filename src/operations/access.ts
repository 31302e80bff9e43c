// Who asks, and whether they may: one table for every operation, whatever door the question came through. A door finds out who
// its caller is; each operation asks here before it touches anything. A door may ask earlier, so that it reads no more of a
// request that will be refused.
// Another owner's things are unknown to a token, a missing scope on one's own is forbidden.
import type { RepositoryName } from "../contracts/objects/objects.ts";
import type { AccessPayload } from "../contracts/objects/token-payload.ts";
import type { Scope } from "../contracts/http/token.ts";
import type { StreamToken } from "../contracts/wire/sockets/stream-token.ts";
import { accept, refuse } from "../domain/refusal.ts";
import type { Result } from "../domain/refusal.ts";

export interface Caller {
	/** Null: the operator, who may do everything everywhere. */
	access: AccessPayload | null;
	/** For records of who did what. */
	name: string;
	/** Where the call came from, as its door believes it; null: that is not known. */
	address: string | null;
}

/**
 * What an operation is about. `repository`: one, so that a token for some repositories may have it if it is among them. `owner`:
 * what all of an owner's repositories share, so that such a token may not. `part`: what an operation itself cuts down to what the
 * token reaches. `installation`: the operator's alone. `nothing`: it only needs the scope.
 */
type Need =
	| { of: "repository" | "owner" | "part" | "nothing"; scope: Scope }
	/** For an owner's admins; without an owner for the operator. */
	| { of: "owner-or-installation"; scope: Scope }
	| { of: "installation" };

const reads = { of: "repository", scope: "read" } as const;
const writes = { of: "repository", scope: "write" } as const;
const administers = { of: "repository", scope: "admin" } as const;
const readsOwner = { of: "owner", scope: "read" } as const;
const administersOwner = { of: "owner", scope: "admin" } as const;
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
	createToken: { of: "part", scope: "admin" },
	listTokens: administersOwner,
	revokeToken: administersOwner,
	createTicket: { of: "nothing", scope: "read" },
	listAudit: { of: "owner-or-installation", scope: "admin" },
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
	const { access } = caller;
	if (access === null) return accept(null);
	if (access.owner !== owner || (access.repos !== null && !access.repos.includes(repo)))
		return refuse({ code: "unknown" });
	return withScope(access, needs[operation].scope);
}

export function mayAskOfOwner(caller: Caller, operation: OwnerOperation, owner: string | null): Result<null> {
	const { access } = caller;
	if (access === null) return accept(null);
	const need = needs[operation];
	if (owner === null) return refuse({ code: "operator-only" });
	if (access.owner !== owner) return refuse({ code: "unknown" });
	const scoped = withScope(access, need.scope);
	if (!scoped.ok || need.of === "part" || access.repos === null) return scoped;
	return refuse({ code: "repositories-limited", act: "call" });
}

export function mayAsk({ access }: Caller, operation: PlacelessOperation): Result<null> {
	if (access === null) return accept(null);
	const need = needs[operation];
	return need.of === "installation" ? refuse({ code: "operator-only" }) : withScope(access, need.scope);
}

/** What a stream that the caller opens rests on. Null for the operator, whose token ends with the server's configuration. */
export function streamTokenOf({ access }: Caller): StreamToken | null {
	return access && { owner: access.owner, token: access.id, expiresAt: access.expiresAt };
}

function withScope({ scopes }: AccessPayload, scope: Scope): Result<null> {
	return scopes.includes(scope) ? accept(null) : refuse({ code: "scope-missing", scope, act: "call" });
}
