// Node's own SQLite, loaded when it is used: the command line's other parts do without.
import type { DatabaseSync } from "node:sqlite";

/** Node 22 warns that its SQLite is experimental whenever it is loaded; goes with Node 24. */
export async function sqlite(): Promise<typeof DatabaseSync> {
	const { emitWarning } = process;
	process.emitWarning = () => {};
	try {
		return (await import("node:sqlite")).DatabaseSync;
	} finally {
		process.emitWarning = emitWarning;
	}
}
