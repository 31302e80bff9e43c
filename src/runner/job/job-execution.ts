// What runs of one job on this machine: hook, checkout, steps, hook. It knows nothing of the server; whoever owns it says when
// to stop, and why is not its business.
import { rmSync } from "node:fs";
import type { ReportedStep } from "../../contracts/http/lease.ts";
import type { Grant } from "../../contracts/http/runner.ts";
import { askpassScript } from "../git/askpass.ts";
import { Checkout } from "../git/checkout.ts";
import type { CheckoutEnd } from "../git/checkout.ts";
import { sourceFault } from "../git/checkout-reason.ts";
import { readWishes } from "../git/checkout-wishes.ts";
import { runnersFileFault } from "../git/runners-files.ts";
import { enterScript } from "../process/enter-script.ts";
import { ExclusiveGuard } from "../process/exclusive-guard.ts";
import { Hook, hookEnv } from "../machine/hook.ts";
import type { HookName } from "../machine/hook.ts";
import { hostHomeOf, wrapperScript } from "../machine/isolation.ts";
import type { JobContext } from "./job-context.ts";
import { jobEnv, wrapperEnv } from "./job-env.ts";
import type { JobFolder } from "./job-folder.ts";
import type { JobLog } from "../log/job-log.ts";
import { JobShell } from "../process/job-shell.ts";
import { refused, runSteps } from "./job-steps.ts";
import type { Verdict } from "./job-steps.ts";
import { OutputPipe } from "../process/output-pipe.ts";
import type { JobProcesses } from "../process/job-processes.ts";
import type { LeaderStart } from "../process/job-starter.ts";

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
	#checkout: Checkout | null = null;
	#commit: string | null = null;
	/** What git in the job's steps needs to ask for the token, if the job wants that. */
	#gitEnv: Record<string, string> = {};
	/** Of an exclusive job, while its steps run. */
	#guard: ExclusiveGuard | null = null;
	#isOutOfTouch = false;
	#isHurried = false;
	/** Set by the first stop. */
	#graceMs: number | null = null;

	constructor(execution: Execution) {
		this.#execution = execution;
	}

	/** SIGTERM, and SIGKILL when the grace is over. The first call counts. */
	stop(graceMs: number): void {
		this.#graceMs ??= graceMs;
		this.#shell?.stop(this.#graceMs);
		this.#checkout?.stop(this.#graceMs);
		this.#hook?.stop("was stopped with its job");
	}

	/** The guard ended it, because this runner stood still; or no further step was begun for the same reason. */
	get isOutOfTouch(): boolean {
		return this.#isOutOfTouch;
	}

	/** What was checked out; null without a source, and until then. */
	get commit(): string | null {
		return this.#commit;
	}

	/** The server was reached. */
	contact(): void {
		this.#guard?.contact(this.#execution.restMs());
	}

	/** Null: stopped before a step could say more. Throws when the runner cannot do its part. */
	async run(): Promise<Verdict | null> {
		const fault = this.#planCheckout();
		if (fault !== null) return { outcome: "failed", exitCode: null, signal: null, reason: fault };
		if (this.#graceMs !== null) return null;
		const objection = await this.#callHook("pre-job", {});
		if (this.#graceMs !== null) return null;
		return objection === null ? this.#runSteps() : refused(objection);
	}

	/** Whatever the job came to. It cannot change that. */
	async close(verdict: Verdict): Promise<void> {
		this.#graceMs = null;
		const env = { SPILLWAY_OUTCOME: verdict.outcome, SPILLWAY_EXIT_CODE: String(verdict.exitCode ?? "") };
		await this.#callHook("post-job", env).catch(() => {});
	}

	/** The runner is to be gone: a hook has only so long. */
	hurry(): void {
		this.#isHurried = true;
		const hook = this.#hook;
		setTimeout(() => hook?.stop("was stopped with its runner"), this.#execution.context.leaveMs).unref();
	}

	/** Null when there is none, or it has nothing against the job. */
	async #callHook(name: HookName, facts: Record<string, string>): Promise<Error | null> {
		const { context, grant, folder, log } = this.#execution;
		const path = context.hooks[name];
		if (path === undefined) return null;
		const cwd = folder.ownWork();
		const env = { ...hookEnv(context.hostEnv, context.tokens, grant), SPILLWAY_JOB_FOLDER: cwd, ...facts };
		this.#hook = new Hook({ name, path, cwd, env, log });
		if (this.#isHurried) this.hurry();
		this.#record(await this.#hook.processes());
		const objection = await this.#hook.done;
		this.#hook = null;
		if (objection !== null) {
			const { message: reason } = objection;
			context.eventLog("hook-failed", { lease: grant.lease.id, reason });
			log.note(`\u001b[1;33m${reason}\u001b[0m`);
		}
		return objection;
	}

	/** Null, or why there can be none. */
	#planCheckout(): string | null {
		const { context, grant, folder, log } = this.#execution;
		const { source } = grant.run;
		if (source === null) return null;
		const fault = sourceFault(source) ?? runnersFileFault(source.cloneUrl, [context.folder.path, context.sharedCache]);
		if (fault !== null) return fault;
		const jobEnv = this.#env().job;
		const wishes = readWishes(jobEnv);
		if (typeof wishes === "string") return wishes;
		folder.writeAskpass(askpassScript(source.cloneUrl));
		const { hostEnv, tokens, gitCache } = context;
		const onOutput = (bytes: Uint8Array) => log.append(bytes);
		const { owner, repo } = grant.repository;
		const kept = { gitCache, repository: `${owner}/${repo}`, isIsolated: context.wrap !== null };
		this.#checkout = new Checkout({ source, wishes, places: folder, hostEnv, tokens, jobEnv, ...kept, onOutput });
		if (wishes.credentials) this.#gitEnv = { GIT_ASKPASS: folder.askpass, GIT_TERMINAL_PROMPT: "0" };
		return null;
	}

	async #runSteps(): Promise<Verdict | null> {
		const { context, folder, log, steps, onProgress } = this.#execution;
		const env = this.#env();
		this.#writeScripts();
		const output = await context.fifos.take();
		const pipe = new OutputPipe(output, (bytes) => log.append(bytes));
		try {
			const shell = await this.#openShell(env, output);
			pipe.release();
			const isStopped = async () => this.#graceMs !== null || (await this.#isCutOff());
			const checkout = this.#checkout && (() => this.#runCheckout());
			const work = { shell, pipe, log, folder, checkout, steps, isStopped, onProgress };
			const verdict = await runSteps(work).finally(() => shell.close());
			pipe.drain();
			return verdict;
		} finally {
			if ((await this.#guard?.close()) ?? false) this.#isOutOfTouch = true;
			this.#guard = null;
			this.#shell = null;
			pipe.close();
			rmSync(output, { force: true });
		}
	}

	async #runCheckout(): Promise<CheckoutEnd | null> {
		const end = (await this.#checkout?.run()) ?? null;
		this.#commit = end?.commit ?? null;
		return end;
	}

	/** After a standstill the end of a step is heard before any timer is: the next must not begin then. */
	async #isCutOff(): Promise<boolean> {
		const { grant, restMs } = this.#execution;
		if (!grant.job.exclusive || this.#isOutOfTouch) return this.#isOutOfTouch;
		this.#isOutOfTouch = restMs() <= 0 || !((await this.#guard?.mayGoOn()) ?? true);
		return this.#isOutOfTouch;
	}

	/** For whoever clears up after this runner. */
	#record(processes: JobProcesses | null): void {
		if (processes) this.#execution.folder.recordProcesses(processes);
	}

	#env(): LeaderStart["env"] {
		const { context, grant, folder } = this.#execution;
		const { hostEnv, lentEnv: lent, sharedCache } = context;
		const job = { ...this.#gitEnv, ...jobEnv(grant, { folder, url: context.url, lent, sharedCache }) };
		return { job, wrap: wrapperEnv(hostEnv, lent) };
	}

	/** By the steps' places in the report, of which a checkout has the first. */
	#writeScripts(): void {
		const { grant, folder } = this.#execution;
		const first = grant.run.source === null ? 1 : 2;
		grant.job.steps.forEach(({ run }, at) => folder.writeScript(first + at, run));
	}

	/** What starts the job's own steps where they are isolated; empty: nothing. */
	#wrapper(env: LeaderStart["env"]): string {
		const { context, folder } = this.#execution;
		if (context.wrap === null) return "";
		folder.writeEntry(enterScript(Object.keys(env.wrap)));
		const hostHome = hostHomeOf(context.hostEnv);
		const { sharedCache: cache } = context;
		const places = { folder, runner: context.folder.path, hostHome, cache, names: Object.keys(env.job) };
		return wrapperScript(context.wrap, places);
	}

	async #openShell(env: LeaderStart["env"], output: string): Promise<JobShell> {
		const { context, grant, folder } = this.#execution;
		const { fifos, starter, containment } = context;
		const { work: cwd, scripts } = folder;
		const onLeft = () => context.eventLog("processes-left", { lease: grant.lease.id });
		const wrapper = this.#wrapper(env);
		const shell = await JobShell.open({
			fifos,
			starter,
			containment,
			cwd,
			scripts,
			wrapper,
			env,
			output,
			onLeft,
		});
		this.#record(shell.processes);
		this.#shell = shell;
		if (grant.job.exclusive) {
			const { restMs } = this.#execution;
			this.#guard = new ExclusiveGuard({ processes: shell.processes, restMs: restMs(), graceMs: context.graceMs });
		}
		if (this.#graceMs !== null) shell.stop(this.#graceMs);
		return shell;
	}
}
