// The settings of issuers on one machine: what the environment names wins, else two files of the data folder. What is in them is read
// by the Worker, which says what is wrong with it; here only a file that cannot be read is told.
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface ServerIssuers {
	SPILLWAY_ISSUERS?: string;
	SPILLWAY_ISSUER_SECRETS?: string;
}

const files = { SPILLWAY_ISSUERS: "issuers.json", SPILLWAY_ISSUER_SECRETS: "issuer-secrets.json" } as const;
/** More than twenty issuers need. */
const bytesMax = 262_144;

/** Without one that is not set, so that what a build has of it stands. Throws with one line for a file that is there and no use. */
export function loadIssuers(folder: string, environment: NodeJS.ProcessEnv): ServerIssuers {
	const found: ServerIssuers = {};
	for (const name of ["SPILLWAY_ISSUERS", "SPILLWAY_ISSUER_SECRETS"] as const) {
		const text = environment[name] || readFile(join(folder, files[name]));
		if (text) found[name] = text;
	}
	return found;
}

function readFile(file: string): string | null {
	try {
		const text = readFileSync(file, "utf8");
		if (text.length > bytesMax) throw new Error(`it has more than ${bytesMax} bytes`);
		return text;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
		throw new Error(`${file} cannot be read: ${error instanceof Error ? error.message : error}`);
	}
}
