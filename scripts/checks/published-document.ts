// Whether others can use the published document: a program that is generated from it, or one that checks by it. Judged by libraries
// that know nothing of how the document came about.
import { Validator } from "@seriousme/openapi-schema-validator";
import addFormats from "ajv-formats";
import { Ajv2020 } from "ajv/dist/2020.js";
import { patternFaults } from "./portable-pattern.ts";

interface Schema {
	type?: string | string[];
	format?: string;
	enum?: unknown[];
	minimum?: number;
	maximum?: number;
	pattern?: string;
	nullable?: boolean;
	oneOf?: { $ref?: string }[];
	discriminator?: object;
	examples?: unknown[];
}

interface Media {
	schema?: object;
	example?: unknown;
	examples?: Record<string, Example>;
}

interface Example {
	$ref?: string;
	value?: unknown;
}

interface Parameter {
	name: string;
	example?: unknown;
	schema?: object;
}

interface Operation {
	operationId?: string;
	tags?: string[];
	parameters?: Parameter[];
	requestBody?: { content: Record<string, Media> };
	responses: Record<string, { content?: Record<string, Media>; headers?: Record<string, { schema?: object }> }>;
}

export interface PublishedDocument {
	tags?: { name: string }[];
	paths: Record<string, Record<string, Operation>>;
	components: { schemas: Record<string, object>; examples?: Record<string, Example>; headers?: object };
}

/** Takes half a second to come up. */
const openApi = new Validator();

/** Each fault with its place, as a JSON pointer or an operation. */
export async function documentFaults(document: PublishedDocument): Promise<string[]> {
	// Validators are known to add to what they read.
	const { valid, errors } = await openApi.validate({ ...structuredClone(document) });
	if (!valid) return [`is no OpenAPI 3.1: ${JSON.stringify(errors)}`];
	const schemas = new DocumentSchemas(document);
	const faults = schemas.faults();
	// No value can be held against these.
	if (faults.length > 0) return faults;
	eachSchema(document, "", (schema, at) => {
		const shown = (schema.examples ?? []).flatMap((value) => schemas.faultsOf(schema, value));
		faults.push(
			...[...schemaFaults(schema), ...shown.map((fault) => `: its example: ${fault}`)].map((fault) => `${at} ${fault}`),
		);
	});
	return [...faults, ...operationFaults(document), ...exampleFaults(document, schemas)];
}

/** The document's schemas, compiled by a library that follows JSON Schema 2020-12. */
export class DocumentSchemas {
	readonly #ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true, allErrors: true });
	readonly #document: PublishedDocument;

	constructor(document: PublishedDocument) {
		this.#document = document;
		addFormats(this.#ajv);
		// OpenAPI's own; `binary` says that any bytes will do.
		for (const word of ["discriminator", "example", "x-message", "x-codes"]) this.#ajv.addKeyword(word);
		this.#ajv.addFormat("binary", true);
		this.#ajv.addSchema({ $id: "document", $defs: relocated(document.components.schemas) });
	}

	faults(): string[] {
		return Object.keys(this.#document.components.schemas).flatMap((name) => {
			try {
				this.#ajv.getSchema(`document#/$defs/${name}`);
				return [];
			} catch (error) {
				return [`${name} is no JSON Schema 2020-12: ${error instanceof Error ? error.message : String(error)}`];
			}
		});
	}

	/** What is wrong with a value by a schema that stands in the document; empty: nothing. */
	faultsOf(schema: object, value: unknown): string[] {
		const validate = this.#ajv.compile(relocated(schema));
		if (validate(value)) return [];
		return (validate.errors ?? []).map(({ instancePath, message = "" }) => `${instancePath || "/"} ${message}`);
	}
}

/** References within the document lead to where its schemas are compiled. A schema is compiled once for each object. */
function relocated<T extends object>(schema: T): T {
	const known = moved.get(schema);
	if (known !== undefined) return known as T;
	const text = JSON.stringify(schema).replaceAll('"$ref":"#/components/schemas/', '"$ref":"document#/$defs/');
	const made = JSON.parse(text) as T;
	moved.set(schema, made);
	return made;
}

const moved = new WeakMap<object, object>();

function schemaFaults(schema: Schema): string[] {
	const types = [schema.type].flat();
	const faults =
		schema.pattern === undefined ? [] : patternFaults(schema.pattern).map((fault) => `has a pattern that ${fault}`);
	if ("nullable" in schema) faults.push("says `nullable`, which 3.1 does not know");
	if (types.includes("null") && schema.enum && !schema.enum.includes(null))
		faults.push("may be null by its type, and not by its list");
	if (types.includes("integer")) faults.push(...integerFaults(schema));
	if (schema.oneOf && !schema.discriminator) faults.push("has arms, and nothing tells them apart");
	return faults;
}

function integerFaults({ minimum, maximum, format }: Schema): string[] {
	if (minimum === undefined || maximum === undefined) return ["is an integer without bounds"];
	if (!Number.isSafeInteger(minimum) || !Number.isSafeInteger(maximum))
		return ["has bounds that JavaScript does not hold"];
	const isSmall = minimum >= -(2 ** 31) && maximum < 2 ** 31;
	return format === "int64" || (isSmall && format === "int32")
		? []
		: [`has the format ${format}, and bounds beyond it`];
}

function operationFaults({ paths, tags = [] }: PublishedDocument): string[] {
	const seen = new Set<string>();
	const known = new Set(tags.map(({ name }) => name));
	return eachOperation(paths).flatMap(([at, { operationId = "", tags: own = [] }]) => {
		const faults: string[] = [];
		// Some languages tell names apart by their letters alone, some not by upper and lower case.
		if (operationId === "" || seen.has(operationId.toLowerCase())) faults.push(`${at} has no id of its own`);
		seen.add(operationId.toLowerCase());
		if (own.length !== 1 || own.some((tag) => !known.has(tag)))
			faults.push(`${at} has no tag that the document describes`);
		return faults;
	});
}

/** JSON without an example, and examples that are not what their schema says. */
function exampleFaults({ paths, components }: PublishedDocument, schemas: DocumentSchemas): string[] {
	return eachOperation(paths).flatMap(([at, { parameters = [], requestBody, responses }]) => {
		const contents = [
			...Object.entries(requestBody?.content ?? {}).map(([type, media]) => ({ at: `${at} request`, type, media })),
			...Object.entries(responses).flatMap(([status, { content = {} }]) =>
				Object.entries(content).map(([type, media]) => ({ at: `${at} ${status}`, type, media })),
			),
		];
		const named = parameters.filter(({ example, schema }) => example !== undefined && schema !== undefined);
		return [
			...contents.flatMap(({ at: place, type, media }) =>
				mediaFaults(place, { type, media: withExamples(media, components.examples) }, schemas),
			),
			...named.flatMap(({ name, example, schema = {} }) =>
				schemas.faultsOf(schema, example).map((fault) => `${at} ${name}: its example: ${fault}`),
			),
		];
	});
}

function mediaFaults(at: string, { type, media }: { type: string; media: Media }, schemas: DocumentSchemas): string[] {
	const { schema, example, examples = {} } = media;
	const shown = [...(example === undefined ? [] : [example]), ...Object.values(examples).map(({ value }) => value)];
	if (schema === undefined) return [`${at} ${type} has no schema`];
	// A body that is any object needs none.
	if (shown.length === 0)
		return /\bjson$/.test(type) && !isAnyObject(schema)
			? [`${at} has no example: src/doors/http/document/examples.ts`]
			: [];
	return shown.flatMap((value) => schemas.faultsOf(schema, value).map((fault) => `${at}: its example: ${fault}`));
}

/** Examples where they are used, and not where they are kept. */
function withExamples(media: Media, kept: Record<string, Example> = {}): Media {
	const { examples = {} } = media;
	const found = Object.entries(examples).map(([name, example]) => [
		name,
		kept[example.$ref?.split("/").at(-1) ?? ""] ?? example,
	]);
	return { ...media, examples: Object.fromEntries(found) };
}

function isAnyObject(schema: Schema): boolean {
	return schema.type === "object" && Object.keys(schema).length === 1;
}

function eachOperation(paths: PublishedDocument["paths"]): [at: string, operation: Operation][] {
	return Object.entries(paths).flatMap(([path, operations]) =>
		Object.entries(operations).map(([method, operation]): [string, Operation] => [`${method} ${path}`, operation]),
	);
}

/** Calls `look` with each schema anywhere in the document. */
function eachSchema(node: unknown, at: string, look: (schema: Schema, at: string) => void): void {
	if (typeof node !== "object" || node === null) return;
	if (!Array.isArray(node) && isSchema(node)) look(node, at);
	for (const [key, value] of Object.entries(node)) {
		if (key !== "example" && key !== "examples") eachSchema(value, `${at}/${key}`, look);
	}
}

/** What says a word of JSON Schema's, as such. */
function isSchema(node: object): node is Schema {
	const { type, pattern, oneOf } = node as { type?: unknown; pattern?: unknown; oneOf?: unknown };
	return typeof type === "string" || Array.isArray(type) || typeof pattern === "string" || Array.isArray(oneOf);
}
