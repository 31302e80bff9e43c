// Who may ask for what: one row for every operation, which is also every route of the API by its id in the document. `access.ts`
// decides by it, the document's `security` and answers are made from it, and so is docs/access.md. A route without a row does not
// compile, and a row without a route fails the test of the document. Whether each route does as its row says, the matrix tries:
// workers/api/access/access-matrix.test.ts.
import type { Role } from "../domain/role.ts";
import type { Scope } from "../contracts/http/token.ts";

/** What an access token needs, and the least role of a member. */
export interface Right {
	scope: Scope;
	/** Null: no member may by a role alone. */
	role: Role | null;
}

interface PlacedRow extends Right {
	/**
	 * `repository`: one, which a token or a membership for some repositories must be for. `owner`: what all of an owner's
	 * repositories share, which such a one may not ask for. `part`: what the operation itself cuts down to what its caller reaches.
	 * `owner-or-installation`: one owner's; all owners' for the operator alone.
	 */
	of: "repository" | "owner" | "part" | "owner-or-installation";
	/** A lease may too, in its own run. */
	lease?: true;
	/** A ticket stands for the token that made it. */
	ticket?: true;
	/** Codes of 403 beside those that follow from the row: what the operation refuses to give. */
	refuses?: readonly string[];
}

export type AccessRow =
	| PlacedRow
	/** About no owner: the right is all that is needed. */
	| ({ of: "nothing"; refuses?: readonly string[] } & Right)
	/** The operator's alone. */
	| { of: "installation" }
	/** A token of this kind alone, which says itself what it is for: its own pool, its own job. */
	| { of: "runner"; refuses?: readonly string[] }
	| { of: "lease"; refuses?: readonly string[] }
	/** Whoever proves to be somebody, for itself alone. */
	| { of: "oneself" }
	/** Everybody's. `isProvedInBody`: what lets the caller in is sent there, and may be good for nothing. */
	| { of: "open"; isProvedInBody?: true; refuses?: readonly string[] };

const open = { of: "open" } as const;
const itself = { of: "oneself" } as const;
const operates = { of: "installation" } as const;
const reads = { of: "repository", scope: "read", role: "viewer" } as const;
const watches = { ...reads, ticket: true } as const;
const writes = { of: "repository", scope: "write", role: "developer" } as const;
const administers = { of: "repository", scope: "admin", role: "maintainer" } as const;
const readsOwner = { of: "owner", scope: "read", role: "viewer" } as const;
const administersOwner = { of: "owner", scope: "admin", role: "maintainer" } as const;
/** Tokens let others in, as memberships do. */
const governsOwner = { of: "owner", scope: "admin", role: "owner" } as const;
const byRunner = { of: "runner", refuses: ["runner-removed"] } as const;
const byLease = { of: "lease" } as const;

export const accessTable = {
	getHealth: open,
	/** The operator is also told which objects are in trouble. */
	getReadiness: open,
	getDocument: open,
	getRunnerScript: open,
	getCommandLine: open,
	getOpenidConfiguration: open,
	getJwks: open,
	signIn: open,
	finishSignIn: open,

	submitRun: writes,
	listRuns: reads,
	getRun: reads,
	listJobs: reads,
	addJobs: { ...writes, lease: true, refuses: ["pool-limited", "secrets-limited"] },
	cancelRun: writes,
	retryRun: writes,
	cancelJobs: writes,
	retryJobs: writes,
	watchRun: watches,

	getJob: reads,
	prioritiseJob: writes,
	cancelJob: writes,
	retryJob: writes,

	getLog: reads,
	searchLog: reads,
	indexLog: reads,
	watchLog: watches,
	watchJobLog: watches,

	listRepositories: { of: "part", scope: "read", role: "viewer" },
	putRepository: administers,
	patchRepository: administers,
	getRepository: reads,
	getQueue: reads,
	getOwnerLimits: readsOwner,
	putOwnerLimits: operates,
	patchOwnerLimits: operates,
	getRepositoryLimits: reads,
	putRepositoryLimits: operates,
	patchRepositoryLimits: operates,
	rebuildRepository: administers,
	rebuildOwner: administersOwner,

	listSecrets: administers,
	setSecret: administers,
	deleteSecret: administers,
	listOwnerSecrets: administersOwner,
	setOwnerSecret: administersOwner,
	deleteOwnerSecret: administersOwner,
	rotateSecrets: administersOwner,

	listPools: readsOwner,
	getPool: readsOwner,
	setPool: administersOwner,
	setRunner: administersOwner,
	removeRunner: administersOwner,
	registerRunner: {
		...{ of: "owner", scope: "runner:register", role: "maintainer" },
		refuses: ["pools-limited", "token-used-up"],
	},

	acquireGrant: byRunner,
	heartbeat: byRunner,
	openSession: byRunner,

	startLease: byLease,
	appendLog: byLease,
	feedLog: byLease,
	reportSteps: byLease,
	createIdToken: byLease,
	finishLease: byLease,

	/** A token for some repositories makes tokens for these. */
	createToken: { ...governsOwner, of: "part", refuses: ["repositories-limited", "expiry-limited"] },
	listTokens: governsOwner,
	revokeToken: governsOwner,
	/** For who brings a token: a session opens its streams by its cookie, and they end with it. */
	createTicket: { of: "nothing", scope: "read", role: null, refuses: ["token-only"] },
	listMembers: governsOwner,
	setMember: { ...governsOwner, refuses: ["role-limited"] },
	removeMember: governsOwner,
	/** Whoever has the token that is sent. */
	createSession: { of: "open", isProvedInBody: true, refuses: ["origin-foreign"] },
	getSession: itself,
	deleteSession: itself,
	listSessions: itself,
	endSession: itself,
	listAudit: { of: "owner-or-installation", scope: "admin", role: "owner" },

	getSwitches: operates,
	setSwitches: operates,
	listDeadLetters: operates,
	redriveDeadLetter: operates,
	redriveDeadLetters: operates,
	dropDeadLetter: operates,
	/** Of the whole installation; no name of anybody's is in them. */
	getMetrics: { of: "nothing", scope: "metrics", role: null },
} as const satisfies Record<string, AccessRow>;

export type Operation = keyof typeof accessTable;

/** The operations that are about this. */
export type OperationOf<Of extends AccessRow["of"]> = {
	[Name in Operation]: (typeof accessTable)[Name]["of"] extends Of ? Name : never;
}[Operation];

export function accessRow(operation: Operation): AccessRow {
	return accessTable[operation];
}

/** Kinds of callers, as the document names what they bring. */
export type PrincipalKind = "operator" | "access" | "session" | "runner" | "lease" | "ticket";

/** Empty: everybody may. A session stands for a person, or for the token that opened it. */
export function principalsFor(row: AccessRow): PrincipalKind[] {
	switch (row.of) {
		case "open":
			return [];
		case "installation":
			return ["operator", "session"];
		case "runner":
		case "lease":
			return [row.of];
		case "nothing":
		case "oneself":
			return ["access", "operator", "session"];
		case "repository":
		case "owner":
		case "part":
		case "owner-or-installation":
			return [
				"access",
				"operator",
				"session",
				...(row.lease ? (["lease"] as const) : []),
				...(row.ticket ? (["ticket"] as const) : []),
			];
	}
}

/** The codes with which a call may be refused that has not the right, by status. */
export function refusalsFor(row: AccessRow): { 401: string[]; 403: string[]; 404: string[] } {
	const own = "refuses" in row ? (row.refuses ?? []) : [];
	const role = "role" in row && row.role !== null ? ["role-missing"] : [];
	const lacks = "scope" in row ? ["scope-missing", ...role] : [];
	const forbidden: Record<AccessRow["of"], string[]> = {
		open: [],
		installation: ["operator-only"],
		runner: [],
		lease: [],
		nothing: lacks,
		oneself: [],
		repository: lacks,
		part: lacks,
		owner: [...lacks, "repositories-limited"],
		"owner-or-installation": ["operator-only", ...lacks, "repositories-limited"],
	};
	const isPlaced =
		row.of === "repository" || row.of === "owner" || row.of === "part" || row.of === "owner-or-installation";
	return {
		401: row.of === "open" && !row.isProvedInBody ? [] : ["unauthorized"],
		403: [...forbidden[row.of], ...own],
		404: isPlaced ? ["unknown"] : [],
	};
}
