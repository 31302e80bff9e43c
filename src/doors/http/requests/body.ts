// How a body is read: by its route, once the caller is known, and no longer than it may take. Whoever sends half a body and then
// nothing holds what was read so far in memory until then, so there is an end to that.
import { requestBytesMax } from "../../../domain/limits.ts";
import { ProblemAnswer } from "../answer.ts";

/** Without a byte. A runner's network that stalls for longer sends the piece again. */
const silentMs = 10_000;
/** From the first look to the last byte: 1 MiB in this time is 17 KiB/s, less than any line that a runner works over. */
const totalMs = 60_000;

export function tooLarge(): ProblemAnswer {
	return new ProblemAnswer({ status: 413, code: "too-large", detail: `A body may have ${requestBytesMax} bytes.` });
}

function tooSlow(): ProblemAnswer {
	const detail = `A body must come within ${totalMs / 1_000} s, and no ${silentMs / 1_000} s without a byte.`;
	return new ProblemAnswer({ status: 408, code: "body-late", detail });
}

/** [F18] Whoever sends it may go away in the middle of it, at any time: no fault of ours. */
function broken(): ProblemAnswer {
	const errors = [{ path: "", message: "broke off, or is not as its length or chunks say" }];
	return new ProblemAnswer({ status: 400, code: "malformed", detail: "The body is not whole.", errors });
}

/** Throws 400, 413 and 408, and then reads no more of it. */
export async function readBytes({ body }: Request): Promise<Uint8Array<ArrayBuffer>> {
	if (body === null) return new Uint8Array(0);
	const reader = body.getReader();
	const late = new Deadline();
	const parts: Uint8Array[] = [];
	let size = 0;
	try {
		for (;;) {
			const read = await late.race(reader.read().catch(() => Promise.reject(broken())));
			if (read === null) throw tooSlow();
			if (read.done) return joined(parts, size);
			// Counted as it comes: a body in chunks says no length, and one that says a length need not keep to it.
			size += read.value.length;
			if (size > requestBytesMax) throw tooLarge();
			parts.push(read.value);
		}
	} catch (cause) {
		// Without it the runtime goes on taking in what nobody reads.
		reader.cancel().catch(() => undefined);
		throw cause;
	} finally {
		late.clear();
	}
}

/** Null from whichever time is over first. */
class Deadline {
	readonly #over = Promise.withResolvers<null>();
	readonly #total = setTimeout(() => this.#over.resolve(null), totalMs);

	async race<T>(work: Promise<T>): Promise<T | null> {
		const silence = setTimeout(() => this.#over.resolve(null), silentMs);
		try {
			return await Promise.race([work, this.#over.promise]);
		} finally {
			clearTimeout(silence);
		}
	}

	clear(): void {
		clearTimeout(this.#total);
	}
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
	const bytes = new Uint8Array(size);
	let at = 0;
	for (const part of parts) {
		bytes.set(part, at);
		at += part.length;
	}
	return bytes;
}
