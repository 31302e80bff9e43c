// Whether the kernel killed processes because the machine, or the runner's own part of it, ran out of memory.
import { readFileSync } from "node:fs";

/** How many it killed so far; null where that cannot be known. */
export function memoryKills(): number | null {
	const machine = countIn("/proc/vmstat", "oom_kill");
	return machine ?? countIn("/sys/fs/cgroup/memory.events", "oom_kill");
}

function countIn(file: string, name: string): number | null {
	try {
		const [, count] = new RegExp(`^${name} (\\d+)$`, "m").exec(readFileSync(file, "latin1")) ?? [];
		return count === undefined ? null : Number(count);
	} catch {
		return null;
	}
}
