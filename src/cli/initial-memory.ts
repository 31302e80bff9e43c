// What a process was started with stays readable in /proc for its whole life, by every process of the same user: so by a job
// that is not isolated. A program cannot ask for another environment, but that text lies in its own memory, and it may write there.
import { Buffer } from "node:buffer";
import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";

/** proc_pid_stat(5) counts from 1; arguments and environment lie one behind the other. */
const fields = { argumentsBegin: 48, environmentEnd: 51 };
/** A shorter text would be found where it means something else; every token of a server's is longer. */
const secretLengthMin = 16;
/** What Linux allows for both together is 6 MiB. */
const bytesMax = 8 * 1024 * 1024;

/**
 * Overwrites each place where `secret` stands in the process's own first arguments and environment. False where the system has no
 * such memory to write (anything but Linux, some sandboxes): then it stays readable.
 */
export function eraseFromInitialMemory(secret: string): boolean {
	if (secret.length < secretLengthMin) return false;
	for (const [name, value] of Object.entries(process.env)) if (value?.includes(secret)) delete process.env[name];
	try {
		const stat = readFileSync("/proc/self/stat", "utf8");
		// The program's name, in brackets, may have blanks and brackets.
		const rest = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
		const from = Number(rest[fields.argumentsBegin - 3]);
		const size = Number(rest[fields.environmentEnd - 3]) - from;
		if (!(from > 0 && size > 0 && size <= bytesMax)) return false;
		const memory = openSync("/proc/self/mem", "r+");
		try {
			return overwrite(memory, { from, size, secret: Buffer.from(secret) });
		} finally {
			closeSync(memory);
		}
	} catch {
		return false;
	}
}

function overwrite(memory: number, { from, size, secret }: { from: number; size: number; secret: Buffer }): boolean {
	const text = Buffer.alloc(size);
	if (readSync(memory, text, 0, size, from) !== size) return false;
	const nothing = Buffer.alloc(secret.length, "x");
	for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + secret.length)) {
		if (writeSync(memory, nothing, 0, nothing.length, from + at) !== nothing.length) return false;
	}
	return true;
}
