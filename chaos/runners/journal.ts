// What line runners saw, line by line in a file: it is there also when their process was killed in the middle of a call.
import { appendFileSync, readFileSync } from "node:fs";
import type { JobId, LeaseId, Millis } from "../../src/domain/ids.ts";

/** `sentAt`: just before the call was first made; `at`: when its answer was read. All runners and the driver share one clock. */
export type Entry =
	| Started
	/** The server said that the log has so many bytes. */
	| { what: "stored"; at: Millis; lease: LeaseId; bytes: number }
	| { what: "finished"; sentAt: Millis; at: Millis; lease: LeaseId; bytes: number; outcome: string }
	/** The lease is somebody else's, or over, and the runner has said of it what it had: `by` is the call that was told so. */
	| { what: "gone"; at: Millis; lease: LeaseId; by: string; code: string };

export interface Started {
	what: "started";
	sentAt: Millis;
	at: Millis;
	lease: LeaseId;
	/** For what the next process has to say of it. */
	token: string;
	job: JobId;
	attempt: number;
	lines: number;
	runner: string;
}

export class Journal {
	readonly #file: string;

	constructor(file: string) {
		this.#file = file;
	}

	add(entry: Entry): void {
		appendFileSync(this.#file, `${JSON.stringify(entry)}\n`);
	}
}

/** A line that a kill cut short is none. */
export function readJournal(file: string): Entry[] {
	let text = "";
	try {
		text = readFileSync(file, "utf8");
	} catch (cause) {
		if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
	}
	return text.split("\n").flatMap((line) => {
		try {
			return [JSON.parse(line) as Entry];
		} catch {
			return [];
		}
	});
}
