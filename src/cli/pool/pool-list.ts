// `spillway pool list`: an owner's pools, what waits for each and who could take it.
import type { Command } from "commander";
import { everyItem } from "../../client/client.ts";
import type { PoolFigures } from "../../contracts/http/runner.ts";
import { connect } from "../connection.ts";
import type { Host } from "../io.ts";
import { table } from "../terminal/table.ts";
import { poolStanding } from "./pool-text.ts";

export function addPoolList(parent: Command, { io }: Host): void {
	parent
		.command("list")
		.description("an owner's pools")
		.argument("<owner>", "the owner")
		.action(async (owner: string, _: unknown, command: Command) => {
			const { client, answer, paint } = connect(command, io);
			const pools: PoolFigures[] = [];
			for await (const pool of everyItem((cursor) => client.pools.list(owner, { cursor }))) pools.push(pool);
			answer(pools, (shown) => table([headings.map(paint.faint), ...shown.map(row)]));
		});
}

const headings = ["pool", "runners", "waiting", "running", "idle", "state"];

function row(figures: PoolFigures): string[] {
	const { owner, pool, runners, waiting, running, idle } = figures;
	const counts = [runners.length, waiting, running, idle].map(String);
	return [`${owner}/${pool}`, ...counts, poolStanding(figures)];
}
