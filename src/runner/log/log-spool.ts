// A job's log on this machine's disk, from its first byte until the server has all of it: what lets a job go on while the
// server is down. Reads are never held back for a slow server: `bytesMax` bounds the files, so a full log waits here and the
// job does not. Writes are synchronous, into the page cache: no chunk waits in memory, so a flood of output needs none.
// Past its limit a log keeps its head and its last part. Which part is last shows at the end, so it is sent only then: until
// then it turns in a ring, in a file of its own.
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, writeSync } from "node:fs";

/** Kept back for the line that says what was left out; the line is shorter than this. */
const noticeBytesMax = 200;
/** Of a log's limit the last part has a quarter, and no more than this: it is copied in one go when the job ends. */
const tailBytesMax = 8 * 1024 * 1024;
/** The last part begins with a whole line if there is one so near. */
const lineBytesMax = 4 * 1024;
const copyBytes = 1024 * 1024;

export interface LogSpoolOptions {
	/** The ring is at `path` with `.tail` after it. */
	path: string;
	bytesMax: number;
	onGrowth: () => void;
	/** The disk takes no more. What was written before stands. */
	onFailure: (error: Error) => void;
}

/** What was cut out of what was printed: bytes [from, to), for which `noticeBytes` stand. */
interface Cut {
	from: number;
	to: number;
	noticeBytes: number;
}

export class LogSpool {
	readonly #options: LogSpoolOptions;
	readonly #fd: number;
	readonly #hash = createHash("sha256");
	readonly #headBytes: number;
	readonly #ringBytes: number;
	#ringFd: number | null = null;
	#length = 0;
	/** Bytes that were appended, kept or not. */
	#printed = 0;
	#isBroken = false;
	#endsLine = true;
	#cut: Cut | null = null;

	constructor(options: LogSpoolOptions) {
		this.#options = options;
		this.#fd = openSync(options.path, "wx+", 0o600);
		this.#ringBytes = Math.min(Math.floor(options.bytesMax / 4), tailBytesMax) + noticeBytesMax;
		this.#headBytes = Math.max(0, options.bytesMax - this.#ringBytes);
	}

	/** Bytes that can be read and sent. */
	get length(): number {
		return this.#length;
	}

	/** Where the next byte goes, were all kept; `startOf` and `endOf` say where that is in the log that was sealed. */
	get position(): number {
		return this.#printed;
	}

	append(bytes: Uint8Array): void {
		if (bytes.length === 0) return;
		this.#endsLine = bytes.at(-1) === 0x0a;
		const plain = Math.max(0, this.#headBytes - this.#printed);
		this.#guarded(() => {
			this.#write(bytes.subarray(0, plain));
			this.#turn(bytes.subarray(plain), Math.max(0, this.#printed - this.#headBytes));
		});
		this.#printed += bytes.length;
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
		this.#guarded(() => this.#bringTail());
		return { length: this.#length, sha256: this.#hash.digest("hex") };
	}

	/** Where what begins at a position is in the sealed log: what was cut out begins with the line that says so. */
	startOf(position: number): number {
		return this.#placeOf(position, 0);
	}

	/** Where what ends at a position is in the sealed log. */
	endOf(position: number): number {
		return this.#placeOf(position, this.#cut?.noticeBytes ?? 0);
	}

	/** Bytes from `offset`, at most `bytesMax`. */
	read(offset: number, bytesMax: number): Uint8Array {
		const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(bytesMax, this.#length - offset)));
		return readInto(this.#fd, buffer, offset);
	}

	close(): void {
		closeSync(this.#fd);
		if (this.#ringFd !== null) closeSync(this.#ringFd);
	}

	#placeOf(position: number, insideCut: number): number {
		const cut = this.#cut;
		if (cut === null || position <= cut.from) return Math.min(position, this.#length);
		if (position < cut.to) return cut.from + insideCut;
		return Math.min(cut.from + cut.noticeBytes + position - cut.to, this.#length);
	}

	/** Moves what the ring has to the end of the log, behind the line about what it has not. */
	#bringTail(): void {
		const { bytesMax } = this.#options;
		if (this.#printed > bytesMax) {
			const from = this.#headBytes;
			const to = this.#lineStart(this.#printed - this.#ringBytes + noticeBytesMax);
			const notice = Buffer.from(noticeOf(bytesMax, to - from));
			this.#cut = { from, to, noticeBytes: notice.length };
			this.#write(notice);
		}
		for (let at = this.#cut?.to ?? this.#headBytes; at < this.#printed; at += copyBytes) {
			this.#write(this.#readRing(at, Math.min(copyBytes, this.#printed - at)));
		}
	}

	#lineStart(position: number): number {
		const end = this.#readRing(position, Math.min(lineBytesMax, this.#printed - position)).indexOf(0x0a);
		return end < 0 ? position : position + end + 1;
	}

	/** `offset` counts from the end of the head. */
	#turn(bytes: Uint8Array, offset: number): void {
		if (bytes.length === 0) return;
		this.#ringFd ??= openSync(`${this.#options.path}.tail`, "wx+", 0o600);
		// Of more than a ring's worth only the last is worth writing.
		const skipped = Math.max(0, bytes.length - this.#ringBytes);
		for (let done = skipped; done < bytes.length; ) {
			const place = (offset + done) % this.#ringBytes;
			const part = bytes.subarray(done, done + this.#ringBytes - place);
			done += writeSync(this.#ringFd, part, 0, part.length, place);
		}
	}

	#readRing(position: number, length: number): Buffer {
		const buffer = Buffer.alloc(length);
		if (this.#ringFd === null) return buffer;
		const place = (position - this.#headBytes) % this.#ringBytes;
		const first = Math.min(length, this.#ringBytes - place);
		readInto(this.#ringFd, buffer.subarray(0, first), place);
		readInto(this.#ringFd, buffer.subarray(first), 0);
		return buffer;
	}

	/** A full disk keeps what was written before it: length and hash speak of exactly that. */
	#guarded(write: () => void): void {
		if (this.#isBroken) return;
		try {
			write();
		} catch (error) {
			this.#isBroken = true;
			this.#options.onFailure(error instanceof Error ? error : new Error(String(error)));
		}
	}

	#write(bytes: Uint8Array): void {
		const before = this.#length;
		try {
			for (let written = 0; written < bytes.length; ) {
				const length = writeSync(this.#fd, bytes, written, bytes.length - written, this.#length);
				this.#hash.update(bytes.subarray(written, written + length));
				this.#length += length;
				written += length;
			}
		} finally {
			if (this.#length > before) this.#options.onGrowth();
		}
	}
}

/** As much of `buffer` as there is in the file. */
function readInto(fd: number, buffer: Buffer, at: number): Buffer {
	let filled = 0;
	while (filled < buffer.length) {
		const length = readSync(fd, buffer, filled, buffer.length - filled, at + filled);
		if (length === 0) break;
		filled += length;
	}
	return buffer.subarray(0, filled);
}

function noticeOf(bytesMax: number, leftOut: number): string {
	return `\n\u001b[1;33mThe log is longer than its limit of ${bytesMax} bytes: ${leftOut} bytes were left out here.\u001b[0m\n`;
}
