// `spillway session list`: the sessions that this token opened in browsers.
import type { Command } from "commander";
import type { ShownSession } from "../../contracts/http/session.ts";
import { connect } from "../connection.ts";
import type { Host } from "../io.ts";
import { table } from "../terminal/table.ts";

export function addSessionList(parent: Command, { io }: Host): void {
	parent
		.command("list")
		.description("sessions of browsers that SPILLWAY_TOKEN opened")
		.action(async (_: unknown, command: Command) => {
			const { client, answer, paint } = connect(command, io);
			const { items } = await client.sessions.list();
			answer(items, (shown) => table([headings.map(paint.faint), ...shown.map(row)]));
		});
}

const headings = ["id", "opened", "used", "ends", "from"];

function row({ id, openedAt, usedAt, expiresAt, from }: ShownSession): string[] {
	return [id, openedAt, usedAt, expiresAt, from ?? "-"];
}
