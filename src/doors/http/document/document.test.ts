// The document as somebody reads it who generates a client from it.
import { expect, it } from "vitest";
import { accessTable } from "../../../operations/access-table.ts";
import { document } from "./document.ts";
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
	security?: Record<string, string[]>[];
	parameters?: { name: string; in: string; description?: string; schema: Schema }[];
	responses: Record<string, { content?: Record<string, { schema: Schema }>; "x-codes"?: string[] }>;
}

const { paths, components } = openApiDocument() as {
	paths: Record<string, Record<string, Operation>>;
	components: { schemas: Record<string, Schema> };
};
const operations = Object.entries(paths).flatMap(([path, methods]) =>
	Object.entries(methods).map(([method, operation]) => ({ at: `${method} ${path}`, ...operation })),
);

it("[A120] each row of the table of access is a route's, and each route has a row", () => {
	const routed = operations.map(({ operationId = "" }) => operationId.replace(/InRun$/, ""));
	expect([...new Set(routed)].sort()).toEqual(Object.keys(accessTable).sort());
	// @ts-expect-error A route without a row does not compile.
	expect(() => document({ id: "noSuchRow", method: "get", path: "/", summary: "", answers: {} })).toThrow();
});

it("[A124] an operation's security and its answers 401, 403 and 404 are what its row says", () => {
	const told = Object.fromEntries(
		operations.map(({ operationId = "", security = [], responses }) => {
			const codes = [401, 403, 404].flatMap((status) => responses[status]?.["x-codes"] ?? []);
			return [operationId, `${security.flatMap(Object.keys).join(" ")}: ${codes.join(" ")}`];
		}),
	);
	expect(told).toMatchObject({
		getHealth: ": ",
		getSwitches: "operator session: unauthorized operator-only",
		listRuns: "access operator session: unauthorized scope-missing role-missing unknown repository-unknown",
		getJobInRun:
			"access operator session: unauthorized scope-missing role-missing unknown repository-unknown run-unknown job-unknown",
		setPool: "access operator session: unauthorized scope-missing role-missing repositories-limited unknown",
		addJobs:
			"access operator session lease: unauthorized scope-missing role-missing pool-limited secrets-limited unknown repository-unknown run-unknown",
		watchRun:
			"access operator session ticket: unauthorized scope-missing role-missing unknown repository-unknown run-unknown",
		acquireGrant: "runner: unauthorized runner-removed",
		finishLease: "lease: unauthorized",
	});
});

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
