// What a machine has for a runner, asked of the machine itself: each program is started once, and the way of holding jobs
// together is tried. `spillway doctor` prints it.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { chooseContainment } from "../process/containment.ts";
import { programPath } from "./programs.ts";

export interface Finding {
	what: string;
	/** A runner works without what is only a `note`. */
	state: "ok" | "note" | "fault";
	text: string;
}

/** README and package.json say the same. */
const nodeMajorMin = 20;
/** A program that does not say its version by then hangs. */
const programMs = 10_000;

export async function checkMachine(): Promise<Finding[]> {
	return [
		checkNode(process.versions.node),
		...(await Promise.all([
			checkProgram("git", ["--version"]),
			checkProgram("bash", ["--version"]),
			checkProgram("perl", ["-e", 'printf "perl %vd", $^V']),
			checkContainment(),
			checkSandbox(),
		])),
	];
}

export function checkNode(version: string): Finding {
	const isOld = Number.parseInt(version, 10) < nodeMajorMin;
	return {
		what: "node",
		state: isOld ? "fault" : "ok",
		text: isOld ? `${version} is older than ${nodeMajorMin}` : version,
	};
}

async function checkProgram(name: string, words: string[]): Promise<Finding> {
	try {
		const path = programPath(name);
		const { stdout } = await promisify(execFile)(path, words, { timeout: programMs });
		return { what: name, state: "ok", text: `${stdout.split("\n")[0]} (${path})` };
	} catch (error) {
		return { what: name, state: "fault", text: firstLine(error) };
	}
}

async function checkContainment(): Promise<Finding> {
	const what = "jobs are held by";
	try {
		const { kind, parent, why } = await chooseContainment("auto");
		const text = [`${kind}${parent === "" ? "" : ` (${parent})`}`, ...why].join("; ");
		return { what, state: kind === "group" ? "note" : "ok", text };
	} catch (error) {
		return { what, state: "fault", text: firstLine(error) };
	}
}

async function checkSandbox(): Promise<Finding> {
	const what = "sandbox (bwrap)";
	try {
		const words = ["--ro-bind", "/", "/", "--unshare-pid", "--proc", "/proc", "true"];
		await promisify(execFile)(programPath("bwrap"), words, { timeout: programMs });
		return { what, state: "ok", text: "works" };
	} catch (error) {
		return { what, state: "note", text: firstLine(error) };
	}
}

/** Node puts the command before what the program said. */
function firstLine(error: unknown): string {
	const lines = (error instanceof Error ? error.message : String(error)).split("\n").filter((line) => line !== "");
	return lines.find((line) => !line.startsWith("Command failed")) ?? lines[0] ?? "";
}
