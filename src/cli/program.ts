// All commands, one file each, noun then verb. What a command needs beyond the client (server, runner) it loads when it runs,
// so that a runner stays small.
import { Command } from "commander";
import manifest from "../../package.json" with { type: "json" };
import { addDeadLetterDrop } from "./dead-letter/dead-letter-drop.ts";
import { addDeadLetterList } from "./dead-letter/dead-letter-list.ts";
import { addDeadLetterRedrive } from "./dead-letter/dead-letter-redrive.ts";
import { addAuditList } from "./audit/audit-list.ts";
import { addGlobalOptions } from "./connection.ts";
import { addDoctor } from "./doctor.ts";
import { endOf, exitCodeHelp } from "./exit-code.ts";
import type { Host, Io } from "./io.ts";
import { addIdToken } from "./id-token.ts";
import { addJobCancel } from "./job/job-cancel.ts";
import { addJobList } from "./job/job-list.ts";
import { addJobLog } from "./job/job-log.ts";
import { addJobPrioritise } from "./job/job-prioritise.ts";
import { addJobRetry } from "./job/job-retry.ts";
import { addJobSearch } from "./job/job-search.ts";
import { addJobShow } from "./job/job-show.ts";
import { addLimits } from "./limits.ts";
import { addMemberList } from "./member/member-list.ts";
import { addMemberRemove } from "./member/member-remove.ts";
import { addMemberSet } from "./member/member-set.ts";
import { addPoolList } from "./pool/pool-list.ts";
import { addPoolSet } from "./pool/pool-set.ts";
import { addPoolShow } from "./pool/pool-show.ts";
import { addProjectionRebuild } from "./projection/projection-rebuild.ts";
import { addRepoList } from "./repo/repo-list.ts";
import { addRepoSet } from "./repo/repo-set.ts";
import { addRepoShow } from "./repo/repo-show.ts";
import { addRunCancel } from "./run/run-cancel.ts";
import { addRunList } from "./run/run-list.ts";
import { addRunRetry } from "./run/run-retry.ts";
import { addRunShow } from "./run/run-show.ts";
import { addRunStart } from "./run/run-start.ts";
import { addRunWatch } from "./run/run-watch.ts";
import { addRunnerDrain } from "./runner/runner-drain.ts";
import { addRunnerList } from "./runner/runner-list.ts";
import { addRunnerRemove } from "./runner/runner-remove.ts";
import { addRunnerStart } from "./runner/runner-start.ts";
import { addSecretDelete } from "./secret/secret-delete.ts";
import { addSecretList } from "./secret/secret-list.ts";
import { addSecretRotate } from "./secret/secret-rotate.ts";
import { addSecretSet } from "./secret/secret-set.ts";
import { addServe } from "./serve.ts";
import { addSessionEnd } from "./session/session-end.ts";
import { addSessionList } from "./session/session-list.ts";
import { addSwitchSet } from "./switch/switch-set.ts";
import { addSwitchShow } from "./switch/switch-show.ts";
import { printable } from "./terminal/printable.ts";
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
		if (end.line !== null) io.err(`spillway: ${printable(end.line)}\n`);
		return end.code;
	}
}

function createProgram(io: Io, exitWith: Host["exitWith"]): Command {
	const host: Host = { io, exitWith };
	const program = new Command("spillway");
	program.description("Spillway: a CI job queue you own.");
	program.version(manifest.version, "-V, --version", "show the version");
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
	addDoctor(program, host);
	addIdToken(program, host);
	addLimits(program, host);
	const noun = (name: string, description: string) => program.command(name).description(description);
	const runner = noun("runner", "machines that run jobs");
	addRunnerStart(runner, host);
	addRunnerList(runner, host);
	addRunnerDrain(runner, host);
	addRunnerRemove(runner, host);
	const run = noun("run", "runs of a repository's jobs");
	addRunStart(run, host);
	addRunWatch(run, host);
	addRunShow(run, host);
	addRunList(run, host);
	addRunCancel(run, host);
	addRunRetry(run, host);
	const job = noun("job", "single jobs");
	addJobList(job, host);
	addJobShow(job, host);
	addJobLog(job, host);
	addJobSearch(job, host);
	addJobRetry(job, host);
	addJobCancel(job, host);
	addJobPrioritise(job, host);
	const repo = noun("repo", "repositories and their limits");
	addRepoSet(repo, host);
	addRepoShow(repo, host);
	addRepoList(repo, host);
	const secret = noun(
		"secret",
		"what the jobs of a repository, or of all of an owner's, are given and nobody sees again",
	);
	addSecretSet(secret, host);
	addSecretList(secret, host);
	addSecretDelete(secret, host);
	addSecretRotate(secret, host);
	const pool = noun("pool", "pools of runners");
	addPoolList(pool, host);
	addPoolShow(pool, host);
	addPoolSet(pool, host);
	const token = noun("token", "tokens for people and programs");
	addTokenCreate(token, host);
	addTokenList(token, host);
	addTokenRevoke(token, host);
	const member = noun("member", "people of an owner, and what each of them may");
	addMemberList(member, host);
	addMemberSet(member, host);
	addMemberRemove(member, host);
	const session = noun("session", "browsers that a token signed in");
	addSessionList(session, host);
	addSessionEnd(session, host);
	addAuditList(noun("audit", "who did what"), host);
	addProjectionRebuild(noun("projection", "what lists show"), host);
	const toggle = noun("switch", "the operator's emergency brakes");
	addSwitchShow(toggle, host);
	addSwitchSet(toggle, host);
	const letter = noun("dead-letter", "messages that a queue gave up");
	addDeadLetterList(letter, host);
	addDeadLetterRedrive(letter, host);
	addDeadLetterDrop(letter, host);
	return program;
}
