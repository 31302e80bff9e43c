// A small document that is as it should be, spoiled in one place each; and the one that is published.
import { expect, it } from "vitest";
import { openApiDocument } from "../../src/doors/http/document/openapi.ts";
import { documentFaults } from "./published-document.ts";
import type { PublishedDocument } from "./published-document.ts";

const thing = {
	type: "object",
	properties: {
		name: { type: "string", pattern: "^[a-z]+$" },
		size: { type: "integer", format: "int32", minimum: 0, maximum: 10 },
		kind: { type: ["string", "null"], enum: ["a", null] },
	},
	required: ["name"],
};

/** `spoil` changes a copy of what is good. */
async function faultsOf(spoil: (document: ReturnType<typeof good>) => unknown): Promise<string> {
	const document = good();
	spoil(document);
	return (await documentFaults(document as unknown as PublishedDocument)).join("\n");
}

function good() {
	const body = {
		content: { "application/json": { schema: { $ref: "#/components/schemas/Thing" }, example: { name: "x" } } },
	};
	return {
		openapi: "3.1.0",
		info: { title: "Small", version: "1" },
		tags: [{ name: "things" }],
		paths: {
			"/things": {
				put: {
					operationId: "putThing",
					tags: ["things"],
					requestBody: structuredClone(body),
					responses: { 200: { description: "Put", ...structuredClone(body) } },
				},
			},
		},
		components: { schemas: { Thing: structuredClone(thing) as Record<string, unknown> & typeof thing } },
	};
}

it("[A39] a document that others can use has no faults", async () => {
	expect(await faultsOf(() => undefined)).toBe("");
});

it.each<[string, RegExp, (document: ReturnType<typeof good>) => unknown]>([
	["no OpenAPI", /is no OpenAPI 3\.1/, (document) => Object.assign(document, { openapi: "3.2" })],
	[
		"no JSON Schema",
		/is no JSON Schema 2020-12/,
		({ components }) => Object.assign(components.schemas.Thing, { minimun: 1 }),
	],
	[
		"a pattern of one language",
		/pattern that has/,
		({ components }) => (components.schemas.Thing.properties.name.pattern = "^(?!a)b$"),
	],
	[
		"nullable",
		/nullable/,
		({ components }) => Object.assign(components.schemas.Thing.properties.name, { nullable: true }),
	],
	[
		"a null that its list lacks",
		/not by its list/,
		({ components }) => components.schemas.Thing.properties.kind.enum.pop(),
	],
	[
		"an integer without end",
		/without bounds/,
		({ components }) => Reflect.deleteProperty(components.schemas.Thing.properties.size, "maximum"),
	],
	[
		"an integer of too few bits",
		/bounds beyond/,
		({ components }) => (components.schemas.Thing.properties.size.maximum = 2 ** 31),
	],
	[
		"arms without a sign",
		/tells them apart/,
		({ components }) => Object.assign(components.schemas.Thing, { oneOf: [{ type: "object" }] }),
	],
	[
		"an operation without an id",
		/no id of its own/,
		({ paths }) => Reflect.deleteProperty(paths["/things"].put, "operationId"),
	],
	["a tag that nobody described", /no tag/, ({ tags }) => tags.pop()],
	[
		"a body without an example",
		/has no example/,
		({ paths }) => Reflect.deleteProperty(paths["/things"].put.requestBody.content["application/json"], "example"),
	],
	[
		"an example that is none",
		/its example: .*pattern/,
		({ paths }) => (paths["/things"].put.responses[200].content["application/json"].example.name = "X"),
	],
])("[A170] a document with %s has that fault", async (_, fault, spoil) => {
	expect(await faultsOf(spoil)).toMatch(fault);
});

it("[A39] [A58] [A170] the published document has no faults", async () => {
	expect(await documentFaults(openApiDocument() as PublishedDocument)).toEqual([]);
});
