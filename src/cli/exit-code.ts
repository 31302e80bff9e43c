// What a command's exit code says, in one place: scripts depend on it, and `spillway --help` prints it.
import { CommanderError } from "commander";
import { Outage } from "../contracts/wire/outage.ts";
import { hintFor } from "./hint.ts";
import { ProblemError, UnusableName } from "../client/call-failure.ts";
import type { Job, Run } from "../contracts/http/run.ts";

export const exitCode = {
	done: 0,
	failed: 1,
	usage: 2,
	canceled: 3,
	refused: 4,
	unreachable: 5,
	interrupted: 130,
} as const;

export const exitCodeHelp = `
Exit codes:
  0  done; a run or job that was followed has passed
  1  a run or job that was followed has failed, or the command itself has
  2  the command line, or a file that it names, is not usable
  3  a run or job that was followed was canceled
  4  the server refused; its code and reason are printed
  5  the server did not answer, for as long as --patience says where something is followed
  130  interrupted; a run that was followed goes on`;

/** A failure that is told in one line. */
export class CommandFailure extends Error {
	override name = "CommandFailure";
	readonly exitCode: number;

	constructor(message: string, code: number = exitCode.failed) {
		super(message);
		this.exitCode = code;
	}
}

/** [N187] Of what is to go: the server has nothing of that name, and no try before this one can have taken it. */
export function nothingThere(what: string, hint: string): CommandFailure {
	return new CommandFailure(`there is no ${what} (${hint})`, exitCode.refused);
}

export function exitCodeOf(outcome: Run["outcome"] | Job["outcome"]): number {
	switch (outcome) {
		case "passed":
		case "skipped":
			return exitCode.done;
		case "canceled":
			return exitCode.canceled;
		case "failed":
		case "timed-out":
		case "lost":
		case "refused":
		case "expired":
		case null:
			return exitCode.failed;
	}
}

/** How a failed command ends. `line` is null when it has been printed already. */
export function endOf(error: unknown): { code: number; line: string | null } {
	if (error instanceof CommanderError) return { code: error.exitCode === 0 ? 0 : exitCode.usage, line: null };
	if (error instanceof CommandFailure) return { code: error.exitCode, line: error.message };
	if (error instanceof UnusableName) return { code: exitCode.usage, line: error.message };
	if (error instanceof ProblemError) return { code: exitCode.refused, line: problemLine(error) };
	if (error instanceof Outage) {
		return { code: exitCode.unreachable, line: `${error.message}${againText(error.message, error.retryAfterSeconds)}` };
	}
	return { code: exitCode.failed, line: error instanceof Error ? error.message : String(error) };
}

/** A sentence of its own, after whatever was said. */
function againText(said: string, seconds: number | null): string {
	if (seconds === null) return "";
	return `${/[.!?]$/.test(said) ? "" : "."} Try again in ${Math.ceil(seconds)} s.`;
}

const fieldsShown = 3;

function problemLine(problem: ProblemError): string {
	const { code, detail, errors, requestId } = problem;
	const hint = hintFor(problem);
	const fields = errors.slice(0, fieldsShown).map(({ path, message }) => `${path}: ${message}`);
	if (errors.length > fieldsShown) fields.push(`and ${errors.length - fieldsShown} more`);
	const request = requestId === null ? "" : ` [request ${requestId}]`;
	const said = `${code}: ${detail}${fields.length > 0 ? ` ${fields.join("; ")}` : ""}`;
	return `${said}${againText(said, problem.retryAfterSeconds)}${hint === null ? "" : ` (${hint})`}${request}`;
}
