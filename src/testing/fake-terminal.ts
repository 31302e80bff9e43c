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
	environment?: object;
}

/** Runs a command line against the API as a person with a token would. */
export async function run(
	api: { url: string },
	words: string[],
	{ input = "", hasColors = false, columns = null, environment }: Terminal = {},
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
		environment: environment ? { ...environment } : { SPILLWAY_URL: api.url, SPILLWAY_TOKEN: "a-token" },
		stopped: () => new Promise(() => {}),
	};
	const code = await runCommandLine(words, io);
	return { code, out: Buffer.concat(out).toString(), err };
}
