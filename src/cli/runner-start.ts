// `spillway runner start`: this machine as a runner. The one file that reaches over to src/runner, since both are one program;
// it loads the runner only when it is asked to.
import { homedir, hostname } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { readList, readPool, readWhole } from "./arguments.ts";
import { connect } from "./connection.ts";
import type { GlobalOptions } from "./connection.ts";
import type { Host } from "./io.ts";

interface RunnerFlags extends GlobalOptions {
	pool: { owner: string; pool: string };
	name?: string;
	labels?: string[];
	capacity?: number;
	workDir?: string;
	env?: string[];
	once?: boolean;
	session?: boolean;
}

export function addRunnerStart(parent: Command, { io }: Host): void {
	parent
		.command("start")
		.description("run jobs on this machine until told to stop; what runs then is finished first")
		.requiredOption("--pool <owner/pool>", "the pool to serve", readPool)
		.option("--name <name>", "how it is called; else the machine's name")
		.option("--labels <labels>", "what it can do; with commas, or several times", readList)
		.option("--capacity <jobs>", "jobs at once; else 1", readWhole)
		.option("--work-dir <folder>", "where jobs work; one runner at a time; else under ~/.spillway-runner")
		.option("--env <names>", "further variables of this machine that jobs may see", readList)
		.option("--once", "take one job, then leave")
		.option("--no-session", "ask for work by calls only, without a WebSocket")
		.action(async (_, command: Command) => {
			const { pool: place, name = hostname(), workDir, json: _json, ...flags } = command.optsWithGlobals<RunnerFlags>();
			const { url, token, json } = connect(command, io);
			const [{ runRunner }, { plainEventLog, jsonEventLog }] = await Promise.all([
				import("../runner/runner.ts"),
				import("../runner/event-log.ts"),
			]);
			await runRunner({
				...flags,
				...place,
				url,
				token,
				name,
				workDir: workDir ?? join(homedir(), ".spillway-runner", place.owner, place.pool, name),
				eventLog: (json ? jsonEventLog : plainEventLog)(io.err),
				hostEnv: io.environment,
			});
		});
}
