// `spillway token revoke`: a token ends, everywhere within a minute.
import type { Command } from "commander";
import { connect } from "../connection.ts";
import type { Host } from "../io.ts";

export function addTokenRevoke(parent: Command, { io }: Host): void {
	parent
		.command("revoke")
		.description("end a token; acts everywhere within 60 s")
		.argument("<id>", "the token's id, as `token list` shows it")
		.action(async (id: string, _: unknown, command: Command) => {
			const { client, answer } = connect(command, io);
			answer(await client.tokens.revoke(id), () => `token ${id} is revoked`);
		});
}
