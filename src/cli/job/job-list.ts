// `spillway job list`: all jobs of a run, with what they wait for or how they ended.
import type { Command } from "commander";
import { everyItem } from "../../client/client.ts";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import type { Job } from "../../contracts/http/run.ts";
import { parseRepository } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { Host } from "../io.ts";
import { givenRunName, runForms, runIdOf } from "../names.ts";
import { jobColumns, jobRow } from "../run-summary.ts";
import { fittedTable } from "../terminal/table.ts";
import { withPlaces } from "../waiting-text.ts";

const pageMax = 100;

export function addJobList(parent: Command, { io }: Host): void {
	parent
		.command("list")
		.description("all jobs of a run")
		.argument("<owner/repo>", "the repository", parseRepository)
		.argument("<run>", runForms, givenRunName)
		.action(async (repository: RepositoryName, run: string, _: unknown, command: Command) => {
			const connection = connect(command, io);
			const { client, answer, paint } = connection;
			// Not page by page of whatever run is the newest then.
			const id = run === "latest" ? await runIdOf(connection, repository, run) : run;
			const jobs: Job[] = [];
			const page = (cursor: string | undefined) => client.runs.jobs(repository, id, { limit: pageMax, cursor });
			for await (const job of everyItem(page)) jobs.push(job);
			answer(await withPlaces(client, repository, jobs), (shown) => {
				const rows = shown.map((job) => [...jobRow(job, paint), job.id]);
				return fittedTable([...jobColumns, { heading: "id", dropAt: 1 }], rows, { width: io.columns, paint });
			});
		});
}
