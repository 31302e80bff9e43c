// A job's steps one after the other, and what they come to. Each step's heading stands in the log itself, and its place is
// told by offsets, so that a reader of the raw bytes and a viewer that folds steps see the same log.
import { constants } from "node:os";
import type { FinishRequest, ReportedStep } from "../contracts/lease.ts";
import { checkoutReason, checkoutStepName } from "./checkout.ts";
import type { Source } from "./checkout.ts";
import type { JobFolder } from "./job-folder.ts";
import type { JobShell, StepEnd } from "./job-shell.ts";
import type { JobLog } from "./job-log.ts";
import type { OutputPipe } from "./output-pipe.ts";

export interface StepsWork {
	shell: JobShell;
	pipe: OutputPipe;
	log: JobLog;
	folder: JobFolder;
	/** Null: no checkout. Otherwise the first of `steps` is the checkout. */
	source: Source | null;
	steps: ReportedStep[];
	isStopped: () => boolean;
	onProgress: () => void;
}

export type Verdict = Pick<FinishRequest, "outcome"> & {
	exitCode: number | null;
	signal: string | null;
	reason: string | null;
};

export const passed: Verdict = { outcome: "passed", exitCode: 0, signal: null, reason: null };

/** Fills `steps` as it goes. The first step that does not end with 0 is the last. Null: stopped before a step could say more. */
export async function runSteps(work: StepsWork): Promise<Verdict | null> {
	let commit: string | null = null;
	for (const [at, step] of work.steps.entries()) {
		if (work.isStopped()) return null;
		const end = await runStep(work, at, commit);
		const isCheckout = work.source !== null && at === 0;
		if (end.exitCode !== 0) return isCheckout ? checkoutFailed(work.source, end) : failed(step.name, end);
		if (isCheckout) commit = work.folder.readCommit();
	}
	return passed;
}

async function runStep({ shell, pipe, log, steps, onProgress }: StepsWork, at: number, commit: string | null) {
	const step = steps[at];
	if (!step) throw new Error(`no step ${at}`);
	step.logStart = log.note(`\u001b[1;36m▸ ${step.name}\u001b[0m`);
	step.startedAt = new Date().toISOString();
	onProgress();
	const end = await shell.run(at + 1, commit);
	pipe.drain();
	step.exitCode = end.exitCode;
	step.finishedAt = new Date().toISOString();
	step.logEnd = log.end();
	onProgress();
	return end;
}

function failed(name: string, { exitCode, signal }: StepEnd): Verdict {
	if (exitCode === null) {
		return {
			outcome: "failed",
			exitCode,
			signal,
			reason: `the job's processes were killed by ${signal ?? "nobody known"}`,
		};
	}
	const by = signalOf(exitCode);
	const reason = `the step "${name}" ended with exit code ${exitCode}${by === null ? "" : ` (${by})`}`;
	return { outcome: "failed", exitCode, signal: by, reason };
}

/** Git's exit codes and ours are not the job's: a retry rule for exit code 1 must not fit a checkout. */
function checkoutFailed(source: Source | null, end: StepEnd): Verdict {
	if (source === null || end.exitCode === null || signalOf(end.exitCode)) return failed(checkoutStepName, end);
	return { outcome: "failed", exitCode: null, signal: null, reason: checkoutReason(source, end.exitCode) };
}

/** A shell says 128 + n when what it ran was killed by signal n. A program that exits so by itself says the same. */
export function signalOf(exitCode: number): string | null {
	const number = exitCode - 128;
	if (number <= 0) return null;
	return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? null;
}
