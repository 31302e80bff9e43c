// What each parameter of a path, a query or a header is: its type, its words and an example. Parameters mean the same wherever they
// stand. For clients that write requests by the document: what a route takes, it says itself, and tests hold both together.
import { z } from "@hono/zod-openapi";
import { auditAction } from "../../../contracts/http/audit.ts";
import { slug } from "../../../contracts/http/fields.ts";
import { run } from "../../../contracts/http/run.ts";
import { uploadLeftHeader, uploadOffsetHeader } from "../../../contracts/wire/headers/lease-headers.ts";

/** Of a path, where an operation says no words. */
export const pathWords: Readonly<Record<string, string>> = {
	owner: "Whose it is.",
	repo: "The repository's name.",
	run: "The run's id, its number, or `latest`.",
	job: "The job's id; below a run its key as well.",
	attempt: "The attempt's number, from 1.",
	pool: "The pool's name.",
	runner: "The runner's id.",
	name: "The secret's name.",
	id: "The id of the token or the session.",
	member: "An e-mail address, `<issuer>:<login>`, or the id of a person.",
	letter: "The dead letter's id.",
};

/** Fifteen digits, which every language holds exactly as a number. */
const offset = z.int().min(0).max(999_999_999_999_999);
const flag = z.enum(["0", "1"]);

/**
 * Between the first and the last character a space may stand: HTTP drops those at either end. No comma: two such headers come as
 * one with a comma between.
 */
const idempotencyKey = z
	.string()
	.min(1)
	.max(255)
	.regex(/^[!-+.-~-]([ -+.-~-]*[!-+.-~-])?$/);

/** What is not here is any text. */
const types: Readonly<Record<string, z.ZodType>> = {
	owner: slug,
	repo: slug,
	pool: slug,
	attempt: z.int().min(1).max(999_999),
	limit: z.int().min(1).max(100),
	from: offset,
	after: offset,
	tail: z.int().min(0).max(10_000),
	q: z.string().min(1).max(256),
	state: run.shape.state,
	outcome: run.shape.outcome.unwrap(),
	action: auditAction,
	timestamps: flag,
	download: flag,
	format: z.enum(["raw", "ndjson"]),
	"Idempotency-Key": idempotencyKey,
	[uploadOffsetHeader]: offset,
	[uploadLeftHeader]: z.enum(["part", "last"]),
};

/** Without these a call is refused: `query` and `headers` of all other names may be left out. */
const needed: Readonly<Record<string, readonly string[]>> = {
	listRepositories: ["owner"],
	listTokens: ["owner"],
	searchLog: ["q"],
	searchLogInRun: ["q"],
	appendLog: [uploadOffsetHeader],
};

const examples: Readonly<Record<string, unknown>> = {
	owner: "acme",
	repo: "web",
	run: "latest",
	job: "j4mkvyzq2xtb7w5nrc3adf6eh-0",
	attempt: 1,
	pool: "default",
	runner: "rn0f3b5c7d9e1a2b4c6d",
	name: "NPM_TOKEN",
	"Idempotency-Key": "push-3f2c1b7e",
	[uploadOffsetHeader]: 0,
	Range: "bytes=0-1023",
	q: "error",
};

export function isNeeded(operation: string, name: string): boolean {
	return needed[operation]?.includes(name) ?? false;
}

/** The type of a parameter, with its words and its example. */
export function parameterType(name: string, description: string): z.ZodType {
	const type = types[name] ?? z.string();
	return type.openapi({ description, ...(name in examples ? { param: { example: examples[name] } } : {}) });
}
