// Requests to one operation by the document: parameters, headers and bodies that it allows, nearly allows, or never meant.
import fc from "fast-check";
import type { DocumentedOperation, Parameter, Schema } from "./operations.ts";
import { resolved } from "./operations.ts";
import { hostileBody, hostileText, nearlyValid, valid } from "./values.ts";

/** Names of things that are there, by the parameter or the field that they are for: the caller's own, and another owner's. */
export type Known = Record<string, readonly string[]>;

interface Site {
	own: Known;
	others: Known;
	principals: readonly { kind: string | null }[];
}

export interface Request {
	method: string;
	/** With its query, as it is sent. */
	path: string;
	headers: Record<string, string>;
	body: Uint8Array | string | null;
	/** Which of the principals calls. */
	principal: number;
}

/** Mostly by a principal who may, of things that belong together. */
export function requestsTo(operation: DocumentedOperation, site: Site): fc.Arbitrary<Request> {
	const { own, others, principals } = site;
	const all = principals.map((_, index) => index);
	const may = all.filter((index) => operation.principals.includes(principals[index]?.kind ?? ""));
	const principal = fc.oneof(
		{ weight: 3, arbitrary: fc.constantFrom(...(may.length > 0 ? may : all)) },
		{ weight: 1, arbitrary: fc.constantFrom(...all) },
	);
	const about = (names: Known) => requestsAbout(operation, names, principal);
	return fc.oneof(
		{ weight: 6, arbitrary: about(own) },
		{ weight: 2, arbitrary: about(others) },
		{ weight: 1, arbitrary: about(mixed(own, others)) },
	);
}

function mixed(own: Known, others: Known): Known {
	return Object.fromEntries(Object.keys(own).map((name) => [name, [...(own[name] ?? []), ...(others[name] ?? [])]]));
}

function requestsAbout(
	operation: DocumentedOperation,
	known: Known,
	principal: fc.Arbitrary<number>,
): fc.Arbitrary<Request> {
	const at = (place: Parameter["in"]) => operation.parameters.filter((parameter) => parameter.in === place);
	return fc
		.record({
			path: fc.record(Object.fromEntries(at("path").map(({ name, schema }) => [name, pathValue(name, schema, known)]))),
			query: fc.record(
				Object.fromEntries(at("query").map((parameter) => [parameter.name, queryValue(parameter, known)])),
			),
			stray: rarely(fc.tuple(hostileText, hostileText)),
			headers: fc.record(Object.fromEntries(at("header").map((parameter) => [parameter.name, headerValue(parameter)]))),
			odd: oddHeaders,
			body: bodyOf(operation, known),
			principal,
		})
		.map(({ path, query, stray, headers, odd, body, principal }) => {
			const pairs = [
				...Object.entries(query).flatMap(([name, value]) => (value === null ? [] : [[name, value] as const])),
				...(stray ? [stray] : []),
			];
			const text = pairs.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join("&");
			const filled = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encoded(path[name] ?? ""));
			const sent = Object.entries({ ...odd, ...headers }).filter((pair): pair is [string, string] => pair[1] !== null);
			return {
				method: operation.method,
				path: text === "" ? filled : `${filled}?${text}`,
				headers: {
					...(body === null ? {} : { "content-type": operation.body?.type ?? "application/json" }),
					...Object.fromEntries(sent),
				},
				body,
				principal,
			};
		});
}

function rarely<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
	return fc
		.option(value, { freq: 1, nil: null })
		.chain((found) => (found === null ? fc.constant(null) : fc.option(fc.constant(found), { freq: 1, nil: null })));
}

function pathValue(name: string, schema: Schema, known: Known): fc.Arbitrary<string> {
	const there = known[name] ?? [];
	const any = valid(schema).map(String);
	if (there.length === 0) return fc.oneof({ weight: 4, arbitrary: any }, { weight: 1, arbitrary: hostileText });
	return fc.oneof(
		{ weight: 10, arbitrary: fc.constantFrom(...there) },
		{ weight: 1, arbitrary: any },
		{ weight: 1, arbitrary: hostileText },
	);
}

/** Null: left out. */
function queryValue({ name, required = false, schema }: Parameter, known: Known): fc.Arbitrary<string | null> {
	const there = known[name] ?? [];
	return fc.oneof(
		{ weight: required ? 1 : 6, arbitrary: fc.constant(null) },
		{ weight: 3, arbitrary: there.length > 0 ? fc.constantFrom(...there) : valid(schema).map(String) },
		{ weight: 1, arbitrary: hostileText },
	);
}

/** A program of HTTP's would not send more: what goes beyond is for raw sockets. */
const headerText = hostileText.filter((text) => /^[\x21-\x7e]([\x20-\x7e]{0,500}[\x21-\x7e])?$/.test(text));

function headerValue({ required = false, schema }: Parameter): fc.Arbitrary<string | null> {
	const good = valid(schema)
		.map(String)
		.filter((text) => /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text));
	return fc.oneof(
		{ weight: required ? 1 : 3, arbitrary: fc.constant(null) },
		{ weight: 3, arbitrary: good },
		{ weight: 1, arbitrary: headerText },
	);
}

/** What any operation may be sent beside its own. */
const oddHeaders = fc
	.record(
		{
			accept: fc.constantFrom("*/*", "text/html", "application/xml;q=0.9", ";;;"),
			range: fc.constantFrom(
				"bytes=0-0",
				"bytes=-5",
				"bytes=9999999-",
				"bytes=5-1",
				"lines=1",
				"bytes=0-1,3-4",
				"bytes=99999999999999999999-",
			),
			"if-none-match": fc.constantFrom("*", '"x"', 'W/"x", "y"'),
			"content-type": fc.constantFrom(
				"text/plain",
				"multipart/form-data",
				"application/json; charset=utf-16",
				"nonsense",
			),
			"content-encoding": fc.constantFrom("gzip", "identity"),
			traceparent: fc.constantFrom("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "nonsense"),
			"x-request-id": fc.constantFrom("mine", "two words", "x".repeat(101)),
			"x-forwarded-for": fc.constantFrom("127.0.0.1", "nonsense, also"),
			"x-http-method-override": fc.constant("DELETE"),
			origin: fc.constantFrom("null", "https://evil.example"),
			cookie: fc.constantFrom("spillway_session=nonsense", "a=b; spillway_session=%00"),
		},
		{ requiredKeys: [] },
	)
	.chain((all) => {
		// At most one at a time, and mostly none: else nothing would ever reach its operation.
		const names = Object.keys(all);
		return fc.oneof(
			{ weight: 4, arbitrary: fc.constant<Record<string, string>>({}) },
			{
				weight: 1,
				arbitrary:
					names.length === 0
						? fc.constant({})
						: fc.constantFrom(...names).map((name) => ({ [name]: (all as Record<string, string>)[name] ?? "" })),
			},
		);
	});

function bodyOf({ id, body }: DocumentedOperation, known: Known): fc.Arbitrary<Uint8Array | string | null> {
	if (body === null) return rarely(hostileBody);
	if (resolved(body.schema).format === "binary") return fc.oneof(fc.uint8Array({ maxLength: 200 }), hostileText);
	const sent = (value: unknown) => JSON.stringify(value) ?? "";
	const allowed = fc.oneof(valid(body.schema, known), fc.constantFrom(...body.examples));
	// Nobody waits here for a job.
	const base = id === "acquireGrant" ? allowed.map((value) => ({ ...(value as object), waitSeconds: 0 })) : allowed;
	const good = base.map(sent);
	return fc.oneof(
		{ weight: 4, arbitrary: good },
		{ weight: 3, arbitrary: nearlyValid(base).map(sent) },
		{ weight: 1, arbitrary: hostileBody },
		{ weight: 1, arbitrary: fc.constant(null) },
	);
}

/** What cannot be escaped as UTF-8, half a pair, goes as bytes that are none. */
function encoded(text: string): string {
	return text.isWellFormed() ? encodeURIComponent(text) : "%ED%A0%80";
}
