// Recordings of releases, in `test/releases`, one folder each: the release's program, a data folder that it left behind, and the
// messages and calls that it sent. Folders are one file each, since git keeps every version of them for ever.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { root } from "../child.ts";

export const releases = join(root, "test/releases");

/** What the release left behind, and what must come of it. */
export interface LeftBehind {
	/** The clock as it stood when the server was killed. */
	at: number;
	operatorToken: string;
	owner: string;
	runs: Record<
		| "archived"
		| "expired"
		| "recalled"
		| "waiting"
		| "running"
		| "backingOff"
		| "paused"
		| "keyed"
		| "spilled"
		| "gone",
		string
	>;
	/** The job that ran: its lease's token, what its log has, and the token of the runner that held it. */
	running: { job: string; leaseToken: string; lease: string; log: string; runnerToken: string };
	/** Of a runner that had a session. */
	sessionToken: string;
	revokedToken: string;
	readToken: string;
	/** A finished attempt's log in the archive. */
	sealed: { job: string; log: string };
	registerToken: string;
}

export interface RecordedMessage {
	queue: string;
	body: unknown;
}

/** The newest last: a name begins with the day of its commit. */
export function releaseNames(): string[] {
	return readdirSync(releases, { withFileTypes: true })
		.filter((entry) => entry.isDirectory())
		.map(({ name }) => name)
		.sort();
}

export function lastRelease(): string {
	const name = releaseNames().at(-1);
	if (name === undefined) throw new Error(`no release is recorded in ${releases}`);
	return name;
}

export function readRecorded<T>(release: string, file: "left.json" | "messages.json" | "calls.json"): T {
	return JSON.parse(readFileSync(join(releases, release, file), "utf8")) as T;
}

export function packFolder(folder: string, file: string): void {
	const { stdout, status } = spawnSync("tar", ["-c", "--format", "ustar", "-C", folder, "."], { maxBuffer: 2 ** 28 });
	if (status !== 0) throw new Error(`tar could not pack ${folder}`);
	const params = { [constants.BROTLI_PARAM_SIZE_HINT]: stdout.length, [constants.BROTLI_PARAM_LGWIN]: 24 };
	writeFileSync(file, brotliCompressSync(stdout, { params }));
}

/** The target must be there. */
export function unpackFolder(release: string, file: "data.tar.br" | "program.tar.br", target: string): void {
	const input = brotliDecompressSync(readFileSync(join(releases, release, file)));
	const { status, stderr } = spawnSync("tar", ["-x", "-C", target], { input });
	if (status !== 0) throw new Error(`tar could not unpack ${file} of ${release}: ${String(stderr)}`);
}
