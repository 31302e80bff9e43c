// A job's log on this machine's disk, from its first byte until the server has all of it: what lets a job go on while the
// server is down. Reads are never held back for a slow server: `bytesMax` bounds the file, so a full log waits here and the
// job does not. Writes are synchronous, into the page cache: no chunk waits in memory, so a flood of output needs none.
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, writeSync } from "node:fs";

/** Kept back for the line that says what was left out; the line is shorter than this. */
const noticeBytesMax = 160;

export class LogSpool {
	readonly #fd: number;
	readonly #bytesMax: number;
	readonly #hash = createHash("sha256");
	readonly #onGrowth: () => void;
	readonly #onFailure: (error: Error) => void;
	/** The bytes that either still fit at the end or make room for the notice. */
	#held: Buffer = Buffer.alloc(0);
	#length = 0;
	#leftOut = 0;
	#isFull = false;
	#endsLine = true;

	constructor(options: { path: string; bytesMax: number; onGrowth: () => void; onFailure: (error: Error) => void }) {
		this.#fd = openSync(options.path, "wx+", 0o600);
		this.#bytesMax = options.bytesMax;
		this.#onGrowth = options.onGrowth;
		this.#onFailure = options.onFailure;
	}

	/** Bytes that can be read and sent. */
	get length(): number {
		return this.#length;
	}

	/** Where the next byte goes. */
	get position(): number {
		return this.#length + this.#held.length;
	}

	get leftOut(): number {
		return this.#leftOut;
	}

	append(bytes: Uint8Array): void {
		if (bytes.length === 0) return;
		this.#endsLine = bytes.at(-1) === 0x0a;
		if (this.#isFull) {
			this.#leftOut += bytes.length;
			return;
		}
		const plain = Math.max(0, this.#bytesMax - noticeBytesMax - this.#length);
		this.#write(bytes.subarray(0, plain));
		const rest = bytes.subarray(plain);
		if (rest.length === 0) return;
		if (!this.#isFull && this.position + rest.length <= this.#bytesMax) {
			this.#held = Buffer.concat([this.#held, rest]);
			return;
		}
		this.#isFull = true;
		this.#leftOut += this.#held.length + rest.length;
		this.#held = Buffer.alloc(0);
	}

	/** A line of the runner's own, which begins a line whatever the job printed last. Returns where it begins. */
	note(text: string): number {
		if (!this.#endsLine) this.append(Buffer.from("\n"));
		const at = this.position;
		this.append(Buffer.from(`${text}\n`));
		return at;
	}

	/** Nothing is appended after it; reads go on. */
	seal(): { length: number; sha256: string } {
		this.#write(this.#held);
		this.#held = Buffer.alloc(0);
		if (this.#isFull) this.#write(Buffer.from(noticeOf(this.#bytesMax, this.#leftOut)));
		return { length: this.#length, sha256: this.#hash.digest("hex") };
	}

	/** Bytes from `offset`, at most `bytesMax`. */
	read(offset: number, bytesMax: number): Uint8Array {
		const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(bytesMax, this.#length - offset)));
		let filled = 0;
		while (filled < buffer.length) {
			const length = readSync(this.#fd, buffer, filled, buffer.length - filled, offset + filled);
			if (length === 0) break;
			filled += length;
		}
		return buffer.subarray(0, filled);
	}

	close(): void {
		closeSync(this.#fd);
	}

	/** A full disk keeps what was written before it: length and hash speak of exactly that. */
	#write(bytes: Uint8Array): void {
		let written = 0;
		try {
			while (written < bytes.length) {
				const length = writeSync(this.#fd, bytes, written, bytes.length - written, this.#length);
				this.#hash.update(bytes.subarray(written, written + length));
				this.#length += length;
				written += length;
			}
		} catch (error) {
			this.#isFull = true;
			this.#leftOut += bytes.length - written;
			this.#onFailure(error instanceof Error ? error : new Error(String(error)));
		}
		if (written > 0) this.#onGrowth();
	}
}

function noticeOf(bytesMax: number, leftOut: number): string {
	return `\n\u001b[1;33mThe log is at its limit of ${bytesMax} bytes: ${leftOut} bytes were left out.\u001b[0m\n`;
}
