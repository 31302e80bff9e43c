// `spillway dead-letter drop`: a message is forgotten.
import type { Command } from "commander";
import { connect } from "../connection.ts";
import { nothingThere } from "../exit-code.ts";
import type { Host } from "../io.ts";

export function addDeadLetterDrop(parent: Command, { io }: Host): void {
	parent
		.command("drop")
		.description("forget a message; what it was to tell is told by the sweep")
		.argument("<id>", "as `dead-letter list` shows it")
		.action(async (id: string, _: unknown, command: Command) => {
			const { client, answer } = connect(command, io);
			const { wasThere } = await client.deadLetters.drop(id);
			if (!wasThere) throw nothingThere(`message ${id}`, "spillway dead-letter list shows them");
			answer({ id }, (gone) => `${gone.id} is forgotten`);
		});
}
