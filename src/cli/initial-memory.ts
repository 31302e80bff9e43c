// What a process was started with stays readable in /proc for its whole life, by every process of the same user: so by a job
// that is not isolated. A program cannot ask for another environment, but that text lies in its own memory, and it may write there.
import { Buffer } from "node:buffer";
import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";

/** proc_pid_stat(5), which counts from 1. */
const fields = { argumentsBegin: 48, argumentsEnd: 49, environmentBegin: 50, environmentEnd: 51 };
/** A shorter text would be found where it means something else; every token of a server's is longer. */
const secretLengthMin = 16;
/** What Linux allows for arguments and environment together is 6 MiB. */
const bytesMax = 8 * 1024 * 1024;

/**
 * Overwrites the environment that this process was started with, and each place in its first arguments where `secret` stands.
 * `process.env` keeps what has no secret in it. False where the system has no such memory to write (anything but Linux, some
 * sandboxes): then it stays readable.
 */
export function eraseInitialMemory(secret: string): boolean {
	const isLong = secret.length >= secretLengthMin;
	for (const [name, value = ""] of Object.entries(process.env)) {
		if (isLong && value.includes(secret)) delete process.env[name];
		// A value that is set anew lies elsewhere from then on, out of what is erased below.
		else process.env[name] = value;
	}
	try {
		const stat = readFileSync("/proc/self/stat", "utf8");
		// The program's name, in brackets, may have blanks and brackets.
		const rest = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
		const place = (begin: number, end: number) => {
			const from = Number(rest[begin - 3]);
			const size = Number(rest[end - 3]) - from;
			return from > 0 && size >= 0 && size <= bytesMax ? { from, size } : null;
		};
		const words = place(fields.argumentsBegin, fields.argumentsEnd);
		const environment = place(fields.environmentBegin, fields.environmentEnd);
		if (words === null || environment === null) return false;
		const memory = openSync("/proc/self/mem", "r+");
		try {
			const isEmpty = write(memory, environment.from, Buffer.alloc(environment.size));
			return isEmpty && isLong && overwrite(memory, { ...words, secret: Buffer.from(secret) });
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
		if (!write(memory, from + at, nothing)) return false;
	}
	return true;
}

function write(memory: number, from: number, bytes: Buffer): boolean {
	return writeSync(memory, bytes, 0, bytes.length, from) === bytes.length;
}
