// `spillway dead-letter redrive`: one message, or all, goes to its queue again.
import type { Command } from "commander";
import { Option } from "commander";
import { queueNames } from "../../contracts/objects/dead-letters.ts";
import type { QueueName } from "../../contracts/objects/dead-letters.ts";
import { connect } from "../connection.ts";
import { CommandFailure, exitCode } from "../exit-code.ts";
import type { Host } from "../io.ts";

export function addDeadLetterRedrive(parent: Command, { io }: Host): void {
	parent
		.command("redrive")
		.description("send a message to its queue again, or all of them")
		.argument("[id]", "as `dead-letter list` shows it")
		.option("--all", "all, 100 at a time")
		.addOption(new Option("--queue <queue>", "all of this queue").choices([...queueNames]))
		.action(async (id: string | undefined, flags: { all?: boolean; queue?: QueueName }, command: Command) => {
			const isAll = flags.all === true || flags.queue !== undefined;
			if (isAll === (id !== undefined)) throw new CommandFailure("name one message, or say --all", exitCode.usage);
			const { client, answer } = connect(command, io);
			if (id !== undefined) {
				answer(await client.deadLetters.redrive(id), ({ queue }) => `sent to the queue ${queue} again`);
				return;
			}
			let redriven = 0;
			for (let more = true; more; ) {
				const some = await client.deadLetters.redriveAll(flags.queue);
				redriven += some.redriven;
				({ more } = some);
			}
			answer({ redriven }, () => `${redriven} sent again`);
		});
}
