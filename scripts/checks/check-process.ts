// Runs a program for one part of the check. A part answers with its faults as text; none means that it holds.
import { spawn } from "node:child_process";

export type CheckPart = (options: { write: boolean }) => Promise<string[]>;

/** A part that cannot be had on this machine, and why: it neither holds nor fails, and the check says so. */
export class LeftOut extends Error {
	override readonly name = "LeftOut";
}

/** Quiet and offline: a check must not depend on what somebody's terminal, home folder or network says. `clients` alone asks the network. */
const environment = {
	...process.env,
	CI: "1",
	// All tests, those that wait in real time too.
	SPILLWAY_LONG_TESTS: "1",
	NO_COLOR: "1",
	WRANGLER_HIDE_BANNER: "true",
	WRANGLER_SEND_METRICS: "false",
	WRANGLER_LOG_PATH: "node_modules/.cache/wrangler.log",
};

interface CommandOptions {
	/** Its output goes straight to ours, for what takes long. */
	shown?: boolean;
	cwd?: string;
	/** Beside what every command gets. */
	variables?: NodeJS.ProcessEnv;
}

/** No faults when it exits with 0; else all that it said. */
export function runCommand(program: string, args: string[], options: CommandOptions = {}): Promise<string[]> {
	const { shown = false, cwd = process.cwd(), variables = {} } = options;
	return new Promise((resolve) => {
		const child = spawn(program, args, {
			cwd,
			env: { ...environment, ...variables },
			stdio: ["ignore", shown ? "inherit" : "pipe", shown ? "inherit" : "pipe"],
		});
		let said = "";
		child.stdout?.on("data", (bytes) => {
			said += bytes;
		});
		child.stderr?.on("data", (bytes) => {
			said += bytes;
		});
		child.on("error", (error) => resolve([`${program} could not be started: ${error.message}`]));
		child.on("close", (code, signal) => {
			if (code === 0) resolve([]);
			else resolve([said.trim() || `${program} ended with ${signal ?? code}`]);
		});
	});
}

/** What a program printed on its standard output; throws when it fails. */
export async function outputOf(program: string, args: string[]): Promise<string> {
	return new Promise((resolve, reject) => {
		const child = spawn(program, args, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
		let output = "";
		let complaints = "";
		child.stdout.on("data", (bytes) => {
			output += bytes;
		});
		child.stderr.on("data", (bytes) => {
			complaints += bytes;
		});
		child.on("error", reject);
		child.on("close", (code) => {
			if (code === 0) resolve(output);
			else reject(new Error(`${program} ended with ${code}: ${complaints.trim() || output.trim()}`));
		});
	});
}
