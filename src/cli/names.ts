// How a command line names runs and jobs: a run by its number, its id, or as `latest`; a job by its id, as RUN/KEY, or by its
// KEY alone in the newest run; `#ATTEMPT` may stand behind a job. What is there the server knows.
import { InvalidArgumentError } from "commander";
import type { RepositoryName } from "../contracts/objects/objects.ts";
import { parseJobId } from "../domain/ids.ts";
import type { Connection } from "./connection.ts";
import { CommandFailure, exitCode } from "./exit-code.ts";
import type { Io } from "./io.ts";
import { runTitle } from "./run-summary.ts";
import { printable } from "./terminal/printable.ts";

export const runForms = "its number, its id, or `latest`";
export const jobForms = "its id, RUN/KEY, or KEY in the newest run";
export const attemptForms = `${jobForms}; #ATTEMPT behind it`;

export interface GivenJobName {
	/** Null: the job is an id, or a key in the newest run. */
	run: string | null;
	job: string;
	attempt: number | null;
}

/** Lists show a number as `#3`, so it is taken like that too. */
export function givenRunName(text: string): string {
	const [, name] = /^#?([^/#]+)$/.exec(text) ?? [];
	if (name === undefined) throw new InvalidArgumentError(`Want ${runForms}.`);
	return name;
}

export function readJobAttempt(text: string): GivenJobName {
	const [, run, job, attempt] = /^(?:#?([^/#]+)\/)?([^/#]+)(?:#([1-9]\d{0,5}))?$/.exec(text) ?? [];
	if (job === undefined) throw new InvalidArgumentError(`Want ${attemptForms}.`);
	return { run: run ?? null, job, attempt: attempt === undefined ? null : Number(attempt) };
}

/** For what is done with a job as a whole. */
export function givenJobName(text: string): GivenJobName {
	const name = readJobAttempt(text);
	if (name.attempt !== null) throw new InvalidArgumentError(`Want ${jobForms}, without an attempt.`);
	return name;
}

/** The attempt that was said, by the name or by the option. */
export function attemptOf({ attempt }: GivenJobName, option: number | undefined): number | undefined {
	if (attempt === null || option === undefined || attempt === option) return attempt ?? option;
	throw new CommandFailure(`#${attempt} and --attempt ${option} are two attempts`, exitCode.usage);
}

/** The job as the client takes it. Which run is the newest is said, since it may be another than somebody had in mind. */
export async function nameJob(
	{ client }: Connection,
	io: Io,
	{ repository, name }: { repository: RepositoryName; name: GivenJobName },
): Promise<string> {
	const { run, job } = name;
	if (run !== null) return `${run}/${job}`;
	if (parseJobId(job) !== null) return job;
	const newest = await client.runs.get(repository, "latest");
	io.err(`${runTitle(printable(newest))} is the newest\n`);
	return `${newest.id}/${job}`;
}

/** As `nameJob`, but the id itself: for what names the job again and again. */
export async function jobIdOf(
	connection: Connection,
	io: Io,
	place: { repository: RepositoryName; name: GivenJobName },
): Promise<string> {
	const named = await nameJob(connection, io, place);
	return named.includes("/") ? (await connection.client.jobs.get(place.repository, named)).id : named;
}

/** As the server shows it now; an id is asked for nothing. */
export async function runIdOf({ client }: Connection, repository: RepositoryName, run: string): Promise<string> {
	return /^\d+$|^latest$/.test(run) ? (await client.runs.get(repository, run)).id : run;
}
