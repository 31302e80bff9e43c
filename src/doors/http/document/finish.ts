// What is done to the document once all routes have registered: words of fields, bounds of numbers, headers of answers and examples.
// None of it changes what is taken or given; all of it is for programs that are made from the document.
import { problemCodes } from "../../../contracts/wire/problem-codes.ts";
import { headerComponents, headersOf } from "./answer-headers.ts";
import { exampleComponents, exampleNames, messageExample } from "./examples.ts";
import { wordsFor } from "./field-words.ts";

interface Schema {
	$ref?: string;
	type?: string | string[];
	description?: string;
	format?: string;
	minimum?: number;
	maximum?: number;
	properties?: Record<string, Schema>;
	required?: string[];
	items?: Schema;
	additionalProperties?: Schema | boolean;
	examples?: unknown[];
	anyOf?: Schema[];
	oneOf?: Schema[];
	allOf?: Schema[];
}

/** What every code of ours looks like. The list is for programs and is no `enum`: a client of today must read a code of tomorrow. */
const codePattern = "^[a-z]+(-[a-z0-9]+)*$";

interface Media {
	schema?: Schema;
	examples?: object;
}

interface Answer {
	description: string;
	content?: Record<string, Media>;
	headers?: object;
}

interface Operation {
	operationId: string;
	parameters?: { name: string; in: string; schema?: Schema }[];
	requestBody?: { required?: boolean; content: Record<string, Media> };
	responses: Record<string, Answer>;
}

/** As far as it is looked at here. */
interface Whole {
	paths?: object;
	components?: { schemas?: object; headers?: object; examples?: object };
}

export function finishDocument(whole: Whole): void {
	const { components = {} } = whole;
	Object.assign(components, { headers: headerComponents(), examples: exampleComponents() });
	const shapes = (components.schemas ?? {}) as Record<string, Schema>;
	for (const [name, schema] of Object.entries(shapes)) {
		describe(schema, [name]);
		boundIntegers(schema);
		const message = messageExample(name);
		if (message !== undefined) schema.examples = [message];
	}
	const code = shapes.Problem?.properties?.code;
	if (code) Object.assign(code, { pattern: codePattern, "x-codes": problemCodes });
	for (const [path, operations] of Object.entries(whole.paths ?? {})) {
		for (const [method, operation] of Object.entries(operations as Record<string, Operation>)) {
			finishOperation({ method, path, operation }, shapes);
		}
	}
}

interface Call {
	method: string;
	path: string;
	operation: Operation;
}

function finishOperation({ method, path, operation }: Call, shapes: Record<string, Schema>): void {
	for (const { schema } of operation.parameters ?? []) if (schema) boundIntegers(schema);
	const { requestBody } = operation;
	for (const media of Object.values(requestBody?.content ?? {})) {
		if (requestBody && isNeeded(media.schema, shapes)) requestBody.required = true;
		addExample(media);
	}
	for (const [status, answer] of Object.entries(operation.responses)) {
		for (const media of Object.values(answer.content ?? {})) {
			if (media.schema) {
				describe(media.schema, ["Page"]);
				boundIntegers(media.schema);
			}
			addExample(media);
		}
		answer.headers = headersOf({ method, path, operation, status });
	}
}

/** An empty body is an empty object: one that lacks nothing may be left out. */
function isNeeded(schema: Schema | undefined, shapes: Record<string, Schema>): boolean {
	const shape = schema?.$ref === undefined ? schema : shapes[nameOf(schema.$ref)];
	return shape?.format === "binary" || (shape?.required ?? []).length > 0;
}

function addExample(media: Media): void {
	const { schema } = media;
	if (schema === undefined) return;
	const page = schema.properties?.items?.items;
	const names = page ? exampleNames(`${shapeOf(page)}Page`) : exampleNames(shapeOf(schema));
	if (names.length === 0) return;
	media.examples = Object.fromEntries(names.map((name) => [name, exampleAt(name)]));
}

function exampleAt(name: string): object {
	return { $ref: `#/components/examples/${name}` };
}

/** The name of a shape; of one that has none, the names of its fields. */
function shapeOf({ $ref, properties = {} }: Schema): string {
	return $ref === undefined ? Object.keys(properties).join(" ") : nameOf($ref);
}

function nameOf(reference: string): string {
	return reference.split("/").at(-1) ?? "";
}

/** What no number of ours passes: every language reads it exactly, but many take a number without a format for one of 32 bits. */
function boundIntegers(schema: Schema): void {
	if ([schema.type].flat().includes("integer")) {
		schema.minimum ??= Number.MIN_SAFE_INTEGER;
		schema.maximum ??= Number.MAX_SAFE_INTEGER;
		const isSmall = schema.minimum >= -(2 ** 31) && schema.maximum < 2 ** 31;
		schema.format ??= isSmall ? "int32" : "int64";
	}
	for (const inner of [...Object.values(schema.properties ?? {}), ...within(schema)]) boundIntegers(inner);
}

/** Gives each field its words, where its schema says none. */
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
	for (const one of within(schema)) describe(one, path);
}

function within({ items, additionalProperties, anyOf = [], oneOf = [], allOf = [] }: Schema): Schema[] {
	return [items, additionalProperties, ...anyOf, ...oneOf, ...allOf].filter((one) => typeof one === "object");
}
