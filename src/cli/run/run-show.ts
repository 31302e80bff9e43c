// `spillway run show`: one run now, each job with its outcome or with what it waits for.
import type { Command } from "commander";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import { parseRepository } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { Host } from "../io.ts";
import { givenRunName, runForms } from "../names.ts";
import { runSummary } from "../run-summary.ts";
import { withPlaces } from "../waiting-text.ts";

export function addRunShow(parent: Command, { io }: Host): void {
	parent
		.command("show")
		.description("how a run stands, and what its jobs wait for")
		.argument("<owner/repo>", "the repository", parseRepository)
		.argument("<run>", runForms, givenRunName)
		.action(async (repository: RepositoryName, id: string, _: unknown, command: Command) => {
			const { client, answer, paint } = connect(command, io);
			const found = await client.runs.get(repository, id);
			const jobs = await withPlaces(client, repository, found.jobs ?? []);
			answer({ ...found, ...(found.jobs && { jobs }) }, (run) => runSummary(run, paint));
		});
}
