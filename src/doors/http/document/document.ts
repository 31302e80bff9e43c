// The OpenAPI document grows beside the routes: each file registers what it serves, from the schemas that validate it.
import { OpenAPIHono, z } from "@hono/zod-openapi";
import { problem } from "../../../contracts/http/problem.ts";
import type { Operation as OperationId } from "../../../operations/access-table.ts";
import { refusalAnswers, securityOf, securitySchemes } from "./document-access.ts";
import { wordsFor } from "./field-words.ts";

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
	/** Status to schema; a string describes an answer without a JSON body. */
	answers: Record<number, z.ZodType | string>;
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

/** Parameters that are no text. What a route takes it says itself; this is for those that write requests by the document. */
const parameters: Readonly<Record<string, z.ZodType>> = {
	attempt: z.int().min(1),
	limit: z.int().min(1).max(100),
	from: z.int().min(0),
	after: z.int().min(0),
	tail: z.int().min(1),
};

const pathWords: Readonly<Record<string, string>> = {
	owner: "Whose it is.",
	repo: "The repository's name.",
	run: "The run's id, its number, or `latest`.",
	job: "The job's id; below a run its key as well.",
	attempt: "The attempt's number, from 1.",
	pool: "The pool's name.",
	runner: "The runner's id.",
	name: "The secret's name.",
	id: "The token's id.",
	letter: "The dead letter's id.",
};

/** What an operation is about, by the first that its path has. Generated clients have a class or a file for each. */
const tags: readonly (readonly [part: RegExp, tag: string])[] = [
	[/^\/v1\/lease\//, "leases"],
	[/^\/v1\/runner\/|\/runners(\/|$)/, "runners"],
	[/^\/v1\/pools(\/|$)/, "pools"],
	[/^\/v1\/(tokens|tickets)(\/|$)/, "tokens"],
	[/^\/v1\/(audit|switches)$|^\/v1\/dead-letters|^\/[^/]+$/, "operation"],
	[/\/secrets(\/|$)/, "secrets"],
	[/\/(log|logs|search)(\/|$)/, "logs"],
	[/\/jobs(\/|$)/, "jobs"],
	[/\/runs(\/|$)/, "runs"],
	[/^\/v1\/(repos|owners)(\/|$)/, "repositories"],
];

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
					const field = (parameters[name] ?? z.string()).openapi({ description });
					return [name, isOptional ? field.optional() : field];
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
			...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, describeAnswer(answer)])),
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
	return z.object({ items: z.array(items), nextCursor: z.string().nullable(), asOf: z.string(), stale: z.boolean() });
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

function describeAnswer(answer: z.ZodType | string) {
	if (typeof answer === "string") return { description: answer };
	return { description: "OK", content: { "application/json": { schema: answer } } };
}

/** OpenAPI 3.1 of all that was registered so far: whole once the app's routes are imported. */
export function describeAll(): object {
	const description =
		"A CI job queue you own. Every 2xx is durable; errors are RFC 9457 problems with a stable `code`.";
	const whole = holder.getOpenAPI31Document({
		openapi: "3.1.0",
		info: { title: "Spillway", version: "1", description },
	});
	describeFields(whole);
	return whole;
}

interface Schema {
	$ref?: string;
	description?: string;
	format?: string;
	properties?: Record<string, Schema>;
	items?: Schema;
	additionalProperties?: Schema | boolean;
	anyOf?: Schema[];
	oneOf?: Schema[];
	allOf?: Schema[];
}

/** Gives each field its words, where its schema says none. */
function describeFields({ components, paths }: ReturnType<typeof holder.getOpenAPI31Document>): void {
	for (const [name, schema] of Object.entries(components?.schemas ?? {})) describe(schema as Schema, [name]);
	for (const operation of Object.values(paths ?? {}).flatMap((path) => Object.values(path as object))) {
		for (const answer of Object.values((operation as { responses?: object }).responses ?? {})) {
			const content = Object.values((answer as { content?: Record<string, { schema?: Schema }> }).content ?? {});
			for (const { schema } of content) if (schema) describe(schema, ["Page"]);
		}
	}
}

function describe(schema: Schema, path: string[]): void {
	for (const [name, field] of Object.entries(schema.properties ?? {})) {
		const at = [...path, name];
		const words = wordsFor(at)?.words;
		const own = field.description;
		if (words !== undefined && own === undefined) field.description = words;
		// What an instant is written like, all of them say; what this one is, its words do.
		else if (words !== undefined && field.format === "date-time") field.description = `${words} ${own}.`;
		describe(field, at);
	}
	const within = [
		schema.items,
		schema.additionalProperties,
		...(schema.anyOf ?? []),
		...(schema.oneOf ?? []),
		...(schema.allOf ?? []),
	];
	for (const one of within) if (typeof one === "object") describe(one, path);
}
