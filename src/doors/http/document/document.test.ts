// The document as somebody reads it who generates a client from it.
import { expect, it } from "vitest";
import { fieldWords, wordsFor } from "./field-words.ts";
import { openApiDocument } from "./openapi.ts";

interface Schema {
	type?: string | string[];
	$ref?: string;
	description?: string;
	properties?: Record<string, Schema>;
	items?: Schema;
	additionalProperties?: Schema | boolean;
	oneOf?: Schema[];
	anyOf?: Schema[];
	allOf?: Schema[];
	discriminator?: { propertyName: string; mapping: Record<string, string> };
}

interface Operation {
	operationId?: string;
	tags?: string[];
	parameters?: { name: string; in: string; description?: string; schema: Schema }[];
	responses: Record<string, { content?: Record<string, { schema: Schema }> }>;
}

const { paths, components } = openApiDocument() as {
	paths: Record<string, Record<string, Operation>>;
	components: { schemas: Record<string, Schema> };
};
const operations = Object.entries(paths).flatMap(([path, methods]) =>
	Object.entries(methods).map(([method, operation]) => ({ at: `${method} ${path}`, ...operation })),
);

it("[A54] each operation has an id of its own, which is a name in every language", () => {
	const ids = operations.map(({ operationId = "" }) => operationId);
	expect(ids.filter((id) => !/^[a-z][A-Za-z]{3,30}$/.test(id))).toEqual([]);
	expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
});

it("[A54] each operation has one tag, by what it is about", () => {
	const tagAt = Object.fromEntries(operations.map(({ at, tags = [] }) => [at, tags.join(" ")]));
	expect(tagAt).toMatchObject({
		"post /v1/repos/{owner}/{repo}/runs": "runs",
		"get /v1/repos/{owner}/{repo}/jobs/{job}": "jobs",
		"get /v1/repos/{owner}/{repo}/runs/{run}/jobs/{job}/log/live": "logs",
		"delete /v1/repos/{owner}/{repo}/secrets/{name}": "secrets",
		"patch /v1/repos/{owner}/{repo}": "repositories",
		"post /v1/pools/{owner}/{pool}/runners": "runners",
		"post /v1/runner/acquire": "runners",
		"patch /v1/pools/{owner}/{pool}": "pools",
		"post /v1/lease/finish": "leases",
		"get /readyz": "operation",
	});
	expect(Object.values(tagAt).filter((tag) => !/^[a-z]+$/.test(tag))).toEqual([]);
});

it("[A54] ids stay as they are: a client that was generated has them as names", () => {
	const idAt = Object.fromEntries(operations.map(({ at, operationId }) => [at, operationId]));
	expect(idAt).toMatchObject({
		"post /v1/repos/{owner}/{repo}/runs": "submitRun",
		"get /v1/repos/{owner}/{repo}/runs/{run}": "getRun",
		"get /v1/repos/{owner}/{repo}/jobs/{job}": "getJob",
		"get /v1/repos/{owner}/{repo}/runs/{run}/jobs/{job}": "getJobInRun",
		"post /v1/repos/{owner}/{repo}/runs/{run}/cancel": "cancelRun",
		"post /v1/lease/finish": "finishLease",
	});
});

it("[A54] parameters that are numbers are typed so, and each says what it is", () => {
	const all = operations.flatMap(({ at, parameters = [] }) => parameters.map((parameter) => ({ at, ...parameter })));
	const numbers = all.filter(({ schema }) => schema.type === "integer").map(({ name }) => name);
	expect([...new Set(numbers)].sort()).toEqual(["after", "attempt", "from", "limit", "tail"]);
	const others = all.filter(({ name, schema }) => numbers.includes(name) && schema.type !== "integer");
	expect(others).toEqual([]);
	expect(all.filter(({ description = "" }) => description.length < 3).map(({ at, name }) => `${at} ${name}`)).toEqual(
		[],
	);
});

it("[A54] a union names its arms, and by which field they are told apart", () => {
	const unions = Object.entries(components.schemas).filter(([, { oneOf }]) => oneOf !== undefined);
	expect(unions.map(([name]) => name).sort()).toEqual(["LogMessage", "RunEvent"]);
	for (const [, { oneOf = [], discriminator }] of unions) {
		const arms = oneOf.map(({ $ref }) => $ref);
		expect(Object.values(discriminator?.mapping ?? {})).toEqual(arms);
		for (const arm of arms) expect(components.schemas).toHaveProperty(arm?.split("/").at(-1) ?? "");
	}
});

it("[A55] each field of every request and answer says what it is, and no words are left over", () => {
	const silent: string[] = [];
	const used = new Set<string>();
	const look = (schema: Schema, path: string[]): void => {
		for (const [name, field] of Object.entries(schema.properties ?? {})) {
			const at = [...path, name];
			if ((field.description ?? "") === "") silent.push(at.join("."));
			const found = wordsFor(at);
			if (found && field.description?.startsWith(found.words)) used.add(found.entry);
			look(field, at);
		}
		const within = [
			schema.items,
			schema.additionalProperties,
			...(schema.oneOf ?? []),
			...(schema.anyOf ?? []),
			...(schema.allOf ?? []),
		];
		for (const one of within) if (typeof one === "object") look(one, path);
	};
	for (const [name, schema] of Object.entries(components.schemas)) look(schema, [name]);
	const answers = operations.flatMap(({ responses }) => Object.values(responses));
	const contents = answers.flatMap(({ content = {} }) => Object.values(content));
	for (const { schema } of contents) look(schema, ["Page"]);
	expect(silent).toEqual([]);
	expect(Object.keys(fieldWords).filter((entry) => !used.has(entry))).toEqual([]);
});
