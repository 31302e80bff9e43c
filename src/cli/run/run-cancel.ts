// `spillway run cancel`: stops whatever of a run is not finished.
import type { Command } from "commander";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import { parseRepository } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { GlobalOptions } from "../connection.ts";
import type { Host } from "../io.ts";
import { givenRunName, runForms } from "../names.ts";
import { runTitle } from "../run-summary.ts";

export function addRunCancel(parent: Command, { io }: Host): void {
	parent
		.command("cancel")
		.description("cancel all of a run that is not finished")
		.argument("<owner/repo>", "the repository", parseRepository)
		.argument("<run>", runForms, givenRunName)
		.option("--reason <reason>", "kept with the run")
		.action(async (repository: RepositoryName, id: string, _: unknown, command: Command) => {
			const { reason } = command.optsWithGlobals<GlobalOptions & { reason?: string }>();
			const { client, answer } = connect(command, io);
			const run = await client.runs.cancel(repository, id, reason === undefined ? {} : { reason });
			answer(run, (shown) => `${runTitle(shown)} ${shown.outcome ?? "is being canceled"}`);
		});
}
