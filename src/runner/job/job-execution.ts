// What runs of one job on this machine: hook, checkout, steps, hook. It knows nothing of the server; whoever owns it says when
// to stop, and why is not its business.
import { rmSync } from "node:fs";
import { homedir } from "node:os";
import type { ReportedStep } from "../../contracts/lease.ts";
import type { Grant } from "../../contracts/runner.ts";
import { askpassScript, cacheScript, checkoutScript, sourceFault } from "../git/checkout.ts";
import type { Source } from "../git/checkout.ts";
import { ExclusiveGuard } from "../process/exclusive-guard.ts";
import { Hook, hookEnv } from "../machine/hook.ts";
import type { HookName } from "../machine/hook.ts";
import { wrapperScript } from "../machine/isolation.ts";
import type { JobContext } from "./job-context.ts";
import { jobEnv } from "./job-env.ts";
import type { JobFolder } from "./job-folder.ts";
import type { JobLog } from "../log/job-log.ts";
import { JobShell } from "../process/job-shell.ts";
import { refused, runSteps } from "./job-steps.ts";
import type { Verdict } from "./job-steps.ts";
import { OutputPipe } from "../process/output-pipe.ts";
import { identify } from "../process/process-identity.ts";

export interface Execution {
	context: JobContext;
	grant: Grant;
	folder: JobFolder;
	log: JobLog;
	steps: ReportedStep[];
	onProgress: () => void;
	/** For how long an exclusive job may go on without further contact. */
	restMs: () => number;
}

export class JobExecution {
	readonly #execution: Execution;
	#shell: JobShell | null = null;
	#hook: Hook | null = null;
	/** Of an exclusive job, while its steps run. */
	#guard: ExclusiveGuard | null = null;
	#isOutOfTouch = false;
	/** Set by the first stop. */
	#graceMs: number | null = null;

	constructor(execution: Execution) {
		this.#execution = execution;
	}

	/** SIGTERM, and SIGKILL when the grace is over. The first call counts. */
	stop(graceMs: number): void {
		this.#graceMs ??= graceMs;
		this.#shell?.stop(this.#graceMs);
		this.#hook?.stop("was stopped with its job");
	}

	/** The guard ended it, because this runner stood still. */
	get isOutOfTouch(): boolean {
		return this.#isOutOfTouch;
	}

	/** The server was reached. */
	contact(): void {
		this.#guard?.contact(this.#execution.restMs());
	}

	/** Null: stopped before a step could say more. Throws when the runner cannot do its part. */
	async run(): Promise<Verdict | null> {
		const { source } = this.#execution.grant.run;
		const fault = source && sourceFault(source);
		if (fault) return { outcome: "failed", exitCode: null, signal: null, reason: fault };
		if (this.#graceMs !== null) return null;
		const objection = await this.#callHook("pre-job", {});
		if (this.#graceMs !== null) return null;
		return objection === null ? this.#runSteps(source) : refused(objection);
	}

	/** Whatever the job came to. It cannot change that. */
	async close(verdict: Verdict): Promise<void> {
		this.#graceMs = null;
		const env = { SPILLWAY_OUTCOME: verdict.outcome, SPILLWAY_EXIT_CODE: String(verdict.exitCode ?? "") };
		await this.#callHook("post-job", env).catch(() => {});
	}

	/** Null when there is none, or it has nothing against the job. */
	async #callHook(name: HookName, facts: Record<string, string>): Promise<string | null> {
		const { context, grant, folder, log } = this.#execution;
		const path = context.hooks[name];
		if (path === undefined) return null;
		const env = { ...hookEnv(context.hostEnv, context.tokens, grant), SPILLWAY_JOB_FOLDER: folder.work, ...facts };
		this.#hook = new Hook({ name, path, cwd: folder.work, env, log });
		await this.#record(this.#hook.pid);
		const reason = await this.#hook.done;
		this.#hook = null;
		if (reason !== null) {
			context.eventLog("hook-failed", { lease: grant.lease.id, reason });
			log.note(`\u001b[1;33m${reason}\u001b[0m`);
		}
		return reason;
	}

	async #runSteps(source: Source | null): Promise<Verdict | null> {
		const { context, folder, log, steps, onProgress } = this.#execution;
		const env = this.#env();
		const cache = source && (context.gitCache?.pathOf(source.cloneUrl) ?? null);
		this.#writeScripts(Object.keys(env), cache);
		const output = await context.fifos.take();
		const pipe = new OutputPipe(output, (bytes) => log.append(bytes));
		try {
			const shell = await this.#openShell(env, output);
			pipe.release();
			const isStopped = () => this.#graceMs !== null;
			const alone = <T>(work: () => Promise<T>) =>
				cache === null || context.gitCache === null ? null : context.gitCache.alone(cache, work);
			const work = { shell, pipe, log, folder, source, alone, steps, isStopped, onProgress };
			const verdict = await runSteps(work).finally(() => shell.close());
			pipe.drain();
			return verdict;
		} finally {
			this.#isOutOfTouch = (await this.#guard?.close()) ?? false;
			this.#guard = null;
			this.#shell = null;
			pipe.close();
			rmSync(output, { force: true });
		}
	}

	/** For whoever clears up after this runner. */
	async #record(pid: number | undefined): Promise<void> {
		const identity = pid === undefined ? null : await identify(pid);
		if (identity) this.#execution.folder.recordProcess(identity);
	}

	#env(): Record<string, string> {
		const { context, grant, folder } = this.#execution;
		return jobEnv(grant, { folder, url: context.url, lent: context.lentEnv });
	}

	#writeScripts(names: string[], cache: string | null): void {
		const { context, grant, folder } = this.#execution;
		const { job, run } = grant;
		const scripts = job.steps.map((step) => step.run);
		const own = run.source === null ? 0 : 1;
		if (run.source !== null) {
			const place = { folder, hostEnv: context.hostEnv, cache };
			scripts.unshift(checkoutScript(run.source, place));
			folder.writeAskpass(askpassScript(run.source));
			if (cache !== null) folder.writeScript("cache", cacheScript(run.source, { ...place, cache }));
		}
		scripts.forEach((script, at) => folder.writeScript(at + 1, script));
		if (context.wrap === null) return;
		const places = { folder, runner: context.folder.path, hostHome: context.hostEnv.HOME ?? homedir(), names };
		const wrapper = wrapperScript(context.wrap, places);
		for (let step = own + 1; step <= scripts.length; step++) folder.writeWrapper(step, wrapper);
	}

	async #openShell(env: Record<string, string>, output: string): Promise<JobShell> {
		const { context, grant, folder } = this.#execution;
		const { fifos, starter } = context;
		const { startFile, work: cwd, scripts } = folder;
		const shell = await JobShell.open({ fifos, starter, startFile, cwd, scripts, env, output });
		await this.#record(shell.pid);
		this.#shell = shell;
		if (grant.job.exclusive) {
			const { restMs } = this.#execution;
			this.#guard = new ExclusiveGuard({ pid: shell.pid, restMs: restMs(), graceMs: context.graceMs });
		}
		if (this.#graceMs !== null) shell.stop(this.#graceMs);
		return shell;
	}
}
