// `spillway switch set`: one of the operator's switches.
import type { Command } from "commander";
import { Argument } from "commander";
import type { Switches } from "../../contracts/http/switches.ts";
import { connect } from "../connection.ts";
import { CommandFailure, exitCode } from "../exit-code.ts";
import type { Host } from "../io.ts";
import { switchesText } from "./switch-show.ts";

/** What each may be set to. */
const values: Readonly<Record<keyof Switches, readonly string[]>> = {
	acceptRuns: ["on", "off"],
	dispatch: ["on", "off"],
	spill: ["auto", "always", "never"],
	archive: ["on", "off"],
	project: ["on", "off"],
};

export function addSwitchSet(parent: Command, { io }: Host): void {
	parent
		.command("set")
		.description("set a switch; it acts within 30 s")
		.addArgument(new Argument("<name>", "the switch").choices(Object.keys(values)))
		.argument("<value>", "on or off; of spill auto, always or never")
		.action(async (name: keyof Switches, value: string, _: unknown, command: Command) => {
			if (!values[name].includes(value)) {
				throw new CommandFailure(`${name} is ${values[name].join(" or ")}`, exitCode.usage);
			}
			const { client, answer } = connect(command, io);
			answer(await client.switches.patch({ [name]: name === "spill" ? value : value === "on" }), switchesText);
		});
}
