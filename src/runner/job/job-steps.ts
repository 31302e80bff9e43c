// A job's steps one after the other, and what they come to. Each step's heading stands in the log itself, and its place is
// told by offsets, so that a reader of the raw bytes and a viewer that folds steps see the same log.
import { constants } from "node:os";
import type { FinishRequest, ReportedStep } from "../../contracts/http/lease.ts";
import { checkoutStepName } from "../git/checkout.ts";
import type { CheckoutEnd } from "../git/checkout.ts";
import { JobFault } from "./job-fault.ts";
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
	/** Null: no checkout. Otherwise it is the first of `steps`; it gives null when it was stopped before it began. */
	checkout: (() => Promise<CheckoutEnd | null>) | null;
	steps: ReportedStep[];
	/** Asked before each step, and when one did not pass. */
	isStopped: () => Promise<boolean>;
	onProgress: () => void;
}

export type Verdict = Pick<FinishRequest, "outcome"> & {
	exitCode: number | null;
	signal: string | null;
	reason: string | null;
	platformFault?: "machine-fault";
};

export const passed: Verdict = { outcome: "passed", exitCode: 0, signal: null, reason: null };

/** The runner could not do its part: not the job's failure, and its machine's fault unless it is a `JobFault`. */
export function refused(cause: unknown): Verdict {
	const verdict: Verdict = { outcome: "refused", exitCode: null, signal: null, reason: textOf(cause) };
	return cause instanceof JobFault ? verdict : { ...verdict, platformFault: "machine-fault" };
}

export function textOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}

/** Fills `steps` as it goes. The first step that does not end with 0 is the last. Null: stopped before a step could say more. */
export async function runSteps(work: StepsWork): Promise<Verdict | null> {
	let commit: string | null = null;
	const before = machineState(work.folder.path);
	for (const [at, step] of work.steps.entries()) {
		if (await work.isStopped()) return null;
		let verdict: Verdict;
		if (work.checkout !== null && at === 0) {
			const { checkout } = work;
			const end = await runStep(work, step, checkout);
			if (end === null) return null;
			commit = end.commit;
			verdict = judgeCheckout(end);
		} else {
			verdict = judgeStep(step.name, await runStep(work, step, () => work.shell.run(at + 1, commit)));
		}
		if (verdict.outcome === "passed") continue;
		return (await work.isStopped()) ? verdict : explained(verdict, before, machineState(work.folder.path));
	}
	return passed;
}

async function runStep<End extends Pick<StepEnd, "exitCode"> | null>(
	{ pipe, log, onProgress }: StepsWork,
	step: ReportedStep,
	run: () => Promise<End>,
): Promise<End> {
	step.logStart = log.note(`\u001b[1;36m▸ ${step.name}\u001b[0m`);
	step.startedAt = new Date().toISOString();
	onProgress();
	const end = await run();
	pipe.drain();
	step.exitCode = end?.exitCode ?? null;
	step.finishedAt = new Date().toISOString();
	step.logEnd = log.end();
	onProgress();
	return end;
}

function judgeStep(name: string, end: StepEnd): Verdict {
	return end.exitCode === 0 ? passed : failed(name, end);
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
function judgeCheckout({ exitCode, signal, fault }: CheckoutEnd): Verdict {
	if (exitCode === 0) return passed;
	if (fault === null || signal !== null) return failed(checkoutStepName, { exitCode, signal } as StepEnd);
	if (fault.isOfMachine) return refused(fault.reason);
	return { outcome: "failed", exitCode: null, signal: null, reason: fault.reason };
}

/** A shell says 128 + n when what it ran was killed by signal n. A program that exits so by itself says the same. */
export function signalOf(exitCode: number): string | null {
	const number = exitCode - 128;
	if (number <= 0) return null;
	return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? null;
}
