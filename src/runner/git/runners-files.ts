// Which of the machine's files a run may name as its repository. Git reads them for the job, outside of its sandbox, so what
// the runner keeps of other jobs (their folders, the cache of their repositories) must be none of them; nor may a repository that a
// job made where jobs write, since it can borrow the objects of any other.
import { realpathSync } from "node:fs";
import { dirname } from "node:path";

/** Null, or why a repository at this URL is not for jobs: `folders` are the runner's, and what its jobs share. */
export function runnersFileFault(cloneUrl: string, folders: readonly (string | null)[]): string | null {
	if (!cloneUrl.startsWith("file:")) return null;
	const path = decoded(cloneUrl.slice("file://".length));
	if (path.split("/").includes("..")) return "checkout: a clone URL of the machine's files may not have `..` in it";
	const found = nearest(path);
	// What these lead to depends on who looks, and git is another process than this one.
	if ([path, found].some((each) => /^\/+(?:\.?\/+)*(?:proc|dev)(?:\/|$)/.test(each))) {
		return "checkout: what is under /proc and /dev is no repository for jobs";
	}
	const isOwn = folders.some((folder) => folder !== null && `${found}/`.startsWith(`${nearest(folder)}/`));
	return isOwn ? "checkout: the clone URL leads into a folder of the runner's, which is not for jobs" : null;
}

/** As git decodes it: byte by byte, and what is no escape stays. */
function decoded(text: string): string {
	const bytes = Buffer.from(text)
		.toString("latin1")
		.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
	return Buffer.from(bytes, "latin1").toString();
}

/** Where links lead; of what is not there, the nearest folder that is. */
function nearest(path: string): string {
	try {
		return realpathSync(path);
	} catch {
		return dirname(path) === path ? path : nearest(dirname(path));
	}
}
