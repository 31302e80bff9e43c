// Masks identity tokens of jobs in a stream of bytes, wherever the stream is cut. The runner is not told of them, since a job asks for
// them itself, but all begin alike: behind that beginning, which says nothing, all that may belong to the token is masked. So no byte
// need be held back. Not promised: a token that is encoded once more, or broken into lines.
import { jobTokenHead } from "../../../contracts/wire/job-token.ts";

const head = Buffer.from(jobTokenHead);
const mask = Buffer.from("***");

/** By byte: what a token is written with, `.` between its parts included. */
const isTokenByte = Array.from({ length: 256 }, (_, byte) => /[\w.-]/.test(String.fromCharCode(byte)) && byte < 128);

export class JobTokenMask {
	readonly #emit: (bytes: Uint8Array) => void;
	/** So many bytes at the end of what came are the beginning of a head. */
	#begun = 0;
	#isInToken = false;

	/** What is emitted must be used at once: the buffer is the caller's. */
	constructor(emit: (bytes: Uint8Array) => void) {
		this.#emit = emit;
	}

	append(bytes: Uint8Array): void {
		let at = this.#isInToken ? this.#skipToken(bytes, 0) : this.#continueHead(bytes);
		while (!this.#isInToken && at < bytes.length) {
			const found = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(head, at);
			const end = found === -1 ? bytes.length : found + head.length;
			this.#put(bytes.subarray(at, end));
			if (found === -1) this.#begun = beginningAtEnd(bytes.subarray(at));
			at = found === -1 ? end : this.#maskToken(bytes, end);
		}
	}

	/** Something else comes next, or nothing. */
	end(): void {
		this.#begun = 0;
		this.#isInToken = false;
	}

	/** The rest of a head that another piece began; where the next is to be looked for. */
	#continueHead(bytes: Uint8Array): number {
		const rest = head.subarray(this.#begun);
		if (this.#begun === 0) return 0;
		const some = bytes.subarray(0, rest.length);
		if (!rest.subarray(0, some.length).equals(some)) {
			this.#begun = 0;
			return 0;
		}
		this.#put(some);
		this.#begun += some.length;
		if (this.#begun < head.length) return bytes.length;
		this.#begun = 0;
		return this.#maskToken(bytes, some.length);
	}

	#maskToken(bytes: Uint8Array, at: number): number {
		this.#put(mask);
		this.#isInToken = true;
		return this.#skipToken(bytes, at);
	}

	#skipToken(bytes: Uint8Array, from: number): number {
		let at = from;
		while (at < bytes.length && isTokenByte[bytes[at] ?? 0]) at++;
		this.#isInToken = at === bytes.length;
		return at;
	}

	#put(bytes: Uint8Array): void {
		if (bytes.length > 0) this.#emit(bytes);
	}
}

/** How many bytes at the end begin a head. Its first byte stands nowhere else in it, so there is at most one place. */
function beginningAtEnd(bytes: Uint8Array): number {
	const from = bytes.lastIndexOf(head[0] ?? 0);
	const length = from === -1 ? 0 : bytes.length - from;
	return length < head.length && head.subarray(0, length).equals(bytes.subarray(bytes.length - length)) ? length : 0;
}
