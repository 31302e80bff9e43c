// `spillway pool set`: pauses a pool, drains it, or lets it go on.
import type { Command } from "commander";
import { Option } from "commander";
import type { PoolPatch } from "../../contracts/http/runner.ts";
import { readPool } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { GlobalOptions } from "../connection.ts";
import { CommandFailure, exitCode } from "../exit-code.ts";
import type { Host } from "../io.ts";
import { poolText } from "./pool-text.ts";

interface SetFlags extends GlobalOptions {
	pause?: string | boolean;
	drain?: string | boolean;
	resume?: boolean;
}

export function addPoolSet(parent: Command, { io }: Host): void {
	parent
		.command("set")
		.description("pause a pool, drain it, or let it go on; what runs goes on in each case")
		.argument("<owner/pool>", "the pool", readPool)
		.addOption(new Option("--pause [note]", "grant nothing, with a note for those who wait").conflicts("resume"))
		.addOption(
			new Option("--drain [note]", "as --pause, and let its runners go when they are done").conflicts("resume"),
		)
		.option("--resume", "go on")
		.action(async (place: { owner: string; pool: string }, _: unknown, command: Command) => {
			const { client, answer, paint } = connect(command, io);
			const patch = patchOf(command.optsWithGlobals<SetFlags>());
			answer(await client.pools.patch(place, patch), (figures) => poolText(figures, paint));
		});
}

function patchOf({ pause, drain, resume }: SetFlags): PoolPatch {
	if (resume) return { paused: false, draining: false, pauseNote: null };
	const note = [pause, drain].find((said) => typeof said === "string");
	const pauseNote = typeof note === "string" ? { pauseNote: note } : {};
	if (drain !== undefined) return { draining: true, ...pauseNote };
	if (pause !== undefined) return { paused: true, ...pauseNote };
	throw new CommandFailure("want --pause, --drain or --resume", exitCode.usage);
}
