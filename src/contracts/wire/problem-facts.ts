// What a caller is shown of what went wrong, as the facts of an RFC 9457 problem.
import type { FieldError } from "../http/problem.ts";
import type { ProblemCode } from "./problem-codes.ts";

export interface ProblemFacts {
	status: 400 | 401 | 403 | 404 | 405 | 408 | 409 | 410 | 413 | 415 | 416 | 422 | 426 | 429 | 500 | 503;
	code: ProblemCode;
	detail: string;
	errors?: FieldError[];
	/** 429 and 503 always have it. */
	retryAfterSeconds?: number;
	headers?: Record<string, string>;
}
