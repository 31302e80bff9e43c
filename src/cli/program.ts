// All commands, one file each, noun then verb. What a command needs beyond the client (server, runner) it loads when it runs,
// so that a runner stays small.
import { Command } from "commander";
import { addGlobalOptions } from "./connection.ts";
import { endOf, exitCodeHelp } from "./exit-code.ts";
import type { Host, Io } from "./io.ts";
import { addJobCancel } from "./job/job-cancel.ts";
import { addJobLog } from "./job/job-log.ts";
import { addJobRetry } from "./job/job-retry.ts";
import { addRepoSet } from "./repo/repo-set.ts";
import { addRepoShow } from "./repo/repo-show.ts";
import { addRunCancel } from "./run/run-cancel.ts";
import { addRunList } from "./run/run-list.ts";
import { addRunShow } from "./run/run-show.ts";
import { addRunStart } from "./run/run-start.ts";
import { addRunWatch } from "./run/run-watch.ts";
import { addRunnerStart } from "./runner/runner-start.ts";
import { addServe } from "./serve.ts";
import { addTokenCreate } from "./token/token-create.ts";
import { addTokenList } from "./token/token-list.ts";
import { addTokenRevoke } from "./token/token-revoke.ts";

/** Resolves to the exit code; whatever went wrong is printed as one line. */
export async function runCommandLine(words: string[], io: Io): Promise<number> {
	let code = 0;
	const program = createProgram(io, (given) => {
		code = given;
	});
	try {
		await program.parseAsync(words, { from: "user" });
		return code;
	} catch (error) {
		const end = endOf(error);
		if (end.line !== null) io.err(`spillway: ${end.line}\n`);
		return end.code;
	}
}

function createProgram(io: Io, exitWith: Host["exitWith"]): Command {
	const host: Host = { io, exitWith };
	const program = new Command("spillway");
	program.description("Spillway: a CI job queue you own.");
	// Inherited by every command made after it.
	program.exitOverride().configureOutput({
		writeOut: io.out,
		writeErr: io.err,
		outputError: (text, write) => write(text.replace(/^error: /, "spillway: ")),
	});
	program.showHelpAfterError("(add --help for what it takes)");
	addGlobalOptions(program);
	program.addHelpText("after", exitCodeHelp);
	addServe(program, host);
	const noun = (name: string, description: string) => program.command(name).description(description);
	addRunnerStart(noun("runner", "machines that run jobs"), host);
	const run = noun("run", "runs of a repository's jobs");
	addRunStart(run, host);
	addRunWatch(run, host);
	addRunShow(run, host);
	addRunList(run, host);
	addRunCancel(run, host);
	const job = noun("job", "single jobs");
	addJobLog(job, host);
	addJobRetry(job, host);
	addJobCancel(job, host);
	const repo = noun("repo", "repositories and their limits");
	addRepoSet(repo, host);
	addRepoShow(repo, host);
	const token = noun("token", "tokens for people and programs");
	addTokenCreate(token, host);
	addTokenList(token, host);
	addTokenRevoke(token, host);
	return program;
}
