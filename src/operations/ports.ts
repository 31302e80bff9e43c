// What operations are made from: objects, read model, archive, keys and switches. `workers/wire.ts` builds all of it from
// bindings; an operation takes the few ports that it names, and knows neither Cloudflare nor the wire that its caller came by.
import type { AuditRecord } from "../contracts/http/audit.ts";
import type {
	LeaseIdentity,
	PoolCalls,
	RepoCalls,
	RepositoryName,
	RunnerIdentity,
	WholePool,
} from "../contracts/objects/objects.ts";
import type { LogCalls } from "../contracts/objects/log-calls.ts";
import type { DeadLetters } from "../contracts/objects/dead-letters.ts";
import type { Intake } from "../contracts/objects/intake.ts";
import type { OwnerCalls, TokenName } from "../contracts/objects/owner.ts";
import type { PersonCalls, SessionStanding } from "../contracts/objects/person.ts";
import type { Grant } from "../contracts/http/runner.ts";
import type { LogMessage } from "../contracts/http/streams/log-stream.ts";
import type { StreamRest } from "../contracts/wire/sockets/stream-token.ts";
import type { FeedName, LogName, PoolShardName } from "../contracts/wire/object-name.ts";
import type { Switches } from "../contracts/http/switches.ts";
import type { Page, RunFilter } from "../contracts/http/page.ts";
import type { Repository } from "../contracts/http/repository.ts";
import type { Run } from "../contracts/http/run.ts";
import type { TokenPayload, TokenKind } from "../contracts/objects/token-payload.ts";
import type { TokenRecord } from "../contracts/http/token.ts";
import type { Millis, RunId, RunName } from "../domain/ids.ts";
import type { LogRecord } from "../domain/job/job.ts";
import type { LogChunk } from "../domain/log/log-time.ts";
import type { Result } from "../domain/refusal.ts";
import type { Jwks } from "../contracts/http/identity.ts";
import type { KnownLeases } from "./leases/known-leases.ts";
import type { SessionName } from "./principal.ts";
import type { KnownLimits } from "./overload/known-limits.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { KnownLines } from "./logs/known-lines.ts";
import type { KnownSpills } from "./spill/known-spills.ts";

/** A sealed log in the archive. */
export interface SealedLog {
	record: LogRecord;
	length: number;
	outcome: string | null;
	/** Bytes [from, to) in order; reads only the blocks that the range touches, and stops when whoever iterates does. */
	chunks(from: number, to: number): AsyncIterable<LogChunk>;
}

export interface IdentityKeys {
	/** A JSON Web Token of these claims, which are all that it has. */
	sign(claims: Record<string, unknown>): Promise<string>;
	jwks: Jwks;
}

/** [Y13] What a DELETE found. */
export interface Deleted {
	wasThere: boolean;
}

/** `asOf` null: as it is now. Else the truth does not answer, and this is how it was then. */
export interface Seen<T> {
	value: T;
	asOf: Millis | null;
}

/** The read model: may lag, never lies. Throws an `Outage` when it cannot be reached. */
export interface ReadModel {
	/** `repos`: these alone; null: all. */
	repositories(call: {
		owner: string;
		repos: readonly string[] | null;
		limit: number;
		cursor: string | null;
	}): Promise<Page<Repository>>;
	runs(call: RepositoryName & { filter: RunFilter; limit: number; cursor: string | null }): Promise<Page<Run>>;
	/** As it was told last, and when. */
	repository(name: RepositoryName): Promise<{ repository: Repository; at: Millis } | null>;
	/** As the repository's object projected it last, without its jobs. */
	run(name: RepositoryName, run: RunName): Promise<Run | null>;
	pools(call: { owner: string; limit: number; cursor: string | null }): Promise<Page<string>>;
	addPool(owner: string, pool: string): Promise<void>;
	tokens(call: { owner: string; limit: number; cursor: string | null }): Promise<Page<TokenRecord>>;
	token(id: string): Promise<TokenRecord | null>;
	/** False when one was made under the key before; `prefix`: where the ids begin that follow from the key, null without one. */
	addToken(token: TokenRecord, prefix: string | null): Promise<boolean>;
	keyedToken(prefix: string): Promise<TokenRecord | null>;
	revokeToken(id: string, at: number): Promise<void>;
	audit(call: {
		owner: string | null;
		actor: string | undefined;
		action: string | undefined;
		limit: number;
		cursor: string | null;
	}): Promise<Page<AuditRecord>>;
}

/** Which tokens were ended before their time, as far as is known here. */
export interface Ends {
	/** Null when it is known already: nearly always. Rejects with `StandingUnknown`. */
	learn(name: TokenName): Promise<void> | null;
	standing(name: TokenName): "good" | "ended" | "unknown";
	/** It was ended from here. */
	note(name: TokenName): void;
}

/** Which sessions are over, and what their holders are, as far as is known here: as old as `Ends`, and no older. */
export interface Sessions {
	/** Null when it is known already. Rejects with `StandingUnknown`. */
	learn(name: SessionName): Promise<void> | null;
	standing(name: SessionName): "ended" | "unknown" | Omit<SessionStanding, "ended">;
	/** It was ended from here. */
	note(name: SessionName): void;
}

/** Rows of the read model, to be compared with the truth and set right. Throws an `Outage` when it cannot be reached. */
export interface ProjectionRows {
	repository(name: RepositoryName): Promise<{ version: number; doc: string } | null>;
	/** `seen`: the version of the row that was read, which alone is replaced. `repository` null: the row goes. */
	writeRepository(
		name: RepositoryName,
		row: { repository: Repository | null; at: Millis; seen: number | null },
	): Promise<void>;
	runs(name: RepositoryName, ids: readonly RunId[]): Promise<SeenRows>;
	writeRuns(name: RepositoryName, rows: readonly { run: Run; seen: number | null }[]): Promise<void>;
	/** In the order of the lists, the oldest first. */
	places(
		name: RepositoryName,
		call: { after: { createdAt: number; id: RunId } | null; limit: number },
	): Promise<{ id: RunId; version: number; createdAt: number }[]>;
	/** Those that still have this version. */
	deleteRuns(rows: readonly { id: RunId; version: number }[]): Promise<void>;
	repositoryNames(call: { owner: string; after: string; limit: number }): Promise<string[]>;
	poolNames(call: { owner: string; after: string; limit: number }): Promise<string[]>;
	/** By id. */
	tokens(call: { owner: string; after: string; limit: number }): Promise<TokenRecord[]>;
	/** How many were missing, or wrong. */
	addPools(owner: string, pools: readonly string[]): Promise<number>;
	writeTokens(tokens: readonly TokenRecord[]): Promise<number>;
	/** The owner's lists lack nothing any more that was lost before a rebuild which began then. */
	closeGap(owner: string, beganAt: Millis): Promise<void>;
}

/** Rows of runs as they were read. */
export interface SeenRows {
	/** Null: there was no row. */
	version(run: RunId): number | null;
	/** Whether there was one, and it shows this. */
	isRight(run: Run): boolean;
}

export interface Ports {
	repo(name: RepositoryName): RepoCalls;
	pool(name: PoolShardName): PoolCalls;
	wholePool(name: { owner: string; pool: string }): WholePool;
	/** Over how many shards new runners of a pool are spread. */
	poolShards: number;
	/** A long poll: the grant that comes within `waitMs`, or null. */
	waitForGrant(poll: { runner: RunnerIdentity; named: string[] | null }, waitMs: number): Promise<Grant | null>;
	/** A run that left its object, with all its jobs; null when the archive has none. */
	archivedRun(name: RepositoryName, run: string): Promise<Run | null>;
	log(name: LogName): LogCalls;
	sealedLog(name: LogName): Promise<SealedLog | null>;
	/**
	 * The messages of an unsealed log from an offset on; null when nothing of it is here any more. They end after `end`, when
	 * `gone` is aborted, or with the connection: then whoever wants the rest follows again from where it came to.
	 */
	followLog(call: { name: LogName; from: number; gone: AbortSignal }): Promise<AsyncIterable<LogMessage> | null>;
	/** What a run's feed says, each event as its text: first the run as it is, or what came after the `seq`. */
	followRun(
		name: FeedName,
		call: { after: number | null },
	): Promise<Result<(gone: AbortSignal) => AsyncIterable<string>>>;
	readModel: ReadModel;
	projectionRows: ProjectionRows;
	/** Names of an owner's repositories of which the archive has a log, a run or a spilled run; the first thousand of each. */
	repositoriesInArchive(owner: string): Promise<string[]>;
	/** Runs that were accepted while their repository did not answer. */
	intake: Intake;
	/** How long a repository has to take a submission before it is spilled. */
	spillAfterMs: number;
	deadLetters: DeadLetters;
	/** What this process counts and measures. */
	metrics: Metrics;
	switches: {
		/** The last known, refreshed in the background: never a call on the way of a request. */
		current(): Switches;
		set(patch: Partial<Switches>): Promise<Switches>;
		read(): Promise<Switches>;
	};
	/** Null: the operator, who is no owner. */
	owner(name: string | null): OwnerCalls;
	/** A person's object, or that of a name, a token or the operator. */
	person(holder: string): PersonCalls;
	ends: Ends;
	/** What this process knows of what the operator set for owners. */
	ownerLimits: KnownLimits;
	sessions: Sessions;
	/** What this process knows of leases: one for all of its calls. */
	leases: KnownLeases;
	/** What this process knows of spills: likewise. */
	spills: KnownSpills;
	/** What this process knows of where lines of logs begin: likewise. */
	lines: KnownLines;
	/** Resolves when the act is in the audit, or in the log if that cannot be; never throws. */
	writeAudit(record: AuditRecord): Promise<void>;
	/** Where the world reaches this server, without a slash at its end; null: its operator has not said. Never taken from a request. */
	publicUrl: string | null;
	/** What vouches for jobs; null: nothing. */
	identityKeys(): Promise<IdentityKeys | null>;
	signToken<Kind extends TokenKind>(kind: Kind, payload: TokenPayload[Kind]): string;
	/** Ids of the keys that seal data keys; the first does. */
	sealingKeys(): string[];
	/** Encrypts a secret for the object that will hold it: the repository's, or, `repo` null, the owner's. */
	sealSecret(place: { owner: string; repo: string | null; name: string }, value: string): Promise<string>;
	now(): number;
	/** Work that may outlive the answer. */
	later(work: Promise<unknown>): void;
}

/** Sockets of objects, which a door passes through to its caller as they are: no operation looks into one. */
export interface SocketPorts<Socket> {
	/** A runner's session; its other end is at the pool. */
	openSession(runner: RunnerIdentity): Promise<Result<Socket>>;
	/** A runner's upload socket, whose other end is at its log. */
	openUploadSocket(lease: LeaseIdentity): Promise<Result<Socket>>;
	/** A viewer's of an open log, which rests on these. Null: nothing of the log is in its object. */
	openLogView(name: LogName, call: { from: number; rests: readonly StreamRest[] }): Promise<Result<Socket | null>>;
	/** A watcher's of a run, which rests on these. */
	openRunWatch(name: FeedName, call: { after: number | null; rests: readonly StreamRest[] }): Promise<Result<Socket>>;
}
