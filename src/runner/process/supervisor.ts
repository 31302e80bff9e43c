// Starts a part of the supervisor's program. Perl gets it by standard input and an environment without anything of the
// machine's, and is found by an absolute path: no job and no folder says which Perl or bash that is.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { jobOpenFiles } from "../machine/open-files.ts";
import { programPath } from "../machine/programs.ts";
import type { JobProcesses } from "./job-processes.ts";
import { wordsOf } from "./job-processes.ts";
import { supervisorProgram } from "./supervisor-program.ts";

/** With `talks`, descriptor 3 is a connection to it; what it prints can be read else. */
export function startSupervisor(part: string, words: string[], { talks }: { talks: boolean }): ChildProcess {
	const perl = [programPath("perl"), "-", part, ...words];
	// What jobs are started by has the limit of open files that they are to have: Node has raised its own.
	const openFiles = part === "starter" ? jobOpenFiles() : null;
	const limit = ["-c", 'ulimit -Sn "$0"; exec "$@"', String(openFiles)];
	const [program = "", ...args] = openFiles === null ? perl : [programPath("bash"), ...limit, ...perl];
	const child = spawn(program, args, {
		// Its own words about a locale would be of no use to anybody.
		env: { PERL_BADLANG: "0" },
		detached: true,
		stdio: ["pipe", talks ? "ignore" : "pipe", "ignore", ...(talks ? (["pipe"] as const) : [])],
	});
	child.stdin?.on("error", () => {});
	child.stdin?.end(supervisorProgram);
	return child;
}

/** Ends all of a job, leader included, without its runner's starter. Whether there was anything left of it. */
export async function endProcesses(processes: JobProcesses): Promise<boolean> {
	return (await askSupervisor("end", wordsOf(processes))) === "killed";
}

/** What a part of it answers. */
export async function askSupervisor(part: string, words: string[]): Promise<string> {
	const child = startSupervisor(part, words, { talks: false });
	let text = "";
	child.stdout?.on("data", (bytes: Buffer) => {
		text += bytes.toString("utf8");
	});
	await new Promise<void>((resolve, reject) => {
		child.once("error", reject);
		child.once("close", (code) =>
			code === 0 ? resolve() : reject(new Error(`the supervisor's part "${part}" ended with ${code}`)),
		);
	});
	return text.trim();
}
