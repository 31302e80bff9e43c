// workerd does not die with the server that started it: after `kill -9` it goes on serving, and holds the data and the port.
// So each start gives it a name that nobody else has, writes its process id down, and the next start kills what is left.
// A process id is used again sooner or later; the name makes sure that it is ours.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const goneByMs = 5_000;
const lookMs = 20;

/** Sets the environment for `workerd.sh`, which Miniflare starts in place of the `workerd` at that path. */
export function nameWorkerd(folder: string, { script, workerd }: { script: string; workerd: string }): void {
	const name = `spillway-workerd-${randomBytes(12).toString("hex")}`;
	writeFileSync(nameFile(folder), name, { mode: 0o600 });
	rmSync(pidFile(folder), { force: true });
	process.env.SPILLWAY_WORKERD = workerd;
	process.env.SPILLWAY_WORKERD_NAME = name;
	process.env.SPILLWAY_WORKERD_PID_FILE = pidFile(folder);
	process.env.MINIFLARE_WORKERD_PATH = script;
}

/** Call it with the folder's lock held. Resolves to the process id that it killed, or null. */
export async function killOrphan(folder: string): Promise<number | null> {
	const name = read(nameFile(folder));
	const pid = Number(read(pidFile(folder)) ?? 0);
	if (name === null || pid <= 0 || !isNamed(pid, name)) return null;
	process.kill(pid, "SIGKILL");
	for (let waitedMs = 0; isNamed(pid, name); waitedMs += lookMs) {
		if (waitedMs > goneByMs) throw new Error(`process ${pid} of an earlier server does not die`);
		await sleep(lookMs);
	}
	return pid;
}

/** Inodes of what this folder's workerd has open; null when that cannot be seen: where there is no /proc, or while it starts. */
export async function openFiles(folder: string): Promise<Set<number> | null> {
	const name = read(nameFile(folder));
	const pid = Number(read(pidFile(folder)) ?? 0);
	const isSeen = () => name !== null && pid > 0 && isNamed(pid, name);
	if (!isSeen()) return null;
	try {
		const found = new Set<number>();
		for (const fd of await readdir(`/proc/${pid}/fd`)) {
			// One that was closed meanwhile has no inode any more.
			const opened = await stat(`/proc/${pid}/fd/${fd}`).catch(() => null);
			if (opened !== null) found.add(opened.ino);
		}
		return isSeen() && Number(read(pidFile(folder))) === pid ? found : null;
	} catch {
		return null;
	}
}

function isNamed(pid: number, name: string): boolean {
	return commandLine(pid).includes(name);
}

/** Empty when there is no such process, or when it is dead and only waits to be buried. */
function commandLine(pid: number): string {
	try {
		if (existsSync("/proc/self/cmdline")) return readFileSync(`/proc/${pid}/cmdline`, "latin1");
		return execFileSync("ps", ["-ww", "-o", "args=", "-p", String(pid)], { encoding: "utf8", stdio: "pipe" });
	} catch {
		return "";
	}
}

function read(file: string): string | null {
	try {
		return readFileSync(file, "utf8").trim();
	} catch {
		return null;
	}
}

function nameFile(folder: string): string {
	return join(folder, "workerd-name");
}

function pidFile(folder: string): string {
	return join(folder, "workerd-pid");
}
