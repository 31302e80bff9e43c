// The bytes behind a log view: blocks that are near are fetched by range and read into lines, and forgotten again; what comes live
// comes by one WebSocket, which is closed while nobody sees the tab and comes back by offset.
import { signal } from "@preact/signals";
import { viewLog } from "../../client/log-viewer.ts";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import { client } from "../state/api.ts";
import { noteLostConnection, noteUnauthorized } from "../state/session.ts";
import { penAfterLine, plainPen, readLine } from "./ansi.ts";
import type { Pen, Piece } from "./ansi.ts";
import { LineIndex } from "./line-index.ts";
import type { LineCount } from "../../domain/log/line-blocks.ts";
import { unfinishedBytes } from "./unfinished.ts";

/** Blocks that are kept as lines: 24 of 256 KiB are some 20 MB with their strings. */
const blocksMax = 24;
/** A line that is longer is cut, and says so: no row is useful with more. */
const lineCharactersMax = 20_000;
const fetchBytesMax = 2 * 1_024 * 1_024;
const retryMs = 1_500;
/** Lines of a block that are kept as they are drawn: more than a screen has. */
const readMax = 1_000;

export interface LogPlace {
	name: RepositoryName;
	job: string;
	attempt: number;
}

interface Block {
	/** Of the first of its lines. */
	line: number;
	/** Texts by line. */
	texts: string[];
	/** Bytes of the log that these are. */
	from: number;
	to: number;
	/** A character at the end of which more bytes are still to come. */
	rest: Uint8Array;
	/** What each line begins with, as far as somebody wanted to know. */
	pens: Pen[];
	/** Lines that were read; the last one only until more of it comes. */
	read: Map<number, ReadLine>;
}

type ReadLine = { pieces: Piece[] };

interface IndexAnswer extends LineCount {
	isFinal: boolean;
}

export class ShownLog {
	/** Moves whenever something that was asked for is here, or more came. */
	readonly version = signal(0);
	readonly trouble = signal<string | null>(null);
	/** Null until the index is here. */
	index: LineIndex | null = null;
	isOver = false;
	readonly #place: LogPlace;
	readonly #blocks = new Map<number, Block>();
	readonly #asked = new Set<number>();
	/** What came live of blocks that are on their way. */
	#late: { at: number; from: number; to: number; part: Uint8Array }[] = [];
	readonly #stop = new AbortController();
	#live: AbortController | null = null;
	readonly #seen = () => this.#heed();

	constructor(place: LogPlace) {
		this.#place = place;
		document.addEventListener("visibilitychange", this.#seen);
		void this.#begin();
	}

	close(): void {
		document.removeEventListener("visibilitychange", this.#seen);
		this.#stop.abort();
		this.#live?.abort();
	}

	/** Null: it is not here yet; it has been asked for, and `version` moves when it is. */
	line(line: number): ReadLine | null {
		const block = this.#blockOf(line);
		const text = this.text(line);
		if (block === null || text === null) return null;
		const at = line - block.line;
		const known = block.read.get(at);
		if (known !== undefined) return known;
		const read = readLine(text, penBefore(block, at));
		if (block.read.size >= readMax) block.read.clear();
		block.read.set(at, read);
		return read;
	}

	/** Without its line break, as it was printed. */
	text(line: number): string | null {
		const block = this.#blockOf(line);
		const text = block?.texts[line - block.line];
		if (text === undefined) return null;
		return text.length > lineCharactersMax ? `${text.slice(0, lineCharactersMax)} … (the line is longer)` : text;
	}

	#blockOf(line: number): Block | null {
		return this.index === null ? null : this.#block(this.index.blockOfLine(line));
	}

	#block(at: number): Block | null {
		const { index } = this;
		if (index === null) return null;
		const known = this.#blocks.get(at);
		const { to } = index.block(at);
		if (known !== undefined && known.to >= to) {
			this.#blocks.delete(at);
			this.#blocks.set(at, known);
			return known;
		}
		if (!this.#asked.has(at)) void this.#fetch(at);
		// What is here of it is shown meanwhile.
		return known ?? null;
	}

	async #begin(): Promise<void> {
		const { name, job, attempt } = this.#place;
		const path = `/v1/repos/${name.owner}/${name.repo}/jobs/${job}/attempts/${attempt}/log/index`;
		while (!this.#stop.signal.aborted) {
			const answer = await fetch(path, { credentials: "same-origin", signal: this.#stop.signal }).catch(() => null);
			if (answer?.ok) {
				const found = (await answer.json()) as IndexAnswer;
				this.index = new LineIndex(found);
				this.isOver = found.isFinal;
				this.trouble.value = null;
				this.#changed();
				this.#heed();
				return;
			}
			if (answer?.status === 401) noteUnauthorized();
			if (answer !== null && answer.status < 500 && answer.status !== 429) {
				const problem = (await answer.json().catch(() => null)) as { detail?: string } | null;
				this.trouble.value = problem?.detail ?? `The log is not to be had: ${answer.status}.`;
				return;
			}
			this.trouble.value = "The log is not to be had at present. The page goes on trying.";
			await new Promise((resolve) => setTimeout(resolve, retryMs));
		}
	}

	async #fetch(at: number): Promise<void> {
		const { index } = this;
		if (index === null) return;
		this.#asked.add(at);
		const { offset, line, to } = index.block(at);
		const { name, job, attempt } = this.#place;
		try {
			// A line without an end makes a block that is larger than all others.
			const range = { from: offset, to: Math.min(to, offset + fetchBytesMax) };
			const { body } = await client.attempts.log(name, { job, attempt }, range);
			const bytes = new Uint8Array(await new Response(body).arrayBuffer());
			const block = emptyBlock(line, offset);
			append(block, bytes, to);
			for (const late of this.#late) if (late.at === at && late.from === block.to) append(block, late.part, late.to);
			this.#keep(at, block);
			this.trouble.value = null;
		} catch {
			if (this.#stop.signal.aborted) return;
			this.trouble.value = "A part of the log did not come. The page goes on trying.";
			await new Promise((resolve) => setTimeout(resolve, retryMs));
		} finally {
			this.#asked.delete(at);
			this.#late = this.#late.filter((late) => late.at !== at);
			this.#changed();
		}
	}

	#keep(at: number, block: Block): void {
		this.#blocks.set(at, block);
		for (const oldest of this.#blocks.keys()) {
			if (this.#blocks.size <= blocksMax) return;
			this.#blocks.delete(oldest);
		}
	}

	/** Live while the tab is seen and the log is not over. */
	#heed(): void {
		if (document.hidden || this.isOver || this.index === null) {
			this.#live?.abort();
			this.#live = null;
		} else if (this.#live === null) {
			this.#live = new AbortController();
			void this.#follow(this.index, this.#live.signal);
		}
	}

	async #follow(index: LineIndex, gone: AbortSignal): Promise<void> {
		const { name, job, attempt } = this.#place;
		const options = { url: location.origin, token: null, repository: name, job, attempt, from: index.length };
		while (!gone.aborted) {
			try {
				for await (const event of viewLog({ ...options, from: index.length, signal: gone })) {
					if (event.type === "output") this.#take(index, event.bytes);
					if (event.type === "end") {
						this.isOver = true;
						this.#changed();
						return;
					}
				}
				this.trouble.value = null;
			} catch {
				if (gone.aborted) return;
				this.trouble.value = "The live log's connection was lost. It comes back by itself.";
				void noteLostConnection();
				await new Promise((resolve) => setTimeout(resolve, retryMs));
			}
		}
	}

	/** Appended to its block where that is here and reaches so far; else it is fetched when somebody looks. */
	#take(index: LineIndex, bytes: Uint8Array): void {
		let at = index.size - 1;
		let from = index.length;
		index.grow(bytes);
		for (let rest = bytes; rest.length > 0; at++) {
			const { offset, line, to } = index.block(at);
			const part = rest.subarray(0, to - from);
			const known = this.#blocks.get(at) ?? (offset === from ? emptyBlock(line, from) : undefined);
			if (known !== undefined && known.to === from) {
				append(known, part, to);
				this.#keep(at, known);
			} else if (this.#asked.has(at)) this.#late.push({ at, from, to, part });
			from = to;
			rest = rest.subarray(part.length);
		}
		this.#changed();
	}

	#isTold = false;

	/** Once a frame, however much comes. */
	#changed(): void {
		if (this.#isTold) return;
		this.#isTold = true;
		requestAnimationFrame(() => {
			this.#isTold = false;
			this.version.value++;
		});
	}
}

function emptyBlock(line: number, from: number): Block {
	return { line, texts: [""], from, to: from, rest: new Uint8Array(), pens: [plainPen], read: new Map() };
}

/** `to`: how far the log is shown with it; of a line that is too long not all bytes are there. */
function append(block: Block, part: Uint8Array, to: number): void {
	const bytes = new Uint8Array(block.rest.length + part.length);
	bytes.set(block.rest);
	bytes.set(part, block.rest.length);
	const whole = bytes.length - unfinishedBytes(bytes);
	block.rest = bytes.slice(whole);
	const [first = "", ...more] = new TextDecoder().decode(bytes.subarray(0, whole)).split("\n");
	const last = block.texts.length - 1;
	block.read.delete(last);
	block.texts[last] += first;
	for (const text of more) block.texts.push(text);
	block.to = to;
}

/** Colours that lines before left on, within the block, which is as far as a reader can see. */
function penBefore(block: Block, at: number): Pen {
	for (let next = block.pens.length; next <= at; next++) {
		block.pens.push(
			penAfterLine((block.texts[next - 1] ?? "").slice(0, lineCharactersMax), block.pens[next - 1] ?? plainPen),
		);
	}
	return block.pens[at] ?? plainPen;
}
