// Where the lines of logs are, as far as this process has read them: what is read once is not read again, and a log that grows is
// read on from where it was. A log begins to be known with the first question.
import { LineBlocks } from "../../domain/log/line-blocks.ts";
import { logObjectName } from "../../contracts/wire/object-name.ts";
import type { LogName } from "../../contracts/wire/object-name.ts";

/** Logs that are remembered, at most 400 entries each of a log of 100 MB: some megabytes. The longest unused goes first. */
const logsMax = 200;

export class KnownLines {
	readonly #logs = new Map<string, LineBlocks>();

	/**
	 * Reads on to `length` by `read`; what that throws goes on. Two calls at once each read for themselves: no call waits for what
	 * another one does, since that ends with its caller.
	 */
	async upTo(name: LogName, length: number, read: (from: number) => AsyncIterable<Uint8Array>): Promise<LineBlocks> {
		const key = logObjectName(name);
		const known = this.#logs.get(key);
		if (known !== undefined && known.length >= length) return known;
		const lines = known === undefined ? new LineBlocks() : LineBlocks.from(known);
		for await (const bytes of read(lines.length)) lines.push(bytes);
		this.#keep(key, lines);
		return lines;
	}

	#keep(key: string, lines: LineBlocks): void {
		const known = this.#logs.get(key);
		if (known !== undefined && known.length >= lines.length) return;
		this.#logs.delete(key);
		this.#logs.set(key, lines);
		const [oldest] = this.#logs.keys();
		if (this.#logs.size > logsMax && oldest !== undefined) this.#logs.delete(oldest);
	}
}
