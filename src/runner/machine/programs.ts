// Where the runner's own programs are. They are looked for once, in the machine's PATH as a login has it, so that neither a
// job's PATH nor a folder that a job can write decides what the runner starts.
import { accessSync, constants, statSync } from "node:fs";
import { join } from "node:path";
import { loginPath } from "./own-env.ts";

const found = new Map<string, string>();

/** The absolute path of a program; throws when the machine has none of that name. */
export function programPath(name: string, path = process.env.PATH): string {
	const folders = loginPath(path);
	const key = `${name}:${folders}`;
	const known =
		found.get(key) ??
		folders
			.split(":")
			.map((folder) => join(folder, name))
			.find(isProgram);
	if (known === undefined) throw new Error(`there is no ${name} on this machine (in ${folders})`);
	found.set(key, known);
	return known;
}

function isProgram(path: string): boolean {
	try {
		accessSync(path, constants.X_OK);
		return statSync(path).isFile();
	} catch {
		return false;
	}
}
