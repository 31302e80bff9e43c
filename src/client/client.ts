// The API as a person or a program calls it, one group of methods per resource. Shapes come from `contracts` as types only:
// nothing is validated here, since the server already did, and no schema library is loaded.
import type { AuditRecord } from "../contracts/http/audit.ts";
import type { BulkCancel, BulkCancelRequest } from "../contracts/http/bulk-cancel.ts";
import type { BulkRetry, BulkRetryRequest } from "../contracts/http/bulk-retry.ts";
import type { RepositoryName } from "../contracts/objects/objects.ts";
import type { LimitUses } from "../contracts/http/limit.ts";
import type { QueueFigures, RebuildAnswer, Repository, RepositoryRequest } from "../contracts/http/repository.ts";
import type { Job, Run, RunRequest } from "../contracts/http/run.ts";
import type {
	PoolFigures,
	PoolPatch,
	Registered,
	RegisterRequest,
	RunnerFigures,
	RunnerPatch,
} from "../contracts/http/runner.ts";
import type { RotateAnswer, SecretListed, SecretRequest } from "../contracts/http/secret.ts";
import type { Page, RunFilter } from "../contracts/http/page.ts";
import { isReplayed } from "../contracts/wire/headers/replayed.ts";
import type { Shape } from "./answer-shape.ts";
import { emptyStream, placeOf, wholeBody } from "./log-body.ts";
import type { LogRange, LogSlice } from "./log-body.ts";
import type { TransportOptions } from "./transport.ts";
import { deadLetterCalls, switchCalls } from "./installation-calls.ts";
import { memberCalls, sessionCalls, tokenCalls } from "./people-calls.ts";
import { get, list, onceUnderKey, remove } from "./resource-calls.ts";
import type { CallOptions, PageOptions } from "./resource-calls.ts";
import { urlPath, Transport } from "./transport.ts";

/** What callers cannot do without, and no more: an older server leaves out fields that newer ones have. */
const repositoryShape: Shape<Repository> = { owner: "text", repo: "text" };
const runShape: Shape<Run> = { id: "text", state: "text" };
export const jobShape: Shape<Job> = { id: "text", state: "text" };
const poolShape: Shape<PoolFigures> = { pool: "text", runners: "list" };

export interface SubmittedRun {
	run: Run;
	/** The server had this submission already. */
	replayed: boolean;
	/** Accepted by spilling: the run has its ids but no number yet. */
	spilled: boolean;
}

export interface RunListOptions extends PageOptions, RunFilter {}

export interface AuditFilter extends PageOptions {
	owner?: string | undefined;
	actor?: string | undefined;
	action?: string | undefined;
}

/**
 * A line of a log that contains what was looked for; `offset` is of its first byte, `line` counts from 1, and up to two lines stand
 * on either side. All texts are without escape sequences, so what was found need not be in the raw bytes as it stands here.
 */
export interface LogFound {
	offset: number;
	line: number;
	text: string;
	before: string[];
	after: string[];
}

export type Client = ReturnType<typeof createClient>;

/**
 * Each method resolves to what the server answered with 2xx. It rejects with a `ProblemError` where the server refused, and with an
 * `Outage` where there was no answer of a Spillway server's within the policy's time: then what was sent may have had its effect.
 */
export function createClient(options: TransportOptions) {
	const transport = new Transport(options);
	return {
		transport,
		repositories: repositoryCalls(transport),
		secrets: secretCalls(transport),
		runs: runCalls(transport),
		jobs: jobCalls(transport),
		attempts: attemptCalls(transport),
		pools: poolCalls(transport),
		tokens: tokenCalls(transport),
		members: memberCalls(transport),
		sessions: sessionCalls(transport),
		switches: switchCalls(transport),
		limits: limitCalls(transport),
		projection: projectionCalls(transport),
		deadLetters: deadLetterCalls(transport),
		audit: {
			/** Newest first; without an owner all of it, for the operator. Acts of the last seconds may not be there yet. */
			list: (filter: AuditFilter = {}) => list<AuditRecord>(transport, "/v1/audit", { ...filter }),
		},
		/** Needs scope `runner:register`. Under one key it makes one runner, however often it is sent. */
		registerRunner: (
			{ owner, pool }: { owner: string; pool: string },
			request: RegisterRequest,
			options: CallOptions = {},
		) =>
			transport.json<Registered>(onceUnderKey(urlPath("v1", "pools", owner, pool, "runners"), request, options), {
				id: "text",
				token: "text",
				heartbeatSeconds: "number",
			}),
	};
}

/** All items of a list, page by page: a caller that stops early asks for no further page. */
export async function* everyItem<T>(page: (cursor: string | undefined) => Promise<Page<T>>): AsyncGenerator<T> {
	let cursor: string | undefined;
	do {
		const { items, nextCursor } = await page(cursor);
		yield* items;
		cursor = nextCursor ?? undefined;
	} while (cursor !== undefined);
}

export function repositoryPath({ owner, repo }: RepositoryName, ...rest: (string | number)[]): string {
	return urlPath("v1", "repos", owner, repo, ...rest);
}

/** `job`: its id, or `RUN/KEY` with the run's id, its number or `latest`. */
export function jobPath(name: RepositoryName, job: string, ...rest: (string | number)[]): string {
	const cut = job.indexOf("/");
	if (cut < 0) return repositoryPath(name, "jobs", job, ...rest);
	return repositoryPath(name, "runs", job.slice(0, cut), "jobs", job.slice(cut + 1), ...rest);
}

function repositoryCalls(transport: Transport) {
	const write = (method: "PUT" | "PATCH", name: RepositoryName, request: RepositoryRequest) =>
		transport.json<Repository>(
			{ method, path: repositoryPath(name), json: request, idempotent: true },
			repositoryShape,
		);
	return {
		list: (owner: string, page: PageOptions = {}) => list<Repository>(transport, "/v1/repos", { owner, ...page }),
		/** From the repository itself; while that does not answer, as the list has it, which `onStale` then hears. */
		get: (name: RepositoryName) => get<Repository>(transport, repositoryPath(name), repositoryShape),
		/** Makes the repository known, and sets each field that `request` leaves out to its default. */
		put: (name: RepositoryName, request: RepositoryRequest) => write("PUT", name, request),
		/** Changes the fields that are there. Repeated after a change by somebody else it undoes that change, of these fields alone. */
		patch: (name: RepositoryName, request: RepositoryRequest) => write("PATCH", name, request),
		queue: (name: RepositoryName) =>
			get<QueueFigures>(transport, repositoryPath(name, "queue"), { waiting: "number", limits: "object" }),
	};
}

/** What is null goes back to what holds for everybody. */
export type LimitsChange = Record<string, number | null>;

/** Of an owner, or of one of its repositories where `repo` is said. Only the operator sets them. */
function limitCalls(transport: Transport) {
	const path = ({ owner, repo }: { owner: string; repo: string | null }) =>
		repo === null ? urlPath("v1", "owners", owner, "limits") : repositoryPath({ owner, repo }, "limits");
	const shape: Shape<LimitUses> = { items: "list" };
	return {
		get: (of: { owner: string; repo: string | null }) => get<LimitUses>(transport, path(of), shape),
		patch: (of: { owner: string; repo: string | null }, change: LimitsChange) =>
			transport.json<LimitUses>({ method: "PATCH", path: path(of), json: change, idempotent: true }, shape),
	};
}

/** Whose secrets they are: a repository's, or, `repo` null, an owner's. */
export interface SecretHolder {
	owner: string;
	repo: string | null;
}

function secretsPath({ owner, repo }: SecretHolder, ...rest: string[]): string {
	if (repo === null) return urlPath("v1", "owners", owner, "secrets", ...rest);
	return repositoryPath({ owner, repo }, "secrets", ...rest);
}

function secretCalls(transport: Transport) {
	return {
		list: (holder: SecretHolder, page: PageOptions = {}) =>
			list<SecretListed>(transport, secretsPath(holder), { ...page }),
		/** The value goes to the server in the clear, by TLS or on loopback, and no call reads it back. */
		put: (holder: SecretHolder, { name, ...request }: { name: string } & SecretRequest) =>
			transport.done({ method: "PUT", path: secretsPath(holder, name), json: request, idempotent: true }),
		delete: (holder: SecretHolder, name: string) => remove(transport, secretsPath(holder, name)),
		/** One slice; `cursor` null: the first. */
		rotate: (owner: string, cursor: string | null) =>
			transport.json<RotateAnswer>(
				{
					method: "POST",
					path: urlPath("v1", "owners", owner, "rotate-secrets"),
					json: cursor === null ? {} : { cursor },
					idempotent: true,
				},
				{ resealed: "number", sealingKeys: "object", nextCursor: "text or null" },
			),
	};
}

function runCalls(transport: Transport) {
	return {
		async submit(name: RepositoryName, request: RunRequest, options: CallOptions = {}): Promise<SubmittedRun> {
			const call = onceUnderKey(repositoryPath(name, "runs"), request, options);
			const { body, status, headers } = await transport.answer<Run>(call, runShape);
			// By the status alone: a spilled run looks like one that waits.
			return { run: body, replayed: isReplayed(headers), spilled: status === 202 };
		},
		get: (name: RepositoryName, run: string, options: { signal?: AbortSignal | undefined } = {}) =>
			get<Run>(transport, repositoryPath(name, "runs", run), runShape, options.signal),
		/** The run's events as a stream of server-sent events, its state first. */
		events: (name: RepositoryName, run: string, { signal }: { signal?: AbortSignal | undefined } = {}) => {
			const headers = { accept: "text/event-stream" };
			const path = repositoryPath(name, "runs", run, "events");
			return transport.stream({ method: "GET", path, headers, idempotent: true, signal });
		},
		list: (name: RepositoryName, filter: RunListOptions = {}) =>
			list<Run>(transport, repositoryPath(name, "runs"), { ...filter }),
		jobs: (name: RepositoryName, run: string, page: PageOptions = {}) =>
			list<Job>(transport, repositoryPath(name, "runs", run, "jobs"), { ...page }),
		addJobs: (name: RepositoryName, run: string, jobs: RunRequest["jobs"], options: CallOptions = {}) =>
			transport.json<Run>(onceUnderKey(repositoryPath(name, "runs", run, "jobs"), { jobs }, options), runShape),
		// A cancel that comes twice has the effect of onceUnderKey, whatever key it carries: so it may be sent again.
		cancel: (name: RepositoryName, run: string, request: { reason?: string } = {}) =>
			transport.json<Run>(onceUnderKey(repositoryPath(name, "runs", run, "cancel"), request), runShape),
		/** One round more. The key matters: without it a second call would retry what the first one has made fail again. */
		retry: (
			name: RepositoryName,
			run: string,
			request: { only: "failed" | "all"; reason?: string },
			options: CallOptions = {},
		) => transport.json<Run>(onceUnderKey(repositoryPath(name, "runs", run, "retry"), request, options), runShape),
	};
}

/** Each takes a job as `jobPath` does. */
function jobCalls(transport: Transport) {
	return {
		get: (name: RepositoryName, job: string, options: { signal?: AbortSignal | undefined } = {}) =>
			get<Job>(transport, jobPath(name, job), jobShape, options.signal),
		cancel: (name: RepositoryName, job: string, request: { reason?: string; force?: boolean } = {}) =>
			transport.json<Job>(onceUnderKey(jobPath(name, job, "cancel"), request), jobShape),
		retry: (name: RepositoryName, job: string, request: { reason?: string } = {}, options: CallOptions = {}) =>
			transport.json<Job>(onceUnderKey(jobPath(name, job, "retry"), request, options), jobShape),
		/**
		 * Many at onceUnderKey, by what they have in common; `dryRun` only says which. It carries no key and may be sent again all the same: what
		 * the first call canceled matches no more, and what the second takes on top was asked for too.
		 */
		cancelMatching: (name: RepositoryName, request: BulkCancelRequest) =>
			transport.json<BulkCancel>(
				{
					method: "POST",
					path: repositoryPath(name, "cancel"),
					json: request,
					idempotent: true,
				},
				{ items: "list", canceled: "number" },
			),
		retryMatching: (name: RepositoryName, request: BulkRetryRequest, options: CallOptions = {}) =>
			transport.json<BulkRetry>(onceUnderKey(repositoryPath(name, "retry"), request, options), {
				items: "list",
				retried: "number",
			}),
		reprioritise: (name: RepositoryName, job: string, priority: number) =>
			transport.json<Job>(
				{
					method: "PATCH",
					path: jobPath(name, job),
					json: { priority },
					idempotent: true,
				},
				jobShape,
			),
	};
}

function attemptCalls(transport: Transport) {
	return {
		/** As `log`, in chunks. A body that breaks off is taken up where it broke, except of a tail or with times: that is an `Outage`. */
		bytes: (name: RepositoryName, attempt: { job: string; attempt: number }, range: LogRange = {}) =>
			wholeBody(transport, range, (rest) => attemptCalls(transport).log(name, attempt, rest)),
		/**
		 * The raw bytes. A range that begins at or after the end is refused with status 416. The whole is asked for without a `Range`: of
		 * an empty log even `bytes=0-` begins past the end.
		 */
		async log(
			name: RepositoryName,
			{ job, attempt }: { job: string; attempt: number },
			range: LogRange & { signal?: AbortSignal | undefined } = {},
		): Promise<LogSlice> {
			const headers: Record<string, string> = { accept: "text/plain" };
			if (range.from !== undefined || range.to !== undefined) {
				// A range of HTTP names its last byte, ours the byte after it.
				headers.range = `bytes=${range.from ?? 0}-${range.to === undefined ? "" : range.to - 1}`;
			}
			const response = await transport.stream({
				method: "GET",
				path: jobPath(name, job, "attempts", attempt, "log"),
				query: { tail: range.tail, timestamps: range.timestamps ? 1 : undefined },
				headers,
				idempotent: true,
				signal: range.signal,
			});
			return { ...placeOf(response.headers), body: response.body ?? emptyStream() };
		},
		/** Lines that contain `q`, a page at a time; a page may be empty and not the last. */
		search: (
			name: RepositoryName,
			{ job, attempt }: { job: string; attempt: number },
			query: PageOptions & { q: string },
		) => list<LogFound>(transport, jobPath(name, job, "attempts", attempt, "log", "search"), { ...query }),
	};
}

export interface RunnerPlace {
	owner: string;
	pool: string;
	runner: string;
}

function poolCalls(transport: Transport) {
	return {
		list: (owner: string, page: PageOptions = {}) =>
			list<PoolFigures>(transport, urlPath("v1", "pools", owner), { ...page }),
		get: ({ owner, pool }: { owner: string; pool: string }) =>
			get<PoolFigures>(transport, urlPath("v1", "pools", owner, pool), poolShape),
		/** Pauses, drains or goes on; needs scope `admin`. */
		patch: ({ owner, pool }: { owner: string; pool: string }, patch: PoolPatch) =>
			transport.json<PoolFigures>(
				{
					method: "PATCH",
					path: urlPath("v1", "pools", owner, pool),
					json: patch,
					idempotent: true,
				},
				poolShape,
			),
		/** Drains one runner, or lets it work on; needs scope `admin`. */
		patchRunner: ({ owner, pool, runner }: RunnerPlace, patch: RunnerPatch) =>
			transport.json<RunnerFigures>(
				{
					method: "PATCH",
					path: urlPath("v1", "pools", owner, pool, "runners", runner),
					json: patch,
					idempotent: true,
				},
				{ id: "text", state: "text" },
			),
		/** Its token works no more, and its jobs go to others; needs scope `admin`. */
		removeRunner: ({ owner, pool, runner }: RunnerPlace) =>
			remove(transport, urlPath("v1", "pools", owner, pool, "runners", runner)),
	};
}

function projectionCalls(transport: Transport) {
	const rebuild = (path: string, cursor: string | null) =>
		transport.json<RebuildAnswer>(
			{
				method: "POST",
				path,
				json: cursor === null ? {} : { cursor },
				idempotent: true,
			},
			{ right: "number", written: "number", removed: "number", nextCursor: "text or null" },
		);
	// A slice sets rows to what the truth is, so a second time it finds nothing to do.
	return {
		/** One slice of a repository; `cursor` null: the first. The caller goes on with `nextCursor` until that is null. */
		rebuildRepository: (name: RepositoryName, cursor: string | null) =>
			rebuild(repositoryPath(name, "projection", "rebuild"), cursor),
		rebuildOwner: (owner: string, cursor: string | null) =>
			rebuild(urlPath("v1", "owners", owner, "projection", "rebuild"), cursor),
	};
}
