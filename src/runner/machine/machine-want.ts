// What the machine ran out of while a step failed: memory, when the kernel killed for it, and room on the disk that the job
// works on. It may have been the job's own doing, so it explains a failure and does not excuse it.
import { readFileSync, statfsSync } from "node:fs";

export interface MachineState {
	/** Processes that the kernel killed for want of memory so far; null where that cannot be known. */
	memoryKills: number | null;
	isDiskFull: boolean;
}

/** Less than a block or two for any program, and some file systems keep a little back. */
const diskFullBytes = 1024 * 1024;

/** `path` is on the disk that is meant. */
export function machineState(path: string): MachineState {
	return { memoryKills: memoryKills(), isDiskFull: isFull(path) };
}

/** Null where nothing is wanting. Who sent a `SIGKILL` that the runner did not is said in any case. */
export function wantOf(
	before: MachineState,
	after: MachineState,
	{ signal }: { signal: string | null },
): string | null {
	const kills = (after.memoryKills ?? 0) - (before.memoryKills ?? 0);
	const wants = [
		...(signal === "SIGKILL" && kills > 0
			? ["the machine ran out of memory meanwhile, and the kernel killed for it"]
			: []),
		...(signal === "SIGKILL" && kills === 0 ? ["the runner did not send it"] : []),
		...(after.isDiskFull ? ["the disk that it works on is full"] : []),
	];
	return wants.length === 0 ? null : wants.join("; ");
}

function memoryKills(): number | null {
	return countIn("/proc/vmstat", "oom_kill") ?? countIn("/sys/fs/cgroup/memory.events", "oom_kill");
}

function countIn(file: string, name: string): number | null {
	try {
		const [, count] = new RegExp(`^${name} (\\d+)$`, "m").exec(readFileSync(file, "latin1")) ?? [];
		return count === undefined ? null : Number(count);
	} catch {
		return null;
	}
}

/** No room, or no file more. Some file systems do not count files, and say that there are none. */
function isFull(path: string): boolean {
	try {
		const { bavail, bsize, files, ffree } = statfsSync(path);
		return bavail * bsize < diskFullBytes || (files > 0 && ffree === 0);
	} catch {
		return false;
	}
}
