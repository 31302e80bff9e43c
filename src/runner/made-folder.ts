// Folders of the runner's own, for its user's eyes only. Made one by one: Node's own recursion says ENOENT of a file system
// that is read-only.
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/** Makes the folder, and those above it. Throws what is in the way of the first that cannot be made. */
export function makeFolder(path: string): void {
	try {
		mkdirSync(path, { mode: 0o700 });
	} catch (error) {
		const code = error instanceof Error && "code" in error ? error.code : undefined;
		if (code === "ENOENT" && dirname(path) !== path && !isThere(dirname(path))) {
			makeFolder(dirname(path));
			mkdirSync(path, { mode: 0o700 });
		} else if (!(isThere(path) && statSync(path).isDirectory())) throw error;
	}
}

function isThere(path: string): boolean {
	return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
