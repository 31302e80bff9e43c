// What is submitted, in which order, and what is done about it afterwards: a pure function of the seed. Each job says by its
// variables what its runner makes of it, so that whoever judges knows what its log and its end must be.
import type { RunRequest } from "../../src/contracts/http/run.ts";
import { seededRandom } from "../../src/testing/random.ts";
import type { SeededRandom } from "../../src/testing/random.ts";
import { between } from "./faults.ts";

export const owner = "chaos";
export const repos = ["one", "two", "three"] as const;
/** Jobs of `lines` go to runners that speak the protocol and run nothing, those of `shell` to real ones. */
export const pools = { lines: "lines", shell: "shell" } as const;
export const group = "deploy";

/** What a person or a program asks for after the run was accepted. */
export type Act = "none" | "cancel-run" | "cancel-job" | "retry-failed" | "retry-all";

export interface Submission {
	/** From 1. */
	number: number;
	/** Of idempotency, and the run's title. */
	key: string;
	repo: string;
	request: RunRequest;
	act: Act;
	/** The act comes so long after the answer; a retry waits for the run's end besides. */
	actMs: number;
	/** Before the next submission. */
	pauseMs: number;
}

/** How a job ends when nothing befalls it. `flaky`: its first attempt fails, the second passes. */
export type Ending = "passed" | "failed" | "flaky";

type JobRequest = RunRequest["jobs"][number];

const acts: Act[] = ["none", "none", "none", "none", "cancel-run", "cancel-job", "retry-failed", "retry-all"];
const endings: Ending[] = ["passed", "passed", "passed", "flaky", "failed"];
const jobsMax = 5;

export const endingVariable = "CHAOS_ENDING";
export const linesVariable = "CHAOS_LINES";
export const millisVariable = "CHAOS_MS";

/** `folder`: for what the jobs themselves write down. */
export function* submissionsOf(seed: number, folder: string): Generator<Submission, void> {
	const random = seededRandom(seed + 0x5eed);
	for (let number = 1; ; number++) {
		const jobs: JobRequest[] = [];
		const repo = random.pick(repos);
		const count = 1 + random.below(jobsMax);
		for (let at = 0; at < count; at++) jobs.push(jobOf(at, { random, file: deploysFile(folder, repo), before: jobs }));
		const key = `chaos ${seed}.${number}`;
		yield {
			number,
			key,
			repo,
			request: { title: key, jobs },
			act: random.pick(acts),
			actMs: random.below(6_000),
			pauseMs: between([400, 2_400], random),
		};
	}
}

interface JobPlace {
	random: SeededRandom;
	file: string;
	before: JobRequest[];
}

function jobOf(at: number, { random, file, before }: JobPlace): JobRequest {
	const ending = random.pick(endings);
	const isShell = random.chance(1 / 3);
	const isExclusive = isShell && random.chance(1 / 4);
	const lines = 1 + random.below(120);
	const ms = random.below(3_000);
	const needs = before.filter(() => random.chance(1 / 4)).map(({ key }) => key);
	const when = random.pick(["success", "always", "always"] as const);
	const retry = {
		maxAttempts: 2,
		on: [{ exitCodes: [75] }],
		backoff: { initialSeconds: 0.2, jitter: "none" as const },
	};
	const env = { [endingVariable]: ending, [linesVariable]: String(lines), [millisVariable]: String(ms) };
	const job = { key: `job-${at}`, env, retry, ...(needs.length > 0 ? { needs, when } : {}) };
	if (isExclusive) {
		return { ...job, pool: pools.shell, run: `${deploy(file)}\n${end}`, concurrencyGroup: group, onLost: "retry" };
	}
	if (isShell) return { ...job, pool: pools.shell, run: `${print}\n${end}` };
	return { ...job, pool: pools.lines, steps: [{ name: "print", run: "no shell runs this" }] };
}

/** What a real runner's log has of it is `shellLines`. */
const print = `for i in $(seq "$${linesVariable}"); do echo "line $i of $SPILLWAY_JOB_ID"; done
sleep "$(printf '%d.%03d' $((${millisVariable} / 1000)) $((${millisVariable} % 1000)))"`;

const end = `case "$${endingVariable}.$SPILLWAY_ATTEMPT" in flaky.1) exit 75;; failed.*) exit 3;; esac`;

/** Where jobs of one repository's concurrency group write down that they run: two that ran at once are seen there. */
export function deploysFile(folder: string, repo: string): string {
	return `${folder}/deploys-${repo}`;
}

function deploy(file: string): string {
	return `for i in 1 2 3 4 5 6 7 8; do echo "$SPILLWAY_JOB_ID.$SPILLWAY_ATTEMPT" >> '${file}'; sleep 0.1; done`;
}

/** What a shell job of that many lines prints, without the heading of its step. */
export function shellLines(job: string, lines: number): string {
	return Array.from({ length: lines }, (_, at) => `line ${at + 1} of ${job}\n`).join("");
}

/** Of an attempt that its runner brought to its end; a flaky job's earlier attempts may have been lost and count all the same. */
export function endOf(ending: Ending, attempt: number): { outcome: "passed" | "failed"; exitCode: number } {
	if (ending === "failed") return { outcome: "failed", exitCode: 3 };
	if (ending === "flaky" && attempt === 1) return { outcome: "failed", exitCode: 75 };
	return { outcome: "passed", exitCode: 0 };
}
