// The agent: registers, waits for work, runs `capacity` jobs at once, and on a signal finishes what it holds and leaves. This
// file only puts the loops together; each loop says for itself why it exists.
import { randomUUID } from "node:crypto";
import { arch, hostname, platform } from "node:os";
import { basename } from "node:path";
import { repeatDefaults } from "../client/retryable.ts";
import type { RepeatPolicy } from "../client/retryable.ts";
import { RunnerClient } from "../client/lease-client.ts";
import type { Grant } from "../contracts/http/runner.ts";
import { graceSeconds } from "../domain/limits.ts";
import { acquireLoop } from "./session/acquire-loop.ts";
import type { EventLog } from "./event-log.ts";
import { plainEventLog } from "./event-log.ts";
import { chooseContainment } from "./process/containment.ts";
import type { Containment } from "./process/containment.ts";
import type { ContainmentKind } from "./process/job-processes.ts";
import { Fifos } from "./process/fifos.ts";
import { Health } from "./machine/health.ts";
import { machineFault } from "./machine/machine-look.ts";
import { Gate } from "./session/gate.ts";
import { GitCache } from "./git/git-cache.ts";
import { HeldJobs } from "./session/held-jobs.ts";
import { heartbeatLoop } from "./session/heartbeat-loop.ts";
import { lentEnv } from "./job/job-env.ts";
import type { HookName } from "./machine/hook.ts";
import { templateFault } from "./machine/isolation.ts";
import { pruneFolder } from "./machine/pruned-folder.ts";
import { makeSharedCache } from "./machine/shared-cache.ts";
import { JobRun } from "./job/job-run.ts";
import type { JobContext } from "./job/job-context.ts";
import { JobStarter } from "./process/job-starter.ts";
import { Registration } from "./session/registration.ts";
import { RunnerReplaced, sessionLoop } from "./session/session-loop.ts";
import type { SessionLoopOptions } from "./session/session-loop.ts";
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
	/** Once told to stop, what still runs after so long is handed to another runner; else it is waited for. */
	drainSeconds?: number;
	/** Between SIGTERM and SIGKILL, where the server does not say. */
	graceSeconds?: number;
	/** Once stopped by a second signal, hooks that run and reports that nobody hears have this long; default a minute. */
	leaveSeconds?: number;
	version?: string;
	eventLog?: EventLog;
	/** Programs to run before and after each job. The first may refuse it. */
	hooks?: Partial<Record<HookName, string>>;
	/** Put before each step's command, with places filled in: see `isolation.ts`. */
	wrap?: string;
	/** How jobs' processes are held together; default `auto`, the strongest that this machine allows. */
	contain?: ContainmentKind | "auto";
	/** Repositories kept between jobs take no more than this on disk after a start; 0: none is kept. */
	gitCacheBytes?: number;
	/** A folder that all jobs share for what package managers fetch; none unless it is named. */
	sharedCache?: string;
	/** It takes no more than this on disk after a start. */
	sharedCacheBytes?: number;
	/** False: only calls, no WebSocket. */
	session?: boolean;
	/** Longest wait of a poll for work; the server ends it at 30 s. */
	waitSeconds?: number;
	retry?: Partial<RepeatPolicy>;
	/** How often an unwell machine is looked at. */
	healthBackoff?: { initialMs: number; maxMs: number };
	/** Default `process.env`. */
	hostEnv?: NodeJS.ProcessEnv;
}

/** A server that restarts is back by then; a job whose end was not heard is lost, and runs elsewhere. */
const leaveSecondsDefault = 60;
const waitSecondsDefault = 25;
const cacheBytesDefault = 20 * 1024 ** 3;
/** What no job used in this time is forgotten. */
const sharedUnusedMsMax = 30 * 24 * 60 * 60 * 1_000;
/** What is on its way when all is over, as a last line of the runner's own log, has this long. */
const leaveMs = 500;
/** A server that is slow to hear that a runner goes does not keep it for longer. */
const sayLeavingMs = 500;
/** After an outage a fleet comes back within this long, spread evenly. */
const backoff = { initialMs: 500, maxMs: 15_000 };

/**
 * Runs until SIGTERM, SIGINT or SIGHUP, then drains: nothing new is taken, what runs finishes; a second signal, or the end
 * of `drainSeconds`, stops that. A hangup is no second signal: a terminal that closes sends more than one.
 * Rejects when the server refuses the runner for good, or another runner has the folder.
 */
export async function runRunner(options: RunnerOptions): Promise<void> {
	const runner = await Runner.open(options);
	const { drainSeconds } = options;
	let signals = 0;
	let patience: NodeJS.Timeout | undefined;
	const interrupt = () => runner.interrupt("the runner was stopped");
	const onSignal = () => {
		signals++;
		if (signals > 1) return interrupt();
		runner.drain();
		if (drainSeconds !== undefined) patience = setTimeout(interrupt, drainSeconds * 1_000);
	};
	const onHangup = () => {
		// Node undoes what `nohup` did, so it is known by the variable in which shells say what they start.
		if (basename((options.hostEnv ?? process.env)._ ?? "") !== "nohup" && signals === 0) onSignal();
	};
	process.on("SIGHUP", onHangup);
	process.on("SIGTERM", onSignal);
	process.on("SIGINT", onSignal);
	try {
		await runner.run();
	} finally {
		clearTimeout(patience);
		process.off("SIGHUP", onHangup);
		process.off("SIGTERM", onSignal);
		process.off("SIGINT", onSignal);
		// A WebSocket waits for the other side's close for ever, and there is no way to let go of it (nodejs/undici has none
		// before version 7): nothing of that may keep the process.
		setTimeout(() => process.exit(), leaveMs).unref();
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
	/** Shut while the server asks to drain. */
	readonly #wanted = new Gate(true);
	#leaving: Promise<void> = Promise.resolve();
	#isReplaced = false;
	/** Shut while the machine is unwell. */
	readonly #well = new Gate(true);
	readonly #health: Health;
	/** Shut while a session does the work of the two loops that call. */
	readonly #polling: Gate;

	private constructor(options: RunnerOptions, folder: WorkFolder, containment: Containment) {
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
		const policy: RepeatPolicy = { ...repeatDefaults, ...backoff, ...options.retry };
		this.#options = options;
		this.#polling = new Gate(options.session === false);
		this.#held = new HeldJobs(once ? 1 : capacity);
		const hooks = options.hooks ?? {};
		const parts = { folder: folder.path, jobs: folder.jobs, hooks: Object.values(hooks), hostEnv };
		const { random } = policy;
		this.#health = new Health({ look: () => machineFault(parts), eventLog, random, backoff: options.healthBackoff });
		this.#health.onChange(() => (this.#health.unwell === null ? this.#well.open() : this.#well.shut()));
		this.#context = {
			url,
			folder,
			fifos: new Fifos(folder.pipes),
			starter: new JobStarter(containment.kind),
			containment,
			gitCache: options.gitCacheBytes === 0 ? null : new GitCache(folder.cache),
			sharedCache: options.sharedCache === undefined ? null : makeSharedCache(options.sharedCache),
			lentEnv: lentEnv(hostEnv, options.env ?? [], [token]),
			hostEnv,
			tokens: [token],
			hooks,
			health: this.#health,
			wrap: options.wrap ?? null,
			leaveMs: (options.leaveSeconds ?? leaveSecondsDefault) * 1_000,
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
		const fault =
			options.wrap === undefined ? null : templateFault(options.wrap, { hasCache: options.sharedCache !== undefined });
		if (fault !== null) throw new Error(`the isolating command: ${fault}`);
		const containment = await chooseContainment(options.contain ?? "auto");
		const { kind: by, parent: where, why } = containment;
		eventLog("jobs-contained", {
			by,
			...(where === "" ? {} : { where }),
			...(why.length > 0 ? { why: why.join("; ") } : {}),
		});
		const folder = await WorkFolder.open(options.workDir, eventLog);
		const bytesMax = options.gitCacheBytes ?? cacheBytesDefault;
		await new GitCache(folder.cache).prune({ bytesMax, now: Date.now(), eventLog });
		const { sharedCache, sharedCacheBytes = cacheBytesDefault } = options;
		if (sharedCache !== undefined) {
			const pruning = { bytesMax: sharedCacheBytes, unusedMsMax: sharedUnusedMsMax, now: Date.now(), eventLog };
			await pruneFolder(sharedCache, { ...pruning, usedBy: "files" });
		}
		return new Runner(options, folder, containment);
	}

	/** Resolves when it has drained. */
	async run(): Promise<void> {
		await this.#health.begin();
		const loops = {
			registration: this.#registration,
			held: this.#held,
			polling: this.#polling,
			onDraining: (draining: boolean) => this.#setUnwanted(draining),
			onGrant: (grant: Grant) => this.#take(grant),
			...this.#context,
		};
		const { signal } = this.#over;
		const heartbeats = heartbeatLoop({ ...loops, signal });
		const sessions = this.#holdSessions({ ...loops, signal });
		const left = this.#context.folder.leftLogs?.deliver({ ...this.#context, signal });
		try {
			// What is refused for good ends the asking too; jobs that run are finished all the same.
			heartbeats.catch(({ message }) => this.drain(message));
			sessions.catch((failure) => {
				this.#isReplaced = failure instanceof RunnerReplaced;
				this.drain(failure.message);
				if (this.#isReplaced) for (const job of this.#held.all()) job.lose();
			});
			await acquireLoop({
				...loops,
				waitSeconds: this.#options.waitSeconds ?? waitSecondsDefault,
				signal: this.#draining.signal,
				untilWanted: () => this.#untilWanted(),
			});
		} finally {
			await this.#held.untilEmpty();
			await this.#leaving;
			this.#over.abort();
			this.#health.close();
			this.#context.starter.close();
			this.#context.folder.close();
		}
		await Promise.all([heartbeats, sessions, left]);
		this.#context.eventLog("runner-stopped");
	}

	async #holdSessions(loops: Omit<SessionLoopOptions, "capacity" | "instanceId" | "draining">): Promise<void> {
		if (this.#options.session === false) return;
		const capacity = this.#options.once ? 1 : (this.#options.capacity ?? 1);
		await sessionLoop({ ...loops, capacity, instanceId: randomUUID(), draining: this.#draining.signal });
	}

	/** Holds a job. One that comes when none is wanted any more is left to lapse. */
	#take(grant: Grant): void {
		if (this.#draining.signal.aborted) return;
		this.#held.hold(new JobRun(this.#context, grant));
		if (this.#options.once) this.drain("it takes one job");
	}

	/** No new job; those that run finish. `why` is for whoever reads the runner's own log. */
	drain(why = "told to stop"): void {
		if (this.#draining.signal.aborted) return;
		// Who never was a runner leaves nothing, and says why it ends when it ends.
		if (this.#registration.known !== null) this.#context.eventLog("runner-draining", { why, jobs: this.#held.size });
		this.#draining.abort();
		// A session says bye. Where another process runs as this runner, it is not for this one to say.
		if (this.#polling.isOpen && !this.#isReplaced) this.#leaving = this.#sayLeaving();
	}

	/** Stops what runs: it is another runner's from then on. */
	interrupt(reason: string): void {
		this.drain();
		for (const job of this.#held.all()) job.interrupt(this.#context.graceMs, reason);
	}

	/** A hint: without it the server believes for a minute and a half that this runner waits for work. */
	async #sayLeaving(): Promise<void> {
		const { known } = this.#registration;
		if (known === null) return;
		const client = new RunnerClient({ url: this.#context.url, token: known.token });
		await client.heartbeat(this.#held.leases(), { leaving: true, tryMs: sayLeavingMs }).catch(() => undefined);
	}

	#setUnwanted(unwanted: boolean): void {
		if (unwanted === !this.#wanted.isOpen) return;
		this.#context.eventLog(unwanted ? "server-asks-to-drain" : "server-wants-work-done");
		if (unwanted) this.#wanted.shut();
		else this.#wanted.open();
	}

	/** The server wants work done, this machine can do it, and there is no session by which it would come. */
	async #untilWanted(): Promise<void> {
		const { signal } = this.#draining;
		const gates = [this.#wanted, this.#polling, this.#well];
		while (!(signal.aborted || gates.every((gate) => gate.isOpen))) {
			for (const gate of gates) await gate.untilOpen(signal);
		}
	}
}
