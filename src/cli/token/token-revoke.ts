// `spillway token revoke`: a token ends, everywhere within a minute.
import type { Command } from "commander";
import { connect } from "../connection.ts";
import type { Host } from "../io.ts";

export function addTokenRevoke(parent: Command, { io }: Host): void {
	parent
		.command("revoke")
		.description("end a token; acts everywhere within 60 s")
		.argument("<id>", "the token's id, as `token list` shows it")
		.option("--owner <owner>", "whose it is: needed while the list of tokens is away, or has lost it")
		.action(async (id: string, { owner }: { owner?: string }, command: Command) => {
			const { client, answer } = connect(command, io);
			const { wasThere } = await client.tokens.revoke(id, owner);
			answer(null, () => `token ${id} ${wasThere ? "is revoked" : "was revoked before"}`);
		});
}
