// Files that a job may have written, read so that they can do no harm: a pipe would make the runner wait for ever, a link
// would have it read what the job itself may not see, and a large one would fill its memory.
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

const bytesMax = 4_096;

/** The text of a small plain file; null for whatever else has that name. */
export function readPlainFile(path: string): string | null {
	let fd: number;
	try {
		fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
	} catch {
		return null;
	}
	try {
		const { size } = fstatSync(fd);
		if (!fstatSync(fd).isFile() || size > bytesMax) return null;
		const buffer = Buffer.alloc(size);
		return buffer.toString("utf8", 0, readSync(fd, buffer, 0, size, 0));
	} finally {
		closeSync(fd);
	}
}
