// `spillway switch show`: how the operator's switches stand.
import type { Command } from "commander";
import type { Switches } from "../../contracts/http/switches.ts";
import { connect } from "../connection.ts";
import type { Host } from "../io.ts";
import { table } from "../terminal/table.ts";

export function addSwitchShow(parent: Command, { io }: Host): void {
	parent
		.command("show")
		.description("how the switches stand")
		.action(async (_: unknown, command: Command) => {
			const { client, answer } = connect(command, io);
			answer(await client.switches.get(), switchesText);
		});
}

export function switchesText(switches: Switches): string {
	const word = (value: boolean | string) => (typeof value === "string" ? value : value ? "on" : "off");
	return table(Object.entries(switches).map(([name, value]) => [name, word(value)]));
}
