// The operations of the published document, as a program that was made from it sees them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../scripts/child.ts";
import type { PublishedDocument } from "../../scripts/checks/published-document.ts";

export interface Schema {
	$ref?: string;
	type?: string | string[];
	enum?: unknown[];
	const?: unknown;
	format?: string;
	pattern?: string;
	"x-codes"?: string[];
	minLength?: number;
	maxLength?: number;
	minimum?: number;
	maximum?: number;
	minItems?: number;
	maxItems?: number;
	items?: Schema;
	properties?: Record<string, Schema>;
	required?: string[];
	additionalProperties?: Schema | boolean;
	propertyNames?: Schema;
	anyOf?: Schema[];
	oneOf?: Schema[];
}

export interface Parameter {
	name: string;
	in: "path" | "query" | "header";
	required?: boolean;
	schema: Schema;
}

export interface DocumentedAnswer {
	content?: Record<string, { schema: Schema }>;
	headers?: Record<string, { $ref: string }>;
	"x-message"?: { $ref: string };
}

export interface DocumentedOperation {
	id: string;
	method: string;
	path: string;
	/** Kinds of principals of which each may, by the document; empty: everybody. */
	principals: string[];
	parameters: Parameter[];
	body: { type: string; schema: Schema; examples: unknown[] } | null;
	answers: Record<string, DocumentedAnswer>;
}

type Headers = Record<string, { required?: boolean; schema: Schema }>;

export const published = JSON.parse(readFileSync(join(root, "docs/openapi.json"), "utf8")) as PublishedDocument & {
	components: { schemas: Record<string, Schema>; examples: Record<string, { value: unknown }>; headers: Headers };
};

interface Written {
	operationId: string;
	security?: Record<string, unknown>[];
	parameters?: Parameter[];
	requestBody?: {
		content: Record<string, { schema: Schema; examples?: Record<string, { $ref?: string; value?: unknown }> }>;
	};
	responses: Record<string, DocumentedAnswer>;
}

export const operations: DocumentedOperation[] = Object.entries(published.paths).flatMap(([path, methods]) =>
	Object.entries(methods as unknown as Record<string, Written>).map(([method, written]) => ({
		id: written.operationId,
		method: method.toUpperCase(),
		path,
		principals: (written.security ?? []).flatMap((need) => Object.keys(need)),
		parameters: written.parameters ?? [],
		body: bodyOf(written),
		answers: written.responses,
	})),
);

function bodyOf({ requestBody }: Written): DocumentedOperation["body"] {
	const [type, media] = Object.entries(requestBody?.content ?? {})[0] ?? [];
	if (type === undefined || media === undefined) return null;
	const examples = Object.values(media.examples ?? {}).map(({ $ref, value }) =>
		$ref === undefined ? value : published.components.examples[nameOf($ref)]?.value,
	);
	return { type, schema: media.schema, examples };
}

export function nameOf(reference: string): string {
	return reference.split("/").at(-1) ?? "";
}

export function resolved(schema: Schema): Schema {
	return schema.$ref === undefined ? schema : (published.components.schemas[nameOf(schema.$ref)] ?? {});
}
