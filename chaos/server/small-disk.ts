// The disk under the server's data, as small as it takes to fill it. Only root may mount one; elsewhere the data lies on the
// machine's own disk, which nobody fills.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";

const mib = 1_048_576;
/** What it holds when a chaos of a minute begins; each further minute stores this much more. */
const firstMib = 128;
const minuteMib = 6;
/** Below it the server takes no new work (SPILLWAY_DISK_RESERVE_MIB). */
export const reserveMib = 16;

export class SmallDisk {
	readonly folder: string;
	/** False: it is the machine's own. */
	readonly isSmall: boolean;
	readonly #mib: number;

	constructor(folder: string, minutes: number) {
		this.folder = folder;
		this.#mib = Math.ceil(firstMib + minutes * minuteMib);
		mkdirSync(folder);
		const words = ["-t", "tmpfs", "-o", `size=${this.#mib}m`, "tmpfs", folder];
		this.isSmall = spawnSync("mount", words, { stdio: "ignore" }).status === 0;
	}

	/** Somebody else's file, so large that this much stays free. */
	async fill(leaveMib: number): Promise<void> {
		if (!this.isSmall) return;
		const { bavail, bsize } = await statfs(this.folder);
		const bytes = leaveMib === 0 ? this.#mib * mib : Math.max(0, bavail * bsize - leaveMib * mib);
		await writeFile(this.#others, Buffer.alloc(bytes)).catch((failure: NodeJS.ErrnoException) => {
			if (failure.code !== "ENOSPC") throw failure;
		});
	}

	async clear(): Promise<void> {
		await rm(this.#others, { force: true });
	}

	/** Everything on it is gone then. */
	close(): void {
		if (this.isSmall) spawnSync("umount", ["-l", this.folder], { stdio: "ignore" });
	}

	get #others(): string {
		return join(this.folder, "others");
	}
}
