// The two ways in which a call that was sent fails: the server answered that it will not (`ProblemError`), or nobody knows what it did
// (`Outage`). Whether either is tried again is decided in `retryable.ts` and nowhere else.
import { Outage } from "../contracts/wire/outage.ts";
import { hasShape } from "./answer-shape.ts";
import type { FieldError, Problem } from "../contracts/http/problem.ts";

/** An answer that is no success. `code` is stable and made for programs, `detail` for people. */
export class ProblemError extends Error {
	override readonly name = "ProblemError";
	readonly status: number;
	readonly code: string;
	readonly detail: string;
	readonly requestId: string | null;
	/** The fields at fault; empty unless the status is 400. */
	readonly errors: FieldError[];
	readonly retryAfterSeconds: number | null;
	readonly headers: Headers;

	constructor(response: Response, problem: Pick<Problem, "code" | "detail"> & Partial<Problem>) {
		const { code, detail } = problem;
		super(`${code}: ${detail}`);
		this.status = response.status;
		this.code = code;
		this.detail = detail;
		this.requestId = problem.requestId ?? response.headers.get("x-request-id");
		this.errors = problem.errors ?? [];
		this.retryAfterSeconds = retryAfterIn(response.headers);
		this.headers = response.headers;
	}
}

/** Of a call that was not sent: no address can name it. */
export class UnusableName extends Error {
	override readonly name = "UnusableName";

	constructor(text: string) {
		super(text === "" ? "an empty name names nothing" : `nothing can be named ${text}`);
	}
}

function retryAfterIn(headers: Headers): number | null {
	// A date means one by the clock of whoever wrote it.
	const now = Date.parse(headers.get("date") ?? "") || Date.now();
	return readRetryAfter(headers.get("retry-after"), now);
}

/** Seconds, or a date as old proxies write it; null for anything else. */
export function readRetryAfter(text: string | null, now: number): number | null {
	if (text === null) return null;
	if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
	const at = Date.parse(text);
	return Number.isNaN(at) ? null : Math.max(0, (at - now) / 1_000);
}

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** These say that nothing was done, whoever says it. */
export const undoneStatuses: ReadonlySet<number> = new Set([408, 429, 503]);

/**
 * An answer that is no success. Only a problem of the server's is its word. A redirect, a page or another's JSON is a proxy's,
 * whatever its status: 403 or 404 there says nothing of what was asked for.
 */
export async function failureFrom(response: Response, url: string): Promise<ProblemError | Outage> {
	if (redirects.has(response.status)) {
		await response.body?.cancel();
		const place = response.headers.get("location") ?? "another";
		return new Outage(`redirected: The address leads to ${place}: give the one that it leads to`);
	}
	const text = await response.text().catch(() => "");
	try {
		const body: unknown = JSON.parse(text);
		if (isProblem(body)) return new ProblemError(response, body);
	} catch {
		// Not JSON, so not the server's.
	}
	return notOurs(response, url);
}

function isProblem(body: unknown): body is Pick<Problem, "code" | "detail"> & Partial<Problem> {
	return hasShape<Pick<Problem, "code" | "detail">>(body, { code: "text", detail: "text" });
}

/** Written by somebody between here and the server: a sign-in page, a proxy. Whether the server did it is unknown. */
export function notOurs({ status, statusText, headers }: Response, url: string): Outage {
	const said = `${status} ${statusText}`.trim();
	return new Outage(
		`what ${new URL(url).host} answered (${said}) is no answer of a Spillway server: is a proxy before it?`,
		{ isSafeToRepeat: undoneStatuses.has(status), retryAfterSeconds: retryAfterIn(headers) },
	);
}

const neverSentCodes = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ENETUNREACH", "EHOSTUNREACH"]);

/** Whatever `fetch` threw. Its message is "fetch failed" for everything; the fact is in the cause. */
export function outageFrom(thrown: unknown, url: string): Outage {
	const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
	const code = codeOf(cause);
	const fact = cause instanceof Error ? cause.message || code : String(cause);
	return new Outage(`no answer from ${new URL(url).host}: ${fact}`, {
		cause: thrown,
		isSafeToRepeat: neverSentCodes.has(code),
	});
}

function codeOf(cause: unknown): string {
	return typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
}
