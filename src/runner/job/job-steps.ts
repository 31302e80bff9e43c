// A job's steps one after the other, and what they come to. Each step's heading stands in the log itself, and its place is
// told by offsets, so that a reader of the raw bytes and a viewer that folds steps see the same log.
import { constants } from "node:os";
import type { FinishRequest, ReportedStep } from "../../contracts/lease.ts";
import { checkoutReason, checkoutStepName } from "../git/checkout.ts";
import type { Source } from "../git/checkout.ts";
import type { JobFolder } from "./job-folder.ts";
import type { JobShell, StepEnd } from "../process/job-shell.ts";
import type { JobLog } from "../log/job-log.ts";
import { machineState, wantOf } from "../machine/machine-want.ts";
import type { MachineState } from "../machine/machine-want.ts";
import type { OutputPipe } from "../process/output-pipe.ts";

export interface StepsWork {
	shell: JobShell;
	pipe: OutputPipe;
	log: JobLog;
	folder: JobFolder;
	/** Null: no checkout. Otherwise the first of `steps` is the checkout. */
	source: Source | null;
	/** Runs what nobody else may do with the repository's cache at the same time; null: there is no cache. */
	alone: <T>(work: () => Promise<T>) => Promise<T> | null;
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

/** The runner could not do its part: not the job's failure. */
export function refused(cause: unknown): Verdict {
	return { outcome: "refused", exitCode: null, signal: null, reason: `the runner could not run it: ${textOf(cause)}` };
}

export function textOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}

/** Fills `steps` as it goes. The first step that does not end with 0 is the last. Null: stopped before a step could say more. */
export async function runSteps(work: StepsWork): Promise<Verdict | null> {
	let commit: string | null = null;
	const before = machineState(work.folder.path);
	for (const [at, step] of work.steps.entries()) {
		if (work.isStopped()) return null;
		const end = await runStep(work, at, commit);
		const isCheckout = work.source !== null && at === 0;
		if (end.exitCode !== 0) {
			const verdict = isCheckout ? checkoutFailed(work.source, end) : failed(step.name, end);
			return work.isStopped() ? verdict : explained(verdict, before, machineState(work.folder.path));
		}
		if (isCheckout) commit = work.folder.readCommit();
	}
	return passed;
}

async function runStep(work: StepsWork, at: number, commit: string | null): Promise<StepEnd> {
	const { pipe, log, steps, onProgress } = work;
	const step = steps[at];
	if (!step) throw new Error(`no step ${at}`);
	step.logStart = log.note(`\u001b[1;36m▸ ${step.name}\u001b[0m`);
	step.startedAt = new Date().toISOString();
	onProgress();
	const end = await runScript(work, at, commit);
	pipe.drain();
	step.exitCode = end.exitCode;
	step.finishedAt = new Date().toISOString();
	step.logEnd = log.end();
	onProgress();
	return end;
}

/** A checkout has two scripts if there is a cache: into it, and out of it. */
async function runScript({ shell, source, alone, isStopped }: StepsWork, at: number, commit: string | null) {
	if (source !== null && at === 0) {
		const cached = await alone(() => shell.run("cache", null));
		if (cached !== null && (cached.exitCode !== 0 || isStopped())) return cached;
	}
	return shell.run(at + 1, commit);
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

/** The failure stays the job's; who reads it sees that the machine had part in it. */
function explained(verdict: Verdict, before: MachineState, after: MachineState): Verdict {
	const want = wantOf(before, after, verdict);
	return want === null ? verdict : { ...verdict, reason: `${verdict.reason}; ${want}` };
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
