// Whether this machine can run jobs at all: its folders are there and take files, the disk has room, and the programs that every
// job needs can be started. What it finds is said in words, for whoever has to mend it.
import { execFile } from "node:child_process";
import { accessSync, closeSync, constants, fsyncSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

/** With less than this a checkout or a log has no room: no job is begun, and an unwell runner stays so. */
export const roomBytes = 16 * 1024 * 1024;
/** Written and taken away again: less than this fits where a quota is used up that a file system does not count. */
const probeBytes = 64 * 1024;
/** A program that does not even say its version in this time hangs. */
const programMs = 10_000;

export interface MachineParts {
	/** The runner's folder, and its folder of jobs. */
	folder: string;
	jobs: string;
	/** The hooks' programs. */
	hooks: readonly string[];
	hostEnv: NodeJS.ProcessEnv;
}

/** Null: nothing is wrong that costs no more than some system calls to find. Asked before each job. */
export function quickFault({ jobs }: Pick<MachineParts, "jobs">): string | null {
	try {
		const { bavail, bsize, files, ffree } = statfsSync(jobs);
		// Some file systems do not count files, and say that there are none.
		if (files > 0 && ffree === 0) return "its disk has room for no further file";
		return bavail * bsize < roomBytes ? `its disk is full: ${Math.floor((bavail * bsize) / 1_024)} KiB are left` : null;
	} catch (error) {
		return `its folder of jobs cannot be used: ${textOf(error)}`;
	}
}

/** All of it; null when the machine is well. */
export async function machineFault(parts: MachineParts): Promise<string | null> {
	return quickFault(parts) ?? writeFault(parts) ?? (await programFault(parts));
}

function writeFault({ jobs, folder, hooks }: MachineParts): string | null {
	const probe = join(folder, "probe");
	try {
		accessSync(jobs, constants.R_OK | constants.W_OK | constants.X_OK);
		const fd = openSync(probe, "w", 0o600);
		try {
			writeSync(fd, Buffer.alloc(probeBytes));
			fsyncSync(fd);
		} finally {
			closeSync(fd);
		}
		rmSync(probe);
	} catch (error) {
		return `its folder takes no files: ${textOf(error)}`;
	}
	for (const hook of hooks) {
		try {
			accessSync(hook, constants.X_OK);
		} catch (error) {
			return `its hook cannot be run: ${textOf(error)}`;
		}
	}
	return null;
}

async function programFault({ hostEnv }: MachineParts): Promise<string | null> {
	for (const program of ["bash", "git"]) {
		try {
			await promisify(execFile)(program, ["--version"], { timeout: programMs, env: { PATH: hostEnv.PATH } });
		} catch (error) {
			return `${program} cannot be started: ${textOf(error)}`;
		}
	}
	return null;
}

function textOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
