// What the document says of who may: the schemes, each operation's `security`, and its answers 401, 403 and 404 with the codes that can
// come, all made from the table of `src/operations/access-table.ts`.
import { problem } from "../../../contracts/http/problem.ts";
import { problemContentType } from "../../../contracts/wire/refusal-facts.ts";
import { accessRow, principalsFor, refusalsFor } from "../../../operations/access-table.ts";
import type { Operation, PrincipalKind } from "../../../operations/access-table.ts";

const bearer = (description: string) => ({ type: "http", scheme: "bearer", description }) as const;

export const securitySchemes = {
	access: bearer("An access token (`spw_access_…`)."),
	operator: bearer("The operator's token."),
	session: {
		type: "apiKey",
		in: "cookie",
		name: "spillway_session",
		description: "A person's session in a browser.",
	},
	runner: bearer("A runner's token, as registering gives it."),
	lease: bearer("A lease's token, as a grant gives it."),
	ticket: {
		type: "apiKey",
		in: "query",
		name: "ticket",
		description: "For one WebSocket, once, within a minute: from `POST /v1/tickets`.",
	},
} as const satisfies Record<PrincipalKind, object>;

/** Any one of them; empty: the operation is everybody's. */
export function securityOf(id: Operation): Partial<Record<PrincipalKind, string[]>>[] {
	return principalsFor(accessRow(id)).map((kind) => ({ [kind]: [] }));
}

interface Refusals {
	description: string;
	content: Record<string, { schema: typeof problem }>;
	/** For a program: OpenAPI has no place for them that every generator of clients reads. */
	"x-codes": string[];
}

interface Described {
	id: Operation;
	method: string;
	path: string;
	answers: Record<number, unknown>;
}

/** By status; none for a status that cannot come. */
export function refusalAnswers(call: Described): Record<number, Refusals> {
	const row = accessRow(call.id);
	const { 401: nobody, 403: forbidden, 404: unknown } = refusalsFor(row);
	const isByCookie = principalsFor(row).includes("session");
	const forged = isByCookie ? forgeriesOf(call.method) : 101 in call.answers ? ["origin-foreign"] : [];
	const answers: [number, string, string[]][] = [
		[401, "No token that is good here", nobody],
		[403, "Forbidden", [...forbidden, ...forged]],
		[404, "Not there, or not the caller's to know", [...unknown, ...absencesOf(call)]],
	];
	return Object.fromEntries(
		answers.flatMap(([status, words, codes]) => {
			if (codes.length === 0) return [];
			const description = `${words}: ${codes.map((code) => `\`${code}\``).join(", ")}`;
			return [[status, { description, content: { [problemContentType]: { schema: problem } }, "x-codes": codes }]];
		}),
	);
}

/** What a session's cookie is refused for that another page made a browser send [A92][A93]; a WebSocket is without a cookie too. */
function forgeriesOf(method: string): string[] {
	return method === "get" ? ["origin-foreign"] : ["origin-foreign", "request-header-missing"];
}

/** By a parameter of the path, what a caller hears who may know, of a thing that is not there. */
const absences: Readonly<Record<string, string>> = {
	repo: "repository-unknown",
	run: "run-unknown",
	job: "job-unknown",
	attempt: "attempt-unknown",
	runner: "runner-unknown",
	letter: "dead-letter-unknown",
};

/** What a DELETE does not find is gone all the same [Y13], and PUT makes a repository. */
function absencesOf({ id, method, path }: { id: Operation; method: string; path: string }): string[] {
	const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? "");
	const last = names.at(-1);
	const isThere = (name: string) =>
		(method === "delete" && name === last) || (id === "putRepository" && name === "repo");
	return names.flatMap((name) => (isThere(name) ? [] : (absences[name] ?? [])));
}
