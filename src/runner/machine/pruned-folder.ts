// A folder of things that may go at any time: what was not used for long, or is too much, is removed before a runner's first
// job, the oldest first. What cannot be looked at or removed stays, and is told: it keeps no runner from starting.
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { EventLog } from "../event-log.ts";
import { removeFolder } from "../job/job-folder.ts";

export interface Pruning {
	bytesMax: number;
	unusedMsMax: number;
	now: number;
	eventLog: EventLog;
	/** When a thing was used last: the folder itself is touched, or any file in it is read or written. */
	usedBy: "touch" | "files";
}

interface Kept {
	name: string;
	usedAt: number;
	bytes: number;
}

/** Each entry goes or stays as a whole: half of a tool's cache may be worse than none. */
export async function pruneFolder(folder: string, pruning: Pruning): Promise<void> {
	const { bytesMax, unusedMsMax, now, eventLog, usedBy } = pruning;
	const kept = listFolder(folder).flatMap((name): Kept[] => {
		try {
			return [{ name, ...measure(join(folder, name), usedBy) }];
		} catch (error) {
			eventLog("cache-kept", { name, reason: String(error) });
			return [];
		}
	});
	let bytes = 0;
	for (const entry of kept.sort((a, b) => b.usedAt - a.usedAt)) {
		bytes += entry.bytes;
		if (bytes <= bytesMax && now - entry.usedAt <= unusedMsMax) continue;
		try {
			await removeFolder(join(folder, entry.name));
			eventLog("cache-removed", { name: entry.name, bytes: entry.bytes });
		} catch (error) {
			eventLog("cache-kept", { name: entry.name, reason: String(error) });
		}
	}
}

function measure(path: string, usedBy: Pruning["usedBy"]): Pick<Kept, "usedAt" | "bytes"> {
	const own = statSync(path);
	if (!own.isDirectory()) return { usedAt: own.mtimeMs, bytes: own.size };
	let usedAt = own.mtimeMs;
	let bytes = 0;
	for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
		if (!entry.isFile()) continue;
		const file = statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false });
		bytes += file?.size ?? 0;
		if (usedBy === "files") usedAt = Math.max(usedAt, file?.mtimeMs ?? 0, file?.atimeMs ?? 0);
	}
	return { usedAt, bytes };
}

function listFolder(path: string): string[] {
	try {
		return readdirSync(path);
	} catch {
		return [];
	}
}
