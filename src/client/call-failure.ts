// The two ways in which a call fails: the server answered that it will not (`ProblemError`), or nobody knows what it did
// (`Outage`). Whether either is tried again is decided in `retryable.ts` and nowhere else.
import { Outage } from "../contracts/wire/outage.ts";
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

	constructor(response: Response, problem: Partial<Problem>) {
		const code = problem.code ?? `http-${response.status}`;
		const detail = problem.detail ?? problem.title ?? response.statusText;
		super(`${code}: ${detail}`);
		this.status = response.status;
		this.code = code;
		this.detail = detail;
		this.requestId = problem.requestId ?? response.headers.get("x-request-id");
		this.errors = problem.errors ?? [];
		// A date means one by the clock of whoever wrote it.
		const now = Date.parse(response.headers.get("date") ?? "") || Date.now();
		this.retryAfterSeconds = readRetryAfter(response.headers.get("retry-after"), now);
		this.headers = response.headers;
	}
}

/** Seconds, or a date as old proxies write it; null for anything else. */
export function readRetryAfter(text: string | null, now: number): number | null {
	if (text === null) return null;
	if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
	const at = Date.parse(text);
	return Number.isNaN(at) ? null : Math.max(0, (at - now) / 1_000);
}

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** The body of an answer that is no success. What is not problem+json (a proxy's page) still becomes a problem. */
export async function problemFrom(response: Response): Promise<ProblemError> {
	if (redirects.has(response.status)) {
		const detail = `The address leads to ${response.headers.get("location") ?? "another"}: give the one that it leads to.`;
		await response.body?.cancel();
		return new ProblemError(response, { code: "redirected", detail });
	}
	const text = await response.text().catch(() => "");
	try {
		const body: unknown = JSON.parse(text);
		if (typeof body === "object" && body !== null) return new ProblemError(response, body);
	} catch {
		// Not JSON: the status is all there is to say.
	}
	return new ProblemError(response, {});
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
