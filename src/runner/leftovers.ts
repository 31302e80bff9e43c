// What the runner could not delete: a job's files of another user, ones that are immutable, a file system that is read-only just
// now. No job and no start waits for that: it is said once and tried again, until it is gone or the runner ends; the next start
// finds it again.
import type { EventLog } from "./event-log.ts";
import { removeFolder } from "./job/job-folder.ts";

/** Somebody may have mended it meanwhile; a try costs a walk through what is left. */
const againMs = 10 * 60_000;

export class Leftovers {
	readonly #eventLog: EventLog;
	/** By what is left: how it is deleted. */
	readonly #left = new Map<string, () => Promise<void>>();
	#timer: NodeJS.Timeout | undefined;

	constructor(eventLog: EventLog) {
		this.#eventLog = eventLog;
	}

	/** Deletes a folder and all in it, now or later. False: later. Never rejects. */
	async remove(path: string, how: () => Promise<void> = () => removeFolder(path)): Promise<boolean> {
		try {
			await how();
			if (this.#left.delete(path)) this.#eventLog("leftover-removed", { path });
			return true;
		} catch (error) {
			if (!this.#left.has(path)) this.#eventLog("left-behind", { path, reason: String(error) });
			this.#left.set(path, how);
			this.#timer ??= setInterval(() => void this.removeAll(), againMs).unref();
			return false;
		}
	}

	async removeAll(): Promise<void> {
		for (const [path, how] of [...this.#left]) await this.remove(path, how);
		if (this.#left.size === 0) this.close();
	}

	close(): void {
		clearInterval(this.#timer);
		this.#timer = undefined;
	}
}
