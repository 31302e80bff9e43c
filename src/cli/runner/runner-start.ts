// `spillway runner start`: this machine as a runner. It reaches over to src/runner, as `doctor.ts` does, since both are one program;
// it loads the runner only when it is asked to.
import { homedir, hostname } from "node:os";
import { join, resolve } from "node:path";
import { Option } from "commander";
import type { Command } from "commander";
import { readList, readPool, readCount, readWhole } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { GlobalOptions } from "../connection.ts";
import type { ContainmentKind } from "../../runner/process/job-processes.ts";
import type { RunnerOptions } from "../../runner/runner.ts";
import { eraseInitialMemory } from "../initial-memory.ts";
import type { Host } from "../io.ts";
import { moreThanRegister } from "./runner-token.ts";

interface RunnerFlags extends GlobalOptions {
	pool: { owner: string; pool: string };
	name?: string;
	labels?: string[];
	capacity?: number;
	workDir?: string;
	env?: string[];
	drainSeconds?: number;
	once?: boolean;
	ephemeral?: boolean;
	session?: boolean;
	preJob?: string;
	postJob?: string;
	isolate?: "bwrap";
	wrap?: string;
	contain: ContainmentKind | "auto";
	gitCache?: boolean;
	sharedCache?: string;
}

/** `start` is what becomes of the flags; a test looks at them instead. */
export function addRunnerStart(
	parent: Command,
	{ io }: Host,
	start: (options: RunnerOptions) => Promise<void> = run,
): void {
	const command = parent
		.command("start")
		.description("run jobs on this machine until told to stop; what runs then is finished first");
	withFlags(command).action(async (_, given: Command) => {
		const flags = given.optsWithGlobals<RunnerFlags>();
		const { pool: place, name = hostname(), workDir } = flags;
		const { url, token, json } = connect(given, io);
		useProxy(io.environment);
		const [{ plainEventLog, jsonEventLog }, { bubblewrap, bubblewrapWithCache }] = await Promise.all([
			import("../../runner/event-log.ts"),
			import("../../runner/machine/isolation.ts"),
		]);
		const sharedCache = flags.sharedCache === "off" ? undefined : flags.sharedCache;
		const sandbox = sharedCache === undefined ? bubblewrap : bubblewrapWithCache;
		const wrap = flags.isolate === "bwrap" ? sandbox : flags.wrap;
		const eventLog = (json ? jsonEventLog : plainEventLog)(io.err);
		const can = moreThanRegister(token);
		if (can !== null) {
			const instead = `spillway token create ${place.owner} --name runners --scope runner:register`;
			eventLog("token-can-do-more", { can, risk: "jobs that are not isolated may read it", instead });
		}
		await start({
			...place,
			url,
			token,
			name,
			labels: flags.labels ?? [],
			capacity: flags.capacity ?? 1,
			env: flags.env ?? [],
			once: (flags.once ?? false) || (flags.ephemeral ?? false),
			session: flags.session ?? true,
			hooks: {
				...(flags.preJob === undefined ? {} : { "pre-job": resolve(flags.preJob) }),
				...(flags.postJob === undefined ? {} : { "post-job": resolve(flags.postJob) }),
			},
			contain: flags.contain,
			...(wrap === undefined ? {} : { wrap }),
			...(flags.drainSeconds === undefined ? {} : { drainSeconds: flags.drainSeconds }),
			...(sharedCache === undefined ? {} : { sharedCache: resolve(sharedCache) }),
			...(flags.gitCache === false ? { gitCacheBytes: 0 } : {}),
			workDir: workDir ?? join(homedir(), ".spillway-runner", place.owner, place.pool, name),
			eventLog,
			hostEnv: io.environment,
		});
	});
}

function withFlags(command: Command): Command {
	return command
		.requiredOption("--pool <owner/pool>", "the pool to serve", readPool)
		.option("--name <name>", "how it is called; else the machine's name")
		.option("--labels <labels>", "what it can do; with commas, or several times", readList)
		.option("--capacity <jobs>", "jobs at once; else 1", readCount)
		.option("--work-dir <folder>", "where jobs work; one runner at a time; else under ~/.spillway-runner")
		.option("--env <names>", "further variables of this machine that jobs may see", readList)
		.option(
			"--drain-seconds <seconds>",
			"once told to stop, wait so long, then hand over what runs; else wait",
			readWhole,
		)
		.option("--once", "take one job, then leave")
		.option("--ephemeral", "the same as --once: the server forgets it after one job")
		.option(
			"--pre-job <program>",
			"run before each job; 77 refuses the job, anything else but 0 sends it to another runner",
		)
		.option("--post-job <program>", "run after each job, whatever became of it")
		.addOption(new Option("--isolate <how>", "run each step in a sandbox").choices(["bwrap"]).conflicts("wrap"))
		.option("--wrap <command>", "put before each step's command, to run it in a container; see docs/runners.md")
		.addOption(
			new Option("--contain <how>", "how a job's processes are held together, so that all of them end with it")
				.choices(["auto", "cgroup", "subreaper", "group"])
				.default("auto"),
		)
		.option("--no-git-cache", "keep no repositories between jobs")
		.option("--shared-cache <folder>", "a folder that all jobs may write, for what package managers fetch; else off")
		.option("--no-session", "ask for work by calls only, without a WebSocket");
}

async function run(options: RunnerOptions): Promise<void> {
	const { runRunner } = await import("../../runner/runner.ts");
	if (!eraseInitialMemory(options.token)) {
		options.eventLog?.("token-in-environment", { risk: "jobs that are not isolated may read it" });
	}
	await runRunner(options);
}

/**
 * Node reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY only if this variable is there when it starts: then `fetch` and WebSockets
 * go by them alike. So the process is replaced by itself, once, under the same number.
 */
function useProxy(environment: NodeJS.ProcessEnv): void {
	const asks = ["HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"].some((name) => environment[name]);
	if (!asks || environment.NODE_USE_ENV_PROXY !== undefined) return;
	const words = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
	const quiet = `${environment.NODE_OPTIONS ?? ""} --disable-warning=UNDICI-EHPA`.trim();
	process.execve?.(process.execPath, words, { ...environment, NODE_USE_ENV_PROXY: "1", NODE_OPTIONS: quiet });
}
