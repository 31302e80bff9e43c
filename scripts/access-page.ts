// The page that says who may do what, written from the API's document and the table of access, so that it cannot say anything else.
import type { AccessRow, Operation, PrincipalKind } from "../src/operations/access-table.ts";

interface Described {
	operationId: string;
	tags: string[];
}

export interface ApiPaths {
	[path: string]: Record<string, Described>;
}

/** What the page needs of `src/operations/access-table.ts`. */
export interface AccessFacts {
	accessTable: Record<string, AccessRow>;
	accessRow(operation: Operation): AccessRow;
	principalsFor(row: AccessRow): PrincipalKind[];
}

const headings: Readonly<Record<string, string>> = {
	repositories: "Repositories",
	secrets: "Secrets",
	runs: "Runs",
	jobs: "Jobs",
	logs: "Logs",
	pools: "Pools",
	runners: "Runners",
	leases: "Leases",
	identity: "Verifying a job's identity",
	tokens: "Tokens and tickets",
	people: "People",
	operation: "The installation",
};

const abouts: Readonly<Record<AccessRow["of"], string>> = {
	repository: "a repository",
	owner: "an owner, whole",
	part: "an owner, as far as the caller reaches",
	"owner-or-installation": "an owner; without one, all",
	nothing: "nobody in particular",
	oneself: "the caller itself",
	installation: "the installation",
	runner: "its own pool",
	lease: "its own job",
	open: "nobody in particular",
};

const kinds: Readonly<Record<PrincipalKind, string>> = {
	operator: "operator",
	access: "token",
	session: "session",
	runner: "runner",
	lease: "lease",
	ticket: "ticket",
};

const beginning = `# Who may do what

Written from the table that decides it: \`npm run check -- access --write\`.

- The **operator** may do all but what a runner, a lease or a session does for itself.
- A **token** needs the scope; it is for one owner, and may be for some of the owner's repositories.
- A **session** is a person's; the person needs the role, or a higher one, as a member of the owner. Roles, the lowest first: \`viewer\`, \`developer\`, \`maintainer\`, \`owner\`. A membership may be for some repositories too. A session that was opened with a token, the operator's included, may what the token may.
- A **runner** and a **lease** may what their own pool and their own job need. A **ticket** opens one stream for the token that made it.
- *everybody* needs nothing.

What the caller hears otherwise: 401 \`unauthorized\` without a token or session that is good for this route; 404 \`unknown\` for another owner's things and for repositories that the token or membership is not for, whether they are there or not; 403 with \`scope-missing\` or \`role-missing\` for what is the caller's own to know, \`repositories-limited\` for what all repositories of an owner share, \`operator-only\` for what belongs to no owner.
`;

/** Markdown. Throws when a route has no row or no heading. */
export function accessPage(paths: ApiPaths, facts: AccessFacts): string {
	const lines = new Map(Object.keys(headings).map((tag) => [tag, [] as string[]]));
	const seen = new Map<string, { tag: string; calls: string[] }>();
	for (const [path, methods] of Object.entries(paths)) {
		for (const [method, { operationId, tags }] of Object.entries(methods)) {
			const name = operationId.replace(/InRun$/, "");
			const entry = seen.get(name) ?? { tag: tags[0] ?? "", calls: [] };
			entry.calls.push(`\`${method.toUpperCase()} ${path}\``);
			seen.set(name, entry);
		}
	}
	for (const [name, { tag, calls }] of seen) {
		const rows = lines.get(tag);
		if (rows === undefined) throw new Error(`the page has no heading for ${tag}`);
		if (!(name in facts.accessTable)) throw new Error(`the table of access has no row ${name}`);
		rows.push(rowOf(name, calls, facts));
	}
	const parts = Object.entries(headings).flatMap(([tag, heading]) => {
		const rows = lines.get(tag) ?? [];
		return rows.length === 0 ? [] : [`## ${heading}\n\n${tableHead}\n${rows.join("\n")}\n`];
	});
	return [beginning, ...parts].join("\n");
}

const tableHead = "| operation | call | about | who | scope | least role |\n| --- | --- | --- | --- | --- | --- |";

function rowOf(name: string, calls: string[], facts: AccessFacts): string {
	const row = facts.accessRow(name as Operation);
	const hasRole = "role" in row && row.role !== null;
	const who = facts.principalsFor(row).filter((kind) => kind !== "session" || hasRole);
	const right = "scope" in row ? { scope: `\`${row.scope}\``, role: row.role === null ? "" : `\`${row.role}\`` } : null;
	const cells = [
		`\`${name}\``,
		calls.join("<br>"),
		abouts[row.of],
		who.length === 0 ? "*everybody*" : who.map((kind) => kinds[kind]).join(", "),
		right?.scope ?? "",
		right?.role ?? "",
	];
	return `| ${cells.join(" | ")} |`;
}
