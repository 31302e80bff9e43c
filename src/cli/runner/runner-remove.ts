// `spillway runner remove`: a runner that is not to come back. What it runs goes to others at once.
import type { Command } from "commander";
import { readPool } from "../arguments.ts";
import { connect } from "../connection.ts";
import { nothingThere } from "../exit-code.ts";
import type { Host } from "../io.ts";

export function addRunnerRemove(parent: Command, { io }: Host): void {
	parent
		.command("remove")
		.description("end a runner's token; what it runs goes to others at once. To let it finish, drain it first")
		.argument("<owner/pool>", "the pool", readPool)
		.argument("<id>", "the runner's id, as `runner list` shows it")
		.action(async (place: { owner: string; pool: string }, runner: string, _: unknown, command: Command) => {
			const { client, answer } = connect(command, io);
			const { wasThere } = await client.pools.removeRunner({ ...place, runner });
			if (!wasThere) throw nothingThere(`runner ${runner}`, "spillway runner list OWNER/POOL shows their ids");
			answer(null, () => `runner ${runner} is removed`);
		});
}
