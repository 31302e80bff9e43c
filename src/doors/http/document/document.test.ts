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
	pattern?: string;
	"x-codes"?: string[];
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
	parameters?: { name: string; in: string; description?: string; required?: boolean; schema: Schema }[];
	requestBody?: { required?: boolean };
	responses: Record<
		string,
		{
			content?: Record<string, { schema: Schema }>;
			headers?: object;
			"x-message"?: { $ref: string };
			"x-codes"?: string[];
		}
	>;
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
	const forged = "origin-foreign request-header-missing";
	expect(told).toMatchObject({
		getHealth: ": ",
		getSwitches: "operator session: unauthorized operator-only origin-foreign",
		listRuns:
			"access operator session: unauthorized scope-missing role-missing origin-foreign unknown repository-unknown",
		getJobInRun:
			"access operator session: unauthorized scope-missing role-missing origin-foreign unknown repository-unknown run-unknown job-unknown",
		setPool: `access operator session: unauthorized scope-missing role-missing repositories-limited ${forged} unknown`,
		addJobs: `access operator session lease: unauthorized scope-missing role-missing pool-limited secrets-limited ${forged} unknown repository-unknown run-unknown`,
		watchRun:
			"access operator session ticket: unauthorized scope-missing role-missing origin-foreign unknown repository-unknown run-unknown",
		createSession: ": unauthorized origin-foreign",
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
	expect([...new Set(numbers)].sort()).toEqual(["Upload-Offset", "after", "attempt", "from", "limit", "tail"]);
	const others = all.filter(({ name, schema }) => numbers.includes(name) && schema.type !== "integer");
	expect(others).toEqual([]);
	expect(all.filter(({ description = "" }) => description.length < 3).map(({ at, name }) => `${at} ${name}`)).toEqual(
		[],
	);
});

it("[A170] what is no JSON is shown as what it is, with the shape of its messages", () => {
	const content = (at: string, status: number) => {
		const answer = operations.find((operation) => operation.at === at)?.responses[status];
		return [Object.keys(answer?.content ?? {}), answer?.["x-message"]?.$ref];
	};
	const run = "/v1/repos/{owner}/{repo}/runs/{run}";
	const message = (name: string) => `#/components/schemas/${name}`;
	expect(content(`get ${run}/events`, 200)).toEqual([["text/event-stream"], message("RunEvent")]);
	expect(content(`get ${run}/events`, 101)).toEqual([[], message("RunEvent")]);
	expect(content(`get ${run}/events`, 410)).toEqual([["application/problem+json"], undefined]);
	expect(content(`get ${run}/jobs/{job}/log/live`, 200)).toEqual([["text/event-stream"], message("LogMessage")]);
	expect(content("get /v1/lease/log/feed", 101)).toEqual([[], message("FeedAcknowledgement")]);
	expect(content(`get ${run}/jobs/{job}/attempts/{attempt}/log`, 200)[0]).toEqual([
		"text/plain",
		"application/x-ndjson",
	]);
	expect(content("get /readyz", 503)[0]).toEqual(["application/json"]);
});

it("[A170] what a call is refused without is marked as needed", () => {
	const at = (key: string) => operations.find((operation) => operation.at === key);
	const needed = (key: string) => at(key)?.parameters?.flatMap(({ name, required }) => (required ? name : []));
	expect(needed("get /v1/tokens")).toEqual(["owner"]);
	expect(needed("get /v1/audit")).toEqual([]);
	expect(needed("patch /v1/lease/log")).toEqual(["Upload-Offset"]);
	expect(at("post /v1/repos/{owner}/{repo}/runs")?.requestBody?.required).toBe(true);
	expect(at("post /v1/repos/{owner}/{repo}/runs/{run}/cancel")?.requestBody?.required).toBeUndefined();
});

it("[A171] each answer names the headers that mean something to its caller", () => {
	const named = (key: string, status: number | "default") =>
		Object.keys(operations.find(({ at }) => at === key)?.responses[status]?.headers ?? {});
	const problem = ["X-Request-Id", "Retry-After", "WWW-Authenticate", "Allow"];
	expect(named("get /healthz", 200)).toEqual(["X-Request-Id"]);
	expect(named("get /healthz", "default")).toEqual(problem);
	expect(named("post /v1/repos/{owner}/{repo}/runs", 201)).toEqual([
		"X-Request-Id",
		"Spillway-Stale",
		"Idempotency-Replayed",
		"Location",
	]);
	expect(named("patch /v1/lease/log", 204)).toEqual([
		"X-Request-Id",
		"Lease-State",
		"Upload-Offset",
		"Upload-Interval",
	]);
	expect(named("patch /v1/lease/log", "default")).toEqual([...problem, "Lease-State", "Upload-Offset"]);
	expect(named("delete /v1/tokens/{id}", 204)).toEqual(["X-Request-Id", "Spillway-Absent"]);
});

it("[A177] every code of a problem is listed, those of a status among them, and none as the only ones there will be", () => {
	const code = components.schemas.Problem?.properties?.code;
	const listed = code?.["x-codes"] ?? [];
	expect(code).not.toHaveProperty("enum");
	expect(listed).toEqual(expect.arrayContaining(["malformed", "limit-waiting-jobs", "lease-stale", "unauthorized"]));
	const pattern = new RegExp(code?.pattern ?? "");
	expect(listed.filter((each) => !pattern.test(each))).toEqual([]);
	const named = operations.flatMap(({ responses }) =>
		Object.values(responses).flatMap((answer) => answer["x-codes"] ?? []),
	);
	expect([...new Set(named)].filter((each) => !listed.includes(each))).toEqual([]);
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
