// `spillway runner list`: the runners of one pool, what they hold, and when they were heard of last.
import type { Command } from "commander";
import { readPool } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { Host } from "../io.ts";
import { runnersText } from "../runners-text.ts";

export function addRunnerList(parent: Command, { io }: Host): void {
	parent
		.command("list")
		.description("a pool's runners")
		.argument("<owner/pool>", "the pool", readPool)
		.action(async (place: { owner: string; pool: string }, _: unknown, command: Command) => {
			const { client, answer, paint } = connect(command, io);
			const { runners } = await client.pools.get(place);
			answer(runners, (shown) => runnersText(shown, paint));
		});
}
