// The bytes of an unsealed log: whole blocks compressed in SQLite, the rest raw in rows and in memory. Memory is a cache:
// what `append` has written is all that the next incarnation finds, and it is the same.
import type { Hash } from "node:crypto";
import { createHash } from "node:crypto";
import type { Millis } from "../../domain/ids.ts";
import { logBlockBytes } from "../../domain/limits.ts";
import { addTime, decodeTimes, encodeTimes, timesBetween } from "../../domain/log/log-time.ts";
import type { LogTime } from "../../domain/log/log-time.ts";
import type { World } from "../ports.ts";
import { blockTimes, packBlock, unpackBlock } from "./log-block.ts";
import type { LogParts } from "./log-ports.ts";
import type { LogTables, TailRow } from "./log-tables.ts";

/** Rows of one tail; then it is written again as one, so that a log of single bytes does not wake up to 262,144 rows. */
const tailRowsMax = 256;
/** Blocks unpacked and hashed in a row before others get a turn: some 10 ms. */
const blocksPerTurn = 8;

export class LogBytes {
	readonly #world: Pick<World, "storage" | "giveWay">;
	readonly #tables: LogTables;
	#blocks: number;
	/** The raw bytes after the last block; only the first `#tailLength` count. */
	#tail: Uint8Array;
	#tailLength: number;
	/** When the tail's bytes came. */
	#times: readonly LogTime[] = [];
	#slot: number;
	/** Follows the bytes while this incarnation has seen all of them; else the digest is made from what is stored. */
	#hash: Hash | null;
	#unpacked: { number: number; bytes: Uint8Array } | null = null;

	constructor(world: Pick<World, "storage" | "giveWay">, tables: LogTables) {
		this.#world = world;
		this.#tables = tables;
		this.#blocks = tables.blockCount();
		this.#tail = new Uint8Array(0);
		this.#tailLength = 0;
		this.#slot = 0;
		for (const row of tables.tail(this.#blocks * logBlockBytes)) this.#restore(row);
		this.#hash = this.length === 0 ? createHash("sha256") : null;
	}

	#restore({ slot, start, bytes, times }: TailRow): void {
		this.#extend(bytes);
		this.#times = [...this.#times, ...decodeTimes(times, start)];
		this.#slot = slot + 1;
	}

	get length(): number {
		return this.#blocks * logBlockBytes + this.#tailLength;
	}

	/** Stored when it returns, durable when the output gate opens. Memory follows storage, so a failed write changes neither. */
	append(bytes: Uint8Array, now: Millis): void {
		const blocks: Uint8Array[] = [];
		let times = addTime(this.#times, this.length, now);
		let head = this.#tail.subarray(0, this.#tailLength);
		let taken = 0;
		while (head.length + bytes.length - taken >= logBlockBytes) {
			const raw = new Uint8Array(logBlockBytes);
			const room = logBlockBytes - head.length;
			raw.set(head);
			raw.set(bytes.subarray(taken, taken + room), head.length);
			const base = (this.#blocks + blocks.length) * logBlockBytes;
			blocks.push(packBlock(raw, times, base));
			times = timesBetween(times, base + logBlockBytes, Number.POSITIVE_INFINITY);
			taken += room;
			head = head.subarray(head.length);
		}
		const rest = bytes.subarray(taken);
		const row = rest.length === 0 ? null : this.#nextRow(rest, times, blocks.length);
		this.#world.storage.transactionSync(() => {
			blocks.forEach((block, at) => this.#tables.addBlock(this.#blocks + at, block));
			if (row) this.#tables.saveTail(row);
		});
		this.#blocks += blocks.length;
		if (blocks.length > 0) this.#tailLength = 0;
		this.#extend(rest);
		this.#times = row ? times : [];
		this.#slot = row ? row.slot + 1 : 0;
		this.#hash?.update(bytes);
	}

	#nextRow(rest: Uint8Array, times: readonly LogTime[], newBlocks: number): TailRow {
		if (newBlocks > 0) {
			const start = (this.#blocks + newBlocks) * logBlockBytes;
			return { slot: 0, start, bytes: rest, times: encodeTimes(times, start) };
		}
		if (this.#slot < tailRowsMax) {
			const start = this.length;
			// The rows before have all but the newest.
			const news = times === this.#times ? [] : times.slice(-1);
			return { slot: this.#slot, start, bytes: rest, times: encodeTimes(news, start) };
		}
		const start = this.#blocks * logBlockBytes;
		const whole = new Uint8Array(this.#tailLength + rest.length);
		whole.set(this.#tail.subarray(0, this.#tailLength));
		whole.set(rest, this.#tailLength);
		return { slot: 0, start, bytes: whole, times: encodeTimes(times, start) };
	}

	/** Grows by doubling: most logs are far smaller than a block, and many objects share one isolate's memory. */
	#extend(bytes: Uint8Array): void {
		const length = this.#tailLength + bytes.length;
		if (length > this.#tail.length) {
			const grown = new Uint8Array(Math.min(Math.max(length, this.#tail.length * 2, 1_024), logBlockBytes));
			grown.set(this.#tail.subarray(0, this.#tailLength));
			this.#tail = grown;
		}
		this.#tail.set(bytes, this.#tailLength);
		this.#tailLength = length;
	}

	/** A copy of bytes [from, to); both within the log. */
	read(from: number, to: number): Uint8Array {
		const bytes = new Uint8Array(to - from);
		for (let at = from; at < to; ) {
			const number = Math.floor(at / logBlockBytes);
			const start = number * logBlockBytes;
			const source = number < this.#blocks ? this.#unpack(number) : this.#tail;
			const piece = source.subarray(at - start, Math.min(to - start, logBlockBytes));
			bytes.set(piece, at - from);
			at += piece.length;
		}
		return bytes;
	}

	/** When bytes [from, to) came; both within the log, and at most some blocks apart. */
	times(from: number, to: number): LogTime[] {
		const times: LogTime[] = [];
		for (let number = Math.floor(from / logBlockBytes); number * logBlockBytes < to; number++) {
			const base = number * logBlockBytes;
			const known = number < this.#blocks ? blockTimes(this.#tables.block(number), base) : this.#times;
			times.push(...timesBetween(known, Math.max(from, base), Math.min(to, base + logBlockBytes)));
		}
		return times;
	}

	#unpack(number: number): Uint8Array {
		if (this.#unpacked?.number !== number) {
			this.#unpacked = { number, bytes: unpackBlock(this.#tables.block(number)) };
		}
		return this.#unpacked.bytes;
	}

	/** In hexadecimal. Yields between blocks, so the log must be frozen. */
	async sha256(): Promise<string> {
		if (this.#hash === null) {
			const hash = createHash("sha256");
			for (let number = 0; number < this.#blocks; number++) {
				hash.update(unpackBlock(this.#tables.block(number)));
				if (number % blocksPerTurn === blocksPerTurn - 1) await this.#world.giveWay();
			}
			this.#hash = hash.update(this.#tail.subarray(0, this.#tailLength));
		}
		return this.#hash.copy().digest("hex");
	}

	/** The log must be frozen: its tail is made the last block, in memory only. */
	parts(): LogParts {
		const sizes = this.#tables.blockSizes();
		if (this.#tailLength === 0) return { sizes, part: (number) => this.#tables.block(number) };
		const last = packBlock(this.#tail.subarray(0, this.#tailLength), this.#times, sizes.length * logBlockBytes);
		return {
			sizes: [...sizes, last.length],
			part: (number) => (number < sizes.length ? this.#tables.block(number) : last),
		};
	}
}
