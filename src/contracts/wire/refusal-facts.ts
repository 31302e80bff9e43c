// The one table that says what a refusal looks like on the wire, as the facts of an RFC 9457 problem.
import { limitOf, limitRow } from "../../domain/limit/limit-table.ts";
import type { AccessRefusal, LimitReached, ReadRefusal, Refusal } from "../../domain/refusal.ts";
import { unreachable } from "../../domain/refusal.ts";
import { credentialFacts, isRefusedCredential } from "./credential-facts.ts";
import type { CredentialRefusal } from "./credential-facts.ts";
import { uploadOffsetHeader } from "./headers/lease-headers.ts";
import type { ProblemFacts } from "./problem-facts.ts";
import { tokenRevoked } from "./sockets/stream-token.ts";

export const problemContentType = "application/problem+json";

const drainingRetryAfterSeconds = 60;
/** Some visits of the intake. */
const acceptedRetryAfterSeconds = 5;
const refusedRetryAfterSeconds = 30;
/** Where nobody knows when there is room. */
const limitRetryAfterSeconds = 10;

/** Faults of one graph in an answer: 1 MiB may hold a quarter of a million, and the first few say what is wrong. */
const faultsShown = 20;

/** Seldom heard: who asked had given up, unless two clocks differ by more than is reckoned with. */
const callerGone: ProblemFacts = {
	status: 503,
	code: "caller-gone",
	detail: "Its turn came too late; nothing of it was done.",
};

const cloneUrlMissing: ProblemFacts = {
	status: 400,
	code: "malformed",
	detail: "The run has a source without a clone URL, and the repository has none either.",
	errors: [{ path: "source.cloneUrl", message: "is missing" }],
};

export function refusalFacts(refusal: Refusal): ProblemFacts {
	const { code } = refusal;
	switch (code) {
		case "repository-unknown":
			return { status: 404, code, detail: "No such repository: PUT /v1/repos/{owner}/{repo} makes it known." };
		case "run-unknown":
			return { status: 404, code, detail: "No such run in this repository." };
		case "fault":
			return { status: 500, code, detail: "A fault of ours; it was logged." };
		case "dead-letter-unknown":
			return { status: 404, code, detail: "No such dead letter: it was sent again or dropped." };
		case "run-accepted":
			return {
				status: 409,
				code,
				detail: "The run was accepted while its repository did not answer, and has not come there yet; cancel works.",
				retryAfterSeconds: acceptedRetryAfterSeconds,
			};
		case "run-archived":
			return {
				status: 409,
				code,
				detail: "The run was archived: while it is kept it can be read and retried, and else no longer changed.",
			};
		case "job-unknown":
			return { status: 404, code, detail: "No such job in this repository." };
		case "attempt-unknown":
			return { status: 404, code, detail: "The job has no such attempt: one exists once it has started." };
		case "secret-unknown":
			return { status: 404, code, detail: "The repository has no secret of that name." };
		case "runner-unknown":
			return { status: 404, code, detail: "The pool has no such runner; a runner that was there registers again." };
		case "runner-removed":
			return { status: 403, code, detail: "The runner was removed from its pool." };
		case "limit-reached":
			return limitFacts(refusal);
		case "pool-full":
			return limitFacts({ limit: "pool-runners", max: refusal.max, retryAfterMs: null });
		case "caller-gone":
			return callerGone;
		case "idempotency-key-reused":
			return { status: 422, code, detail: "This Idempotency-Key was used with another body." };
		case "graph-invalid":
			return graphFacts(refusal);
		case "repository-draining":
			return {
				status: 503,
				code,
				detail: "The repository takes no new runs at present; nothing was accepted.",
				retryAfterSeconds: drainingRetryAfterSeconds,
			};
		case "clone-url-missing":
			return cloneUrlMissing;
		case "run-jobs-max":
		case "run-finished":
		case "run-canceled":
		case "run-superseded":
		case "run-nothing-to-retry":
			return runFacts(refusal);
		case "job-finished":
		case "job-not-finished":
		case "job-not-waiting":
			return jobFacts(refusal);
		case "pool-limited":
		case "secrets-limited":
			return limitedFacts(refusal);
		case "lease-stale":
		case "lease-not-started":
		case "log-gap":
		case "log-limit":
		case "log-sealed":
			return leaseFacts(refusal);
		default:
			return isRefusedCredential(refusal) ? credentialFacts(refusal) : accessOrReadFacts(refusal);
	}
}

/** Says which limit, in which unit, and what to do. */
export function limitFacts({ limit, max, retryAfterMs }: Omit<LimitReached, "code">): ProblemFacts {
	const { of, unit, met } = limitRow(limit);
	return {
		status: 429,
		code: `limit-${limit}`,
		detail: `The limit of this ${of} is ${max} ${unit}: ${met}.`,
		retryAfterSeconds: retryAfterMs === null ? limitRetryAfterSeconds : Math.max(1, Math.ceil(retryAfterMs / 1_000)),
	};
}

function graphFacts({ faults }: Extract<Refusal, { code: "graph-invalid" }>): ProblemFacts {
	return {
		status: 400,
		code: "malformed",
		detail: "The jobs' needs do not make a graph that can run.",
		errors: faults.slice(0, faultsShown).map(({ index, need, message }) => ({
			path: need === null ? `jobs[${index}].key` : `jobs[${index}].needs[${need}]`,
			message,
		})),
	};
}

function accessOrReadFacts(refusal: Exclude<AccessRefusal, CredentialRefusal> | ReadRefusal): ProblemFacts {
	return isRefusedRead(refusal) ? readFacts(refusal) : accessFacts(refusal);
}

function isRefusedRead(refusal: Exclude<AccessRefusal, CredentialRefusal> | ReadRefusal): refusal is ReadRefusal {
	return readRefusals.has(refusal.code);
}

const readRefusals: ReadonlySet<string> = new Set<ReadRefusal["code"]>([
	"too-large",
	"log-deleted",
	"range-past-end",
	"log-viewers-max",
	"run-watchers-max",
	"events-compacted",
]);

/** What a caller is refused for who is known, and may not. */
function accessFacts(refusal: Exclude<AccessRefusal, CredentialRefusal>): ProblemFacts {
	const { code } = refusal;
	switch (code) {
		case "unknown":
			return { status: 404, code, detail: "Unknown, or not yours to know." };
		case "scope-missing": {
			const { scope, act } = refusal;
			const detail =
				act === "call"
					? `The token lacks the scope "${scope}".`
					: `A token without the scope "${scope}" cannot give it.`;
			return { status: 403, code, detail };
		}
		case "role-missing":
			return {
				status: 403,
				code,
				detail: `Only a member with the role "${refusal.role}" or a higher one may do this.`,
			};
		case "role-limited":
			return { status: 403, code, detail: "Nobody gives a role that may do more than the caller may." };
		case "member-unknown":
			return { status: 404, code, detail: "Nobody has signed in as that person." };
		case "member-last-owner":
			return {
				status: 409,
				code,
				detail: 'The owner would be without a member with the role "owner": only the operator may do that.',
			};
		case "members-max":
			return { status: 409, code, detail: `An owner has at most ${refusal.max} members and invitations.` };
		case "repositories-limited": {
			const detail =
				refusal.act === "call"
					? "This belongs to all repositories of the owner; the token or the membership is for some only."
					: "A token for some repositories makes tokens for these only: name them.";
			return { status: 403, code, detail };
		}
		case "expiry-limited":
			return { status: 403, code, detail: "A token that expires makes none that lives longer." };
		case "expiry-past":
			return {
				status: 400,
				code: "malformed",
				detail: "The body is not as it should be.",
				errors: [{ path: "expiresAt", message: "is in the past" }],
			};
		case "operator-only":
			return { status: 403, code, detail: "Only the operator's token may do this." };
		case "token-only":
			return {
				status: 403,
				code,
				detail: "A ticket is for who brings a token: a session opens streams by its cookie.",
			};
		case "runs-refused":
			return {
				status: 503,
				code,
				detail: "The operator has stopped taking new runs; nothing was accepted.",
				retryAfterSeconds: refusedRetryAfterSeconds,
			};
		case "projection-off":
			return {
				status: 409,
				code,
				detail: "An operator has switched `project` off; no row was written, and none is until it is on again.",
			};
		case "cursor-unknown":
			return {
				status: 400,
				code: "malformed",
				detail: "The body is not as it should be.",
				errors: [{ path: "cursor", message: "must be `nextCursor` of this rebuild" }],
			};
		case "token-ended":
			return {
				status: 401,
				code: "unauthorized",
				detail: tokenRevoked,
				headers: { "www-authenticate": 'Bearer realm="spillway"' },
			};
		default:
			return unreachable(refusal);
	}
}

function readFacts(refusal: ReadRefusal): ProblemFacts {
	const { code } = refusal;
	switch (code) {
		case "too-large":
			return { status: 413, code, detail: `Append at most ${refusal.max} bytes at a time.` };
		case "log-deleted":
			return { status: 410, code, detail: "The log has outlived its retention." };
		case "range-past-end":
			return {
				status: 416,
				code,
				detail: `The log has ${refusal.length} bytes.`,
				headers: { "Content-Range": `bytes */${refusal.length}` },
			};
		case "log-viewers-max":
			return limitFacts({ limit: "log-viewers", max: limitOf("log-viewers"), retryAfterMs: null });
		case "run-watchers-max":
			return limitFacts({ limit: "run-watchers", max: limitOf("run-watchers"), retryAfterMs: null });
		case "events-compacted": {
			const detail = "What came after that event is not kept any more: ask without `after` for the present state.";
			return { status: 410, code, detail };
		}
		default:
			return unreachable(refusal);
	}
}

type RunRefusal = Extract<
	Refusal,
	{ code: "run-jobs-max" | "run-finished" | "run-canceled" | "run-superseded" | "run-nothing-to-retry" }
>;

/** What a command on a run is refused for. */
function runFacts(refusal: RunRefusal): ProblemFacts {
	const { code } = refusal;
	switch (code) {
		case "run-jobs-max":
			return { status: 409, code, detail: `A run holds at most ${refusal.max} jobs.` };
		case "run-finished":
			return { status: 409, code, detail: "The run is finished." };
		case "run-canceled":
			return { status: 409, code, detail: "The run was canceled and takes no more jobs, unless it is retried." };
		case "run-superseded":
			return { status: 409, code, detail: "A newer run has superseded this one, which takes no more jobs." };
		case "run-nothing-to-retry":
			return {
				status: 409,
				code,
				detail: `No job of the run has ${refusal.only === "failed" ? "failed" : "finished"}.`,
			};
		default:
			return unreachable(refusal);
	}
}

/** What a command on a job is refused for. */
function jobFacts(
	refusal: Extract<Refusal, { code: "job-finished" | "job-not-finished" | "job-not-waiting" }>,
): ProblemFacts {
	const { code } = refusal;
	switch (code) {
		case "job-finished":
			return { status: 409, code, detail: "The job is finished." };
		case "job-not-finished":
			return { status: 409, code, detail: `The job is ${refusal.state}; only a finished job can be retried.` };
		case "job-not-waiting":
			return { status: 409, code, detail: `The job is ${refusal.state}; only one that waits has a priority.` };
		default:
			return unreachable(refusal);
	}
}

type LeaseRefusal = Extract<
	Refusal,
	{ code: "lease-stale" | "lease-not-started" | "log-gap" | "log-limit" | "log-sealed" }
>;

/** What a lease call is refused for. */
function leaseFacts(refusal: LeaseRefusal): ProblemFacts {
	const { code } = refusal;
	switch (code) {
		case "lease-stale":
			return { status: 409, code, detail: "This lease has ended or passed to another; nothing was changed." };
		case "lease-not-started":
			return { status: 409, code, detail: "This lease has begun no attempt yet: POST /v1/lease/start comes first." };
		case "log-gap":
			return {
				status: 409,
				code,
				detail: `The log has ${refusal.length} bytes; append from there.`,
				headers: { [uploadOffsetHeader]: String(refusal.length) },
			};
		case "log-limit":
			return { status: 413, code, detail: `A log keeps at most ${refusal.max} bytes here.` };
		case "log-sealed":
			return {
				status: 409,
				code,
				detail: "The log is sealed.",
				headers: { [uploadOffsetHeader]: String(refusal.length) },
			};
		default:
			return unreachable(refusal);
	}
}

function limitedFacts(refusal: Refusal & { code: "pool-limited" | "secrets-limited" }): ProblemFacts {
	const { code, index } = refusal;
	const [detail, path, message] =
		code === "pool-limited"
			? ["A job adds jobs for its own pool only.", "pool", `would be "${refusal.pool}"`]
			: ["A job adds jobs with its own secrets only.", "secrets", `"${refusal.secret}" is not among them`];
	return { status: 403, code, detail, errors: [{ path: `jobs[${index}].${path}`, message }] };
}
