// The OpenAPI document grows beside the routes: each file registers what it serves, from the schemas that validate it.
import { OpenAPIHono, z } from "@hono/zod-openapi";
import { time } from "../../../contracts/http/fields.ts";
import { problem } from "../../../contracts/http/problem.ts";
import type { Operation as OperationId } from "../../../operations/access-table.ts";
import { describeAnswer } from "./answers.ts";
import type { Shown } from "./answers.ts";
import { refusalAnswers, securityOf, securitySchemes } from "./document-access.ts";
import { finishDocument } from "./finish.ts";
import { isNeeded, parameterType, pathWords } from "./parameters.ts";

const holder = new OpenAPIHono();
const registry = holder.openAPIRegistry;

interface Operation {
	/** Stable: clients that are generated have it as the name of a method. Its row of the access table says who may. */
	id: OperationId;
	method: "get" | "post" | "put" | "patch" | "delete";
	/** `{name}` for parameters, as OpenAPI writes them. */
	path: string;
	summary: string;
	query?: Record<string, string>;
	headers?: Record<string, string>;
	body?: z.ZodType | "bytes";
	/** Status to schema; a string describes an answer without a body. */
	answers: Record<number, z.ZodType | Shown | string>;
}

for (const [name, scheme] of Object.entries(securitySchemes)) {
	registry.registerComponent("securitySchemes", name, scheme);
}

/** By method and path, the names of the query's parameters. */
const queries = new Map<string, ReadonlySet<string>>();

/** What a route may be asked with; null for one that is not documented. `path` as OpenAPI writes it. */
export function queryNames(method: string, path: string): ReadonlySet<string> | null {
	return queries.get(`${method} ${path}`) ?? null;
}

/** What an operation is about, by the first that its path has. Generated clients have a class or a file for each. */
const tags: readonly (readonly [part: RegExp, tag: string])[] = [
	[/^\/v1\/lease\//, "leases"],
	[/^\/\.well-known\//, "identity"],
	[/^\/v1\/runner\/|\/runners(\/|$)|^\/install\//, "runners"],
	[/^\/v1\/pools(\/|$)/, "pools"],
	[/^\/v1\/(tokens|tickets)(\/|$)/, "tokens"],
	[/^\/v1\/(audit|switches)$|^\/v1\/dead-letters|^\/[^/]+$/, "operation"],
	[/^\/auth\//, "people"],
	[/\/(rotate-)?secrets(\/|$)/, "secrets"],
	[/^\/v1\/sessions?(\/|$)|\/members(\/|$)/, "people"],
	[/\/(log|logs|search)(\/|$)/, "logs"],
	[/\/jobs(\/|$)/, "jobs"],
	[/\/runs(\/|$)/, "runs"],
	[/^\/v1\/(repos|owners)(\/|$)/, "repositories"],
];

const tagWords: Readonly<Record<string, string>> = {
	repositories: "Repositories: settings, queue, bulk acts, rebuild of what lists show.",
	runs: "Runs: submit, list, read, watch, cancel, retry.",
	jobs: "Jobs: read, cancel, retry, reprioritise.",
	logs: "Logs: bytes, live, search.",
	secrets: "Secrets that jobs are given.",
	pools: "Pools of runners.",
	runners: "Runners: registration, and what they say and hear.",
	leases: "What a runner says of the job that it holds.",
	identity: "What others verify a job's identity with.",
	tokens: "Tokens and tickets.",
	people: "Members of an owner, and sessions of browsers.",
	operation: "What an operator asks.",
};

function tagOf(path: string): string {
	const tag = tags.find(([part]) => part.test(path))?.[1];
	// As the module loads, so no build comes up with a route that no generated client could place.
	if (tag === undefined) throw new Error(`no tag fits ${path}`);
	return tag;
}

export function document(operation: Operation): void {
	register(operation, operation.id);
}

/** `name`: of this route, where an operation has two. */
function register(operation: Operation, name: string): void {
	const { id, method, path, summary, query = {}, headers = {}, body, answers } = operation;
	// The document is also the list of what a route may be asked with: `checkQuery` refuses what does not stand here.
	queries.set(`${method} ${path}`, new Set(Object.keys(query)));
	const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? "");
	const shape = (entries: [string, string][], isOptional: boolean) =>
		z.object(
			Object.fromEntries(
				entries.map(([name, description]) => {
					const field = parameterType(name, description);
					return [name, isOptional && !isNeeded(id, name) ? field.optional() : field];
				}),
			),
		);
	registry.registerPath({
		operationId: name,
		method,
		path,
		summary,
		tags: [tagOf(path)],
		security: securityOf(id),
		request: {
			...(names.length > 0
				? {
						params: shape(
							names.map((name) => [name, pathWords[name] ?? name]),
							false,
						),
					}
				: {}),
			...(Object.keys(query).length > 0 ? { query: shape(Object.entries(query), true) } : {}),
			...(Object.keys(headers).length > 0 ? { headers: shape(Object.entries(headers), true) } : {}),
			...(body === undefined ? {} : { body: { content: bodyContent(body) } }),
		},
		responses: {
			...refusalAnswers(operation),
			...Object.fromEntries(
				Object.entries(answers).map(([status, answer]) => [
					status,
					describeAnswer(Number(status), answer, "Idempotency-Key" in headers),
				]),
			),
			default: { description: "A problem (RFC 9457)", content: { "application/problem+json": { schema: problem } } },
		},
	});
}

/** What is served of a job, at `below` of both of its paths: by its id, and by its key in its run. */
export function documentJob({ below, id, ...operation }: Omit<Operation, "path"> & { below: string }): void {
	document({ ...operation, id, path: `/v1/repos/{owner}/{repo}/jobs/{job}${below}` });
	register({ ...operation, id, path: `/v1/repos/{owner}/{repo}/runs/{run}/jobs/{job}${below}` }, `${id}InRun`);
}

/** A page of a list. */
export function pageOf(items: z.ZodType) {
	return z.object({ items: z.array(items), nextCursor: z.string().nullable(), asOf: time, stale: z.boolean() });
}

export const pageQuery = { limit: "1 to 100, 30 unless told", cursor: "`nextCursor` of the page before" };
export const idempotencyHeader = {
	"Idempotency-Key": "the same key and body have the effect of once, for at least 24 h",
};

/** [Y13] The answer to each DELETE, and to each that is sent again. */
export const goneAnswers = {
	204: "Gone, by this call or by one before it; with `Spillway-Absent: true` there was nothing of that name",
};

function bodyContent(body: z.ZodType | "bytes") {
	return body === "bytes"
		? { "application/octet-stream": { schema: { type: "string" as const, format: "binary" } } }
		: { "application/json": { schema: body } };
}

/** A shape that stands in no body of JSON, as the messages of a stream. */
export function documentShape(name: string, shape: z.ZodType): void {
	registry.register(name, shape);
}

/** What `answers` has for a refusal with a status of its own; `default` says the rest. */
export function problemAnswer(words: string): Shown {
	return { words, content: { "application/problem+json": problem } };
}

/** OpenAPI 3.1 of all that was registered so far: whole once the app's routes are imported. */
export function describeAll(): object {
	const description =
		"A CI job queue you own. Every 2xx is durable; errors are RFC 9457 problems with a stable `code`. " +
		"A later version may add fields to answers, words to their lists and operations; it takes none away.";
	const whole = holder.getOpenAPI31Document({
		openapi: "3.1.0",
		info: { title: "Spillway", version: "1", description, license: { name: "Apache-2.0" } },
		servers: [{ url: "/", description: "The server that this document came from." }],
		tags: Object.entries(tagWords).map(([name, words]) => ({ name, description: words })),
	});
	finishDocument(whole);
	return whole;
}
