// The disk under the data folder: how much of it is free. What follows from that the Worker decides, which asks at most once a
// second, when it is about to write.
import { statfs } from "node:fs/promises";

const mib = 1_048_576;
/** Below this workerd cannot make the files that it needs to begin with, and would die of it again and again. */
const startMibMin = 4;

export interface DiskFigures {
	freeBytes: number;
	reserveBytes: number;
}

export class Disk {
	readonly folder: string;
	readonly #reserveMib: number;

	constructor(folder: string, reserveMib: number) {
		this.folder = folder;
		this.#reserveMib = reserveMib;
	}

	/** What this process's user may still write. A disk that does not say counts as empty: nobody is shut out by that. */
	async figures(): Promise<DiskFigures> {
		const { bavail, bsize } = await statfs(this.folder).catch(() => ({ bavail: Number.MAX_SAFE_INTEGER, bsize: 1 }));
		return { freeBytes: bavail * bsize, reserveBytes: this.#reserveMib * mib };
	}

	/** In one line why no server can start on it; null when one can. */
	async complaint(): Promise<string | null> {
		const free = (await this.figures()).freeBytes / mib;
		if (free >= startMibMin) return null;
		return `the disk under ${this.folder} is full: ${Math.floor(free)} MiB are free, ${startMibMin} are needed to start`;
	}
}
