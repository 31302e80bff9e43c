// `spillway runner drain`: lets one runner finish what it holds and take nothing more, or lets it work on.
import type { Command } from "commander";
import { readPool } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { GlobalOptions } from "../connection.ts";
import type { Host } from "../io.ts";
import { runnersText } from "../runners-text.ts";

interface DrainFlags extends GlobalOptions {
	resume?: boolean;
}

export function addRunnerDrain(parent: Command, { io }: Host): void {
	parent
		.command("drain")
		.description("give a runner nothing more; what it runs is finished")
		.argument("<owner/pool>", "the pool", readPool)
		.argument("<id>", "the runner's id, as `runner list` shows it")
		.option("--resume", "let it work on")
		.action(async (place: { owner: string; pool: string }, runner: string, _: unknown, command: Command) => {
			const { client, answer, paint } = connect(command, io);
			const draining = command.optsWithGlobals<DrainFlags>().resume !== true;
			answer(await client.pools.patchRunner({ ...place, runner }, { draining }), (shown) =>
				runnersText([shown], paint),
			);
		});
}
