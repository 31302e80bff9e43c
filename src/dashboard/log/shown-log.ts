// The bytes behind a log view: blocks that are near are fetched by range and read into lines, and forgotten again; what comes live
// comes by one WebSocket, which is closed while nobody sees the tab and comes back by offset.
import { signal } from "@preact/signals";
import { viewLog } from "../../client/log-viewer.ts";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import { client } from "../state/api.ts";
import { plainPen, readLine } from "./ansi.ts";
import type { Pen, Piece } from "./ansi.ts";
import { LineIndex } from "./line-index.ts";
import type { LineCount } from "../../domain/log/line-blocks.ts";

/** Blocks that are kept as lines: 24 of 256 KiB are some 20 MB with their strings. */
const blocksMax = 24;
/** A line that is longer is cut, and says so: no row is useful with more. */
const lineCharactersMax = 20_000;
const fetchBytesMax = 2 * 1_024 * 1_024;
const retryMs = 1_500;

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
}

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
	line(line: number): { pieces: Piece[] } | null {
		const text = this.text(line);
		return text === null ? null : readLine(text, this.#penBefore(line));
	}

	/** Without its line break, as it was printed. */
	text(line: number): string | null {
		const { index } = this;
		if (index === null) return null;
		const block = this.#block(index.blockOfLine(line));
		if (block === null) return null;
		const text = block.texts[line - block.line] ?? "";
		return text.length > lineCharactersMax ? `${text.slice(0, lineCharactersMax)} … (the line is longer)` : text;
	}

	/** Colours that a line before left on: within its block, which is as far as a reader can see anyway. */
	#penBefore(line: number): Pen {
		const at = this.index?.blockOfLine(line) ?? 0;
		const block = this.#blocks.get(at);
		const before = block?.texts[line - 1 - block.line];
		return before?.includes("\u001b") ? readLine(before, plainPen).pen : plainPen;
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
		return null;
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
			const text = await new Response(body).text();
			this.#keep(at, { line, texts: text.split("\n"), from: offset, to });
			this.trouble.value = null;
		} catch {
			if (this.#stop.signal.aborted) return;
			this.trouble.value = "A part of the log did not come. The page goes on trying.";
			await new Promise((resolve) => setTimeout(resolve, retryMs));
		} finally {
			this.#asked.delete(at);
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
			const known = this.#blocks.get(at) ?? (offset === from ? { line, texts: [""], from, to: from } : undefined);
			if (known !== undefined && known.to === from) {
				const [first = "", ...more] = new TextDecoder().decode(part).split("\n");
				known.texts[known.texts.length - 1] += first;
				for (const text of more) known.texts.push(text);
				known.to = to;
				this.#keep(at, known);
			}
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
