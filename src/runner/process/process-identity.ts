// Which process a number meant when it was written down. A process id alone is used again sooner or later, so the start
// time stands beside it: what was recorded by a runner that died is killed only if it is still the same process.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";

export interface ProcessIdentity {
	pid: number;
	/** Differs between any two processes that have the same id, also across a restart of the machine. */
	startedAt: string;
}

/** Null when there is no such process. */
export async function identify(pid: number): Promise<ProcessIdentity | null> {
	const startedAt = process.platform === "linux" ? startOnLinux(pid) : await startByPs(pid);
	return startedAt === null ? null : { pid, startedAt };
}

export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
	return (await identify(identity.pid))?.startedAt === identity.startedAt;
}

/** False when nobody is in the group any more. */
export function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
	try {
		return process.kill(-pid, signal);
	} catch (error) {
		// EPERM on macOS: all that is left of the group are zombies.
		if (error instanceof Error && "code" in error && (error.code === "ESRCH" || error.code === "EPERM")) return false;
		throw error;
	}
}

/** Clock ticks since boot, and the boot they count from. The name in the second field may itself contain `)`. */
function startOnLinux(pid: number): string | null {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
		const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
		const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
		return fields[0] === "Z" ? null : `${fields[19]}@${boot}`;
	} catch {
		return null;
	}
}

async function startByPs(pid: number): Promise<string | null> {
	try {
		const { stdout } = await promisify(execFile)("ps", ["-o", "lstart=", "-p", String(pid)]);
		return stdout.trim() || null;
	} catch {
		return null;
	}
}
