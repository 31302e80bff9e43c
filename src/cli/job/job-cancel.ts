// `spillway job cancel`: stops one job: SIGTERM, a grace, SIGKILL.
import type { Command } from "commander";
import type { RepositoryName } from "../../contracts/objects.ts";
import { readRepository } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { GlobalOptions } from "../connection.ts";
import type { Host } from "../io.ts";

export function addJobCancel(parent: Command, { io }: Host): void {
	parent
		.command("cancel")
		.description("cancel a job")
		.argument("<owner/repo>", "the repository", readRepository)
		.argument("<job>", "the job's id")
		.option("--reason <reason>", "kept with the job")
		.option("--force", "free it without waiting for its runner, which may still be at work")
		.action(async (repository: RepositoryName, id: string, _: unknown, command: Command) => {
			const { reason, force } = command.optsWithGlobals<GlobalOptions & { reason?: string; force?: boolean }>();
			const { client, answer } = connect(command, io);
			const request = { ...(reason === undefined ? {} : { reason }), ...(force ? { force } : {}) };
			const job = await client.jobs.cancel(repository, id, request);
			answer(job, ({ key, outcome, state }) => `job ${key} ${job.id} ${outcome ?? state}`);
		});
}
