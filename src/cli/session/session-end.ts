// `spillway session end`: a browser that this token signed in is signed out.
import type { Command } from "commander";
import { connect } from "../connection.ts";
import { nothingThere } from "../exit-code.ts";
import type { Host } from "../io.ts";

export function addSessionEnd(parent: Command, { io }: Host): void {
	parent
		.command("end")
		.description("end a session; acts everywhere within 60 s")
		.argument("<id>", "the session's id, as `session list` shows it")
		.action(async (id: string, _: unknown, command: Command) => {
			const { client, answer } = connect(command, io);
			const { wasThere } = await client.sessions.end(id);
			if (!wasThere) throw nothingThere(`session ${id}`, "spillway session list shows those that are open");
			answer(null, () => `session ${id} has ended`);
		});
}
