// `spillway dead-letter list`: messages that a queue gave up, with what went wrong last.
import type { Command } from "commander";
import type { Page } from "../../contracts/http/page.ts";
import type { DeadLetter } from "../../contracts/http/dead-letter.ts";
import { readWhole } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { GlobalOptions } from "../connection.ts";
import type { Host } from "../io.ts";
import type { Paint } from "../terminal/paint.ts";
import { fittedTable } from "../terminal/table.ts";

interface ListFlags extends GlobalOptions {
	limit?: number;
	cursor?: string;
}

export function addDeadLetterList(parent: Command, { io }: Host): void {
	parent
		.command("list")
		.description("messages that were given up, newest first")
		.option("--limit <letters>", "at most 100", readWhole)
		.option("--cursor <cursor>", "go on where the last list ended")
		.action(async (_: unknown, command: Command) => {
			const { limit, cursor } = command.optsWithGlobals<ListFlags>();
			const { client, answer, paint } = connect(command, io);
			const page = await client.deadLetters.list({ limit, cursor });
			answer(page, (found) => listText(found, { paint, width: io.columns }));
		});
}

const columns = [
	{ heading: "id" },
	{ heading: "queue" },
	{ heading: "sent", dropAt: 1 },
	{ heading: "tries" },
	{ heading: "reason", least: 12 },
];

function listText(page: Page<DeadLetter>, { paint, width }: { paint: Paint; width: number | null }): string {
	if (page.items.length === 0) return "none: every message was dealt with";
	const rows = page.items.map(({ id, queue, at, tries, reason }) => [id, queue, at, String(tries), reason]);
	const more = page.nextCursor === null ? [] : [`more: --cursor ${page.nextCursor}`];
	return [fittedTable(columns, rows, { width, paint }), ...more].join("\n");
}
