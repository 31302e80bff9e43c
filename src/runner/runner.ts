// The agent: registers, asks for work, runs `capacity` jobs at once, and on a signal finishes what it holds and leaves. This
// file only puts the loops together; each loop says for itself why it exists.
import { arch, hostname, platform } from "node:os";
import { retryDefaults } from "../client/retryable.ts";
import type { RetryPolicy } from "../client/retryable.ts";
import { graceSeconds } from "../domain/limits.ts";
import { acquireLoop } from "./acquire-loop.ts";
import type { EventLog } from "./event-log.ts";
import { plainEventLog } from "./event-log.ts";
import { Fifos } from "./fifos.ts";
import { HeldJobs } from "./held-jobs.ts";
import { heartbeatLoop } from "./heartbeat-loop.ts";
import { lentEnv } from "./job-env.ts";
import { JobRun } from "./job-run.ts";
import type { JobContext } from "./job-run.ts";
import { JobStarter } from "./job-starter.ts";
import { Registration } from "./registration.ts";
import { WakeUp } from "./wake-up.ts";
import { WorkFolder } from "./work-folder.ts";

export interface RunnerOptions {
	url: string;
	/** A token with scope `runner:register`, or a runner's own (`spw_runner_…`). */
	token: string;
	owner: string;
	pool: string;
	/** Default: the machine's name. */
	name?: string;
	labels?: string[];
	/** Jobs at once; default 1. */
	capacity?: number;
	/** Kept between starts; one runner at a time. Bounded by capacity × (a job's files + its repository's `logBytesMax`). */
	workDir: string;
	/** Take one job, then leave. */
	once?: boolean;
	/** Names of further environment variables of this machine that jobs may see. */
	env?: string[];
	/** Between SIGTERM and SIGKILL, where the server does not say. */
	graceSeconds?: number;
	version?: string;
	eventLog?: EventLog;
	/** Longest wait of a poll for work; the server ends it at 30 s. */
	waitSeconds?: number;
	retry?: Partial<RetryPolicy>;
	/** Default `process.env`. */
	hostEnv?: NodeJS.ProcessEnv;
}

const waitSecondsDefault = 25;
/** After an outage a fleet comes back within this long, spread evenly. */
const backoff = { initialMs: 500, maxMs: 15_000 };

/**
 * Runs until SIGTERM or SIGINT, then drains: nothing new is taken, what runs finishes; a second signal cancels that.
 * Rejects when the server refuses the runner for good, or another runner has the folder.
 */
export async function runRunner(options: RunnerOptions): Promise<void> {
	const runner = await Runner.open(options);
	let signals = 0;
	const onSignal = () => {
		signals++;
		if (signals === 1) runner.drain();
		else runner.cancel("the runner was stopped");
	};
	process.on("SIGTERM", onSignal);
	process.on("SIGINT", onSignal);
	try {
		await runner.run();
	} finally {
		process.off("SIGTERM", onSignal);
		process.off("SIGINT", onSignal);
	}
}

export class Runner {
	readonly #options: RunnerOptions;
	readonly #context: JobContext;
	readonly #held: HeldJobs;
	readonly #registration: Registration;
	/** Aborted to take nothing more, and when all is over. */
	readonly #draining = new AbortController();
	readonly #over = new AbortController();
	#isUnwanted = false;
	readonly #wanted = new WakeUp();

	private constructor(options: RunnerOptions, folder: WorkFolder) {
		const {
			url,
			token,
			owner,
			pool,
			name = hostname(),
			labels = [],
			capacity = 1,
			once = false,
			version = "",
		} = options;
		const hostEnv = options.hostEnv ?? process.env;
		const eventLog = options.eventLog ?? plainEventLog((line) => process.stderr.write(line));
		const policy: RetryPolicy = { ...retryDefaults, ...backoff, ...options.retry };
		this.#options = options;
		this.#held = new HeldJobs(once ? 1 : capacity);
		this.#context = {
			url,
			folder,
			fifos: new Fifos(folder.pipes),
			starter: new JobStarter(),
			lentEnv: lentEnv(hostEnv, options.env ?? [], [token]),
			hostEnv,
			graceMs: (options.graceSeconds ?? graceSeconds) * 1_000,
			policy,
			eventLog,
		};
		const request = {
			name,
			labels,
			capacity: once ? 1 : capacity,
			os: platform(),
			arch: arch(),
			version,
			ephemeral: once,
		};
		const { signal } = this.#over;
		this.#registration = new Registration({ url, token, owner, pool, request, folder, policy, eventLog, signal });
	}

	static async open(options: RunnerOptions): Promise<Runner> {
		const eventLog = options.eventLog ?? plainEventLog((line) => process.stderr.write(line));
		return new Runner(options, await WorkFolder.open(options.workDir, eventLog));
	}

	/** Resolves when it has drained. */
	async run(): Promise<void> {
		const loops = { registration: this.#registration, held: this.#held, ...this.#context };
		const heartbeats = heartbeatLoop({
			...loops,
			signal: this.#over.signal,
			onDraining: (draining) => this.#setUnwanted(draining),
		});
		try {
			// A heartbeat that is refused for good ends the asking too; jobs that run are finished all the same.
			heartbeats.catch(() => this.drain());
			await acquireLoop({
				...loops,
				waitSeconds: this.#options.waitSeconds ?? waitSecondsDefault,
				signal: this.#draining.signal,
				untilWanted: () => this.#untilWanted(),
				onGrant: (grant) => {
					this.#held.hold(new JobRun(this.#context, grant));
					return !this.#options.once;
				},
			});
		} finally {
			await this.#held.untilEmpty();
			this.#over.abort();
			this.#context.starter.close();
			this.#context.folder.close();
		}
		await heartbeats;
		this.#context.eventLog("runner-stopped");
	}

	/** No new job; those that run finish. */
	drain(): void {
		if (this.#draining.signal.aborted) return;
		this.#context.eventLog("runner-draining", { jobs: this.#held.size });
		this.#draining.abort();
		this.#wanted.wake();
	}

	/** Cancels what runs. */
	cancel(reason: string): void {
		this.drain();
		for (const job of this.#held.all()) job.cancel(this.#context.graceMs, reason);
	}

	#setUnwanted(unwanted: boolean): void {
		if (unwanted !== this.#isUnwanted)
			this.#context.eventLog(unwanted ? "server-asks-to-drain" : "server-wants-work-done");
		this.#isUnwanted = unwanted;
		this.#wanted.wake();
	}

	async #untilWanted(): Promise<void> {
		while (this.#isUnwanted && !this.#draining.signal.aborted) await this.#wanted.wait(null);
	}
}
