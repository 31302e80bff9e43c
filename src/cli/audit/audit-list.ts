// `spillway audit list`: who did what, when, from where and why; newest first.
import type { Command } from "commander";
import type { Page } from "../../contracts/http/page.ts";
import type { AuditRecord } from "../../contracts/http/audit.ts";
import { readWhole } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { GlobalOptions } from "../connection.ts";
import type { Host } from "../io.ts";
import type { Paint } from "../terminal/paint.ts";
import { table } from "../terminal/table.ts";

interface ListFlags extends GlobalOptions {
	actor?: string;
	action?: string;
	limit?: number;
	cursor?: string;
}

export function addAuditList(parent: Command, { io }: Host): void {
	parent
		.command("list")
		.description("privileged acts, newest first")
		.argument("[owner]", "whose; without it everybody's, which only the operator may see")
		.option("--actor <actor>", "only what this one did")
		.option("--action <action>", "only this, such as job-retry")
		.option("--limit <acts>", "at most 100", readWhole)
		.option("--cursor <cursor>", "go on where the last list ended")
		.action(async (owner: string | undefined, _: unknown, command: Command) => {
			const { actor, action, limit, cursor } = command.optsWithGlobals<ListFlags>();
			const { client, answer, paint } = connect(command, io);
			const page = await client.audit.list({ owner, actor, action, limit, cursor });
			answer(page, (found) => listText(found, paint));
		});
}

/** The whole is in `--json`. */
const valueMax = 60;

const headings = ["at", "actor", "action", "where", "subject", "what", "from", "why"];

function listText(page: Page<AuditRecord>, paint: Paint): string {
	const rows = page.items.map(({ at, actor, action, owner, repo, subject, details, from, reason }) => {
		const where = [owner ?? "everywhere", ...(repo === null ? [] : [repo])].join("/");
		return [at, actor, action, where, subject ?? "", detailsText(details), from ?? "", reason ?? ""];
	});
	const more = page.nextCursor === null ? [] : [`more: --cursor ${page.nextCursor}`];
	return [table([headings.map(paint.faint), ...rows]), ...more].join("\n");
}

/** `paused=true maxRunning=3`: what was asked for, each value short enough for a line. */
function detailsText(details: AuditRecord["details"]): string {
	return Object.entries(details)
		.map(([name, value]) => `${name}=${clip(typeof value === "string" ? value : JSON.stringify(value))}`)
		.join(" ");
}

function clip(text: string): string {
	return text.length <= valueMax ? text : `${text.slice(0, valueMax)}…`;
}
