// A terminal that remembers what it was shown, for the tests of commands.
import type { Io } from "../cli/io.ts";
import { runCommandLine } from "../cli/program.ts";

export interface Shown {
	code: number;
	out: string;
	err: string;
}

interface Terminal {
	input?: string | Uint8Array;
	hasColors?: boolean;
	/** Absent: a pipe. */
	columns?: number | null;
	isWatched?: boolean;
	retry?: Io["retry"];
	environment?: object;
	/** Resolves when somebody presses ctrl-c; absent: nobody does. */
	interrupted?: Promise<void>;
}

/** Runs a command line against the API as a person with a token would. */
export async function run(
	api: { url: string },
	words: string[],
	{ input = "", hasColors = false, columns = null, isWatched = false, environment, interrupted, retry }: Terminal = {},
): Promise<Shown> {
	let err = "";
	const out: Uint8Array[] = [];
	const io: Io = {
		out: (text) => void out.push(Buffer.from(text)),
		pipe: async (bytes) => void out.push(bytes),
		err: (text) => {
			err += text;
		},
		readInput: async () => Buffer.from(input),
		hasColors,
		columns,
		isWatched,
		...(retry ? { retry } : {}),
		environment: environment ? { ...environment } : { SPILLWAY_URL: api.url, SPILLWAY_TOKEN: "a-token" },
		stopped: () => interrupted?.then(() => "signal" as const) ?? new Promise(() => {}),
	};
	const code = await runCommandLine(words, io);
	return { code, out: Buffer.concat(out).toString(), err };
}
