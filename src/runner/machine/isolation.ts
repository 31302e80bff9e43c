// A command put before each step's own, so that it runs in a sandbox or a container. The runner only fills in the job's
// places and names; what they isolate, and how well, is the command's business. The checkout is not wrapped: it runs nothing of
// the repository's.
import { realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import type { JobFolder } from "../job/job-folder.ts";
import { quoted } from "../process/shell-quote.ts";

/**
 * Reads everything but the user's home, the runner's folder and other jobs; writes only its own folder and an empty `/tmp`;
 * sees only its own processes, and has no rights of root's, should the runner run as root. The network is the machine's, and
 * so are the sockets under /run: a user who may use Docker's gets out by it.
 */
export const bubblewrap = [
	"bwrap --die-with-parent --new-session --unshare-user-try --unshare-pid --unshare-ipc --unshare-uts --cap-drop ALL",
	"--ro-bind / / --dev /dev --proc /proc --tmpfs /tmp {hideHome} --tmpfs {runner}",
	"--bind {job} {job} --chdir {work} --",
].join(" ");

/** The same, with the folder that jobs share. */
export const bubblewrapWithCache = bubblewrap.replace("--chdir", "--bind {cache} {cache} --chdir");

export interface Places {
	folder: JobFolder;
	/** The runner's own. */
	runner: string;
	hostHome: string;
	/** What jobs share; null: nothing. */
	cache: string | null;
	/** The variables that the job has. */
	names: string[];
}

const placeholder = /\{(\w+)\}/g;

/** Null when each placeholder is one that is filled in. */
export function templateFault(template: string, { hasCache }: { hasCache: boolean }): string | null {
	const known = new Set([
		"job",
		"work",
		"home",
		"tmp",
		"runner",
		"hostHome",
		"hideHome",
		"env",
		...(hasCache ? ["cache"] : []),
	]);
	const unknown = [...template.matchAll(placeholder)].find(([, name = ""]) => !known.has(name));
	return unknown ? `there is no ${unknown[0]} to fill in` : null;
}

/** Where the runner's user is at home, without links. A service's user may have a home that is not there. */
export function hostHomeOf({ HOME }: NodeJS.ProcessEnv): string {
	const home = HOME || homedir();
	try {
		return realpathSync(home);
	} catch {
		return home;
	}
}

/** There is nothing to hide in one that is not there; and one that is all of the system is nobody's. */
function isHome(path: string): boolean {
	return path !== "/" && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** A bash script that takes the step's command as its arguments. */
export function wrapperScript(template: string, { folder, runner, hostHome, cache, names }: Places): string {
	const values: Record<string, string> = {
		job: quoted(folder.path),
		work: quoted(folder.work),
		home: quoted(folder.home),
		tmp: quoted(folder.temporary),
		runner: quoted(runner),
		hostHome: quoted(hostHome),
		hideHome: isHome(hostHome) ? `--tmpfs ${quoted(hostHome)}` : "",
		...(cache === null ? {} : { cache: quoted(cache) }),
		// Names only: values would stand in the process list.
		env: names.map((name) => `--env ${name}`).join(" "),
	};
	return `exec ${template.replaceAll(placeholder, (whole, name: string) => values[name] ?? whole)} "$@"\n`;
}
