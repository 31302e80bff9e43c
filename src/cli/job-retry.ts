// `spillway job retry`: one more attempt of a finished job, also while its siblings run.
import type { Command } from "commander";
import type { RepositoryName } from "../contracts/objects.ts";
import { readRepository } from "./arguments.ts";
import { connect } from "./connection.ts";
import type { GlobalOptions } from "./connection.ts";
import type { Host } from "./io.ts";

export function addJobRetry(parent: Command, { io }: Host): void {
	parent
		.command("retry")
		.description("run a finished job once more")
		.argument("<owner/repo>", "the repository", readRepository)
		.argument("<job>", "the job's id")
		.option("--reason <reason>", "kept with the attempt")
		.action(async (repository: RepositoryName, id: string, _: unknown, command: Command) => {
			const { reason } = command.optsWithGlobals<GlobalOptions & { reason?: string }>();
			const { client, answer } = connect(command, io);
			const job = await client.jobs.retry(repository, id, reason === undefined ? {} : { reason });
			answer(job, () => `job ${job.key} ${job.id} ${job.state}`);
		});
}
