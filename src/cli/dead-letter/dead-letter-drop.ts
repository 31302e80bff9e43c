// `spillway dead-letter drop`: a message is forgotten.
import type { Command } from "commander";
import { connect } from "../connection.ts";
import type { Host } from "../io.ts";

export function addDeadLetterDrop(parent: Command, { io }: Host): void {
	parent
		.command("drop")
		.description("forget a message; what it was to tell is told by the sweep")
		.argument("<id>", "as `dead-letter list` shows it")
		.action(async (id: string, _: unknown, command: Command) => {
			const { client, answer } = connect(command, io);
			await client.deadLetters.drop(id);
			answer({ id }, () => `${id} is forgotten`);
		});
}
