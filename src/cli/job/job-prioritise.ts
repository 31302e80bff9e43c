// `spillway job prioritise`: moves what waits ahead of others of its repository, or behind them.
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import { parseRepository } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { GlobalOptions } from "../connection.ts";
import type { Host } from "../io.ts";
import type { GivenJobName } from "../names.ts";
import { jobForms, nameJob, givenJobName } from "../names.ts";

export function addJobPrioritise(parent: Command, { io }: Host): void {
	parent
		.command("prioritise")
		.description("let a waiting job go before others, or behind them")
		.argument("<owner/repo>", "the repository", parseRepository)
		.argument("<job>", jobForms, givenJobName)
		.requiredOption("--priority <number>", "higher goes first; 0 is usual", readPriority)
		.action(async (repository: RepositoryName, name: GivenJobName, _: unknown, command: Command) => {
			const { priority } = command.optsWithGlobals<GlobalOptions & { priority: number }>();
			const connection = connect(command, io);
			const { client, answer } = connection;
			const id = await nameJob(connection, io, { repository, name });
			const job = await client.jobs.reprioritise(repository, id, priority);
			answer(job, (shown) => `job ${shown.key} ${shown.id} ${shown.state}, priority ${shown.priority}`);
		});
}

/** Which priorities there are is the server's to say. */
function readPriority(text: string): number {
	if (!/^-?\d{1,9}$/.test(text)) throw new InvalidArgumentError("Want a whole number.");
	return Number(text);
}
