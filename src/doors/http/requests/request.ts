// How routes read what was sent: bodies through their schemas, pages through their cursors. Everything malformed becomes one
// kind of problem, with the path of each culprit.
import { Buffer } from "node:buffer";
import type { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { FieldError } from "../../../contracts/http/problem.ts";
import { slugPattern } from "../../../domain/text/names.ts";
import { pathText, readStrictJson } from "../../../contracts/wire/json/strict-json.ts";
import { ProblemAnswer } from "../answer.ts";
import { readBytes } from "./body.ts";
import type { ApiEnv } from "../context.ts";

const pageDefault = 30;
/** A page of runs is read and written in one piece: more of them would be felt by every other call of the isolate. */
const pageMax = 100;
/** No comma: two such headers come as one with a comma between, and which of them was meant nobody knows. */
const idempotencyKeyPattern = /^[\x20-\x2b\x2d-\x7e]{1,255}$/;
/** A body of 1 MiB can be wrong in a hundred thousand places, and each is named with its path. */
const errorsShown = 20;
const namePattern = /^[\w.-]{1,100}$/;

/** `errors` name what to look at: fields of a body by their path (the body itself: ""), else a parameter or a header. */
export function malformed(detail: string, errors: FieldError[]): ProblemAnswer {
	return new ProblemAnswer({ status: 400, code: "malformed", detail, errors });
}

/** The validated body. An empty one counts as `{}`. Waits for the call's turn before it parses; throws 503 when there is none. */
export async function readBody<S extends z.ZodType>(c: Context<ApiEnv>, schema: S): Promise<z.output<S>> {
	const bytes = await readBytes(c.req.raw);
	await c.get("passage")?.enter(bytes.byteLength);
	if (bytes.byteLength > 0 && !isJson(c.req.header("content-type"))) {
		throw new ProblemAnswer({ status: 415, code: "not-json", detail: "Send the body as application/json." });
	}
	const parsed = schema.safeParse(bytes.byteLength === 0 ? {} : parseJson(bytes));
	if (parsed.success) return parsed.data;
	const { issues } = parsed.error;
	throw malformed("The body is not as it should be.", issues.slice(0, errorsShown).flatMap(fieldErrors));
}

/** What runners stream is raw; a JSON content type is asked for only where JSON is meant. curl's default for -d is forgiven. */
function isJson(type: string | undefined): boolean {
	return type === undefined || /^application\/(json|[\w.-]+\+json|x-www-form-urlencoded)\s*(;|$)/i.test(type);
}

/** [A49] What can be read in two ways is refused, not taken in one of them: a script must run as it was written. */
function parseJson(bytes: Uint8Array<ArrayBuffer>): unknown {
	const read = readStrictJson(bytes);
	if (read.ok) return read.value;
	throw malformed(
		read.isJson ? "The body is not as it should be." : "The body is not JSON.",
		read.faults.map(({ path, message }) => ({ path: pathText(path), message })),
	);
}

function fieldErrors(issue: z.core.$ZodIssue): FieldError[] {
	const path = pathText(issue.path);
	if (issue.code !== "unrecognized_keys") return [{ path, message: issue.message }];
	return issue.keys.map((key) => ({ path: path === "" ? key : `${path}.${key}`, message: "is not known here" }));
}

/** Null when none was sent: then nothing is deduplicated. */
export function readIdempotencyKey(c: Context<ApiEnv>): string | null {
	const key = c.req.header("idempotency-key");
	if (key === undefined) return null;
	if (idempotencyKeyPattern.test(key)) return key;
	const message = "must be 1 to 255 printable ASCII characters without a comma, in one header";
	throw malformed("A header is not as it should be.", [{ path: "Idempotency-Key", message }]);
}

export interface PageRequest {
	limit: number;
	/** What an earlier page gave, decoded. */
	cursor: string | null;
}

/** `cursorPattern` is what this list's cursors are inside: one that was made up, or is another list's, is malformed. */
export function readPage(c: Context<ApiEnv>, cursorPattern: RegExp): PageRequest {
	const limit = c.req.query("limit") ?? String(pageDefault);
	if (!/^[1-9][0-9]{0,2}$/.test(limit) || Number(limit) > pageMax) throw badQuery("limit", `must be 1 to ${pageMax}`);
	const given = c.req.query("cursor");
	const cursor = given === undefined ? null : Buffer.from(given, "base64url").toString();
	if (cursor !== null && !cursorPattern.test(cursor)) throw badQuery("cursor", "must be `nextCursor` of this list");
	return { limit: Number(limit), cursor };
}

/** The page asked for of a list that is here as a whole; the cursor is the name of the last item before it. */
export function sliceNamed<T extends { name: string }>(
	c: Context<ApiEnv>,
	things: readonly T[],
): { items: T[]; next: string | null } {
	// By the name and not by a position: a page stays right when something before it comes or goes meanwhile.
	const { limit, cursor } = readPage(c, namePattern);
	const rest = things.filter(({ name }) => cursor === null || name > cursor);
	const items = rest.sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, limit);
	return { items, next: rest.length > limit ? (items.at(-1)?.name ?? null) : null };
}

export function badQuery(path: string, message: string): ProblemAnswer {
	return malformed("The query is not as it should be.", [{ path, message }]);
}

/** Opaque to callers, so that what is in it may change with any version. */
export function writeCursor(cursor: string | null): string | null {
	return cursor === null ? null : Buffer.from(cursor).toString("base64url");
}

/** A parameter of the path, checked; what cannot be a name is unknown. */
export function readName(c: Context<ApiEnv>, name: string, pattern = slugPattern): string {
	const value = c.req.param(name) ?? "";
	if (!pattern.test(value)) {
		throw malformed(`The ${name} in the path must match ${pattern.source}.`, [{ path: name, message: "is malformed" }]);
	}
	return value;
}
