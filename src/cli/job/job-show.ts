// `spillway job show`: one job with each of its attempts: where it ran, how it ended, who wanted it and what follows.
import type { Command } from "commander";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import type { Attempt, Job } from "../../contracts/http/run.ts";
import { parseRepository } from "../arguments.ts";
import { connect } from "../connection.ts";
import { CommandFailure, exitCode } from "../exit-code.ts";
import type { Host } from "../io.ts";
import type { GivenJobName } from "../names.ts";
import { attemptForms, nameJob, readJobAttempt } from "../names.ts";
import type { Paint } from "../terminal/paint.ts";
import { spanText } from "../terminal/span.ts";
import { table } from "../terminal/table.ts";
import { waitingText } from "../waiting-text.ts";

export function addJobShow(parent: Command, { io }: Host): void {
	parent
		.command("show")
		.description("how a job stands, what it waits for, and its attempts")
		.argument("<owner/repo>", "the repository", parseRepository)
		.argument("<job>", attemptForms, readJobAttempt)
		.action(async (repository: RepositoryName, name: GivenJobName, _: unknown, command: Command) => {
			const connection = connect(command, io);
			const { client, answer, paint } = connection;
			const job = await client.jobs.get(repository, await nameJob(connection, io, { repository, name }));
			answer(withAttempt(job, name.attempt), (shown) => jobText(shown, paint));
		});
}

function withAttempt(job: Job, number: number | null): Job {
	if (number === null) return job;
	const attempts = job.attempts.filter((attempt) => attempt.number === number);
	if (attempts.length === 0) throw new CommandFailure(`the job has no attempt ${number}`, exitCode.failed);
	return { ...job, attempts };
}

const headings = ["attempt", "outcome", "exit", "time", "runner", "log", "wanted by", "then"];

function jobText(job: Job, paint: Paint): string {
	const rows = job.attempts.map((attempt) => attemptRow(attempt, paint));
	const attempts = rows.length === 0 ? [] : [table([headings.map(paint.faint), ...rows])];
	const why = job.waiting === null ? job.reason : waitingText(job.waiting, Date.now());
	const standing = job.outcome === null ? job.state : paint.outcome(job.outcome);
	return [...attempts, `job ${job.key} ${job.id} ${standing}${why === null ? "" : `: ${why}`}`].join("\n");
}

function attemptRow(attempt: Attempt, paint: Paint): string[] {
	const { number, outcome, exitCode, signal, startedAt, finishedAt, runner, log, platformFault } = attempt;
	const ended = outcome === null ? "running" : paint.outcome(outcome);
	return [
		String(number),
		platformFault === null || platformFault === outcome ? ended : `${ended} (${platformFault})`,
		signal ?? (exitCode === null ? "" : String(exitCode)),
		spanText(startedAt, finishedAt, Date.now()),
		runner.name,
		log.length === null ? log.state : `${log.state} ${log.length} B`,
		wantedBy(attempt),
		thenText(attempt.next),
	];
}

function wantedBy({ by, actor, retryReason }: Attempt): string {
	const who = by === "user" && actor !== null ? actor : by;
	return retryReason === null ? who : `${who}: ${retryReason}`;
}

const withheldText: Record<Extract<NonNullable<Attempt["next"]>, { withheld: unknown }>["withheld"], string> = {
	attempts: "not retried: no attempt is left",
	budget: "not retried: the repository's retries of this hour are used up",
	"no-rule": "not retried: no retry rule fits",
	"on-lost": "not retried: onLost is fail",
	poison: "not retried: too many runners in a row",
	canceled: "not retried: it was canceled",
};

function thenText(next: Attempt["next"]): string {
	if (next === null) return "";
	return "at" in next ? `again at ${next.at}` : withheldText[next.withheld];
}
