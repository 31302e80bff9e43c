// docs/limits.md as text, from the table of limits.
import type { LimitRow } from "../src/domain/limit/limit-table.ts";

export interface LimitFacts {
	limitTable: Readonly<Record<string, LimitRow>>;
}

const opening = `# Limits

Written from the table that holds them: \`npm run check -- limits --write\`.

Past a limit a caller gets 429 with the code \`limit-\` and the limit's name, \`Retry-After\`, and in words the limit, its unit and what to do; nothing of the call was done. Clients and runners of this project come again by themselves. What was accepted stays accepted: no limit takes back a run, and none refuses what a runner reports of a job. A run that was accepted by spilling, and comes to a repository that is full, is there as \`refused\` with that reason, and a retry runs it.

\`GET /v1/repos/{owner}/{repo}/limits\` and \`GET /v1/owners/{owner}/limits\` show the limits with what is used of each, and so does \`spillway limits OWNER[/REPO]\`. The operator sets one with \`PUT\` or \`PATCH\` there, or with \`spillway limits OWNER[/REPO] --set NAME=NUMBER\`; each such act is in the audit. It acts at once, on rates of tokens within half a minute, and a limit that is set below what is used takes nothing away.

A rate gives all of its window at once and then evenly what comes back, so a burst passes. What one request or answer may hold (its bytes, its jobs, its labels) is no limit of this kind: those bounds never change, and past them a request is malformed (400) or too large (413).
`;

export function limitsPage({ limitTable }: LimitFacts): string {
	const rows = Object.entries(limitTable).map(([name, row]) => rowOf(name, row));
	const table = ["| limit | of each | number | may be set to | counted |", "| --- | --- | --- | --- | --- |", ...rows];
	const parts = Object.entries(limitTable).map(([name, { why, met }]) => `- **\`${name}\`**: ${why}. Past it ${met}.`);
	return `${opening}\n${table.join("\n")}\n\n## Why that number, and what to do past it\n\n${parts.join("\n")}\n`;
}

function rowOf(name: string, { of, unit, fallback, settable, counted }: LimitRow): string {
	const most = settable === null ? "it is the same for everybody" : `${settable.max}, for each ${settable.for}`;
	return `| \`${name}\` | ${of} | ${fallback} ${unit} | ${most} | ${counted} |`;
}
