// `spillway pool show`: a pool's runners, what they hold, and what waits for them.
import type { Command } from "commander";
import { readPool } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { Host } from "../io.ts";
import { poolText } from "./pool-text.ts";

export function addPoolShow(parent: Command, { io }: Host): void {
	parent
		.command("show")
		.description("a pool's runners and what waits for them")
		.argument("<owner/pool>", "the pool", readPool)
		.action(async (place: { owner: string; pool: string }, _: unknown, command: Command) => {
			const { client, answer, paint } = connect(command, io);
			answer(await client.pools.get(place), (figures) => poolText(figures, paint));
		});
}
