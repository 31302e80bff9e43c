// What a FeedObject keeps of a run: its present state, and the last changes for whoever comes back. Memory is a cache of the
// tables; both change in one transaction, or neither does.
import type { WatchedRun } from "../../contracts/http/streams/run-events.ts";
import type { RunUpdate } from "../../contracts/objects/feed.ts";
import type { Job } from "../../contracts/http/run.ts";
import { timeText } from "../../contracts/wire/time-text.ts";
import type { Millis } from "../../domain/ids.ts";
import { assert } from "../../domain/refusal.ts";
import type { Storage } from "../ports.ts";
import type { FeedRow } from "./feed-tables.ts";
import { FeedTables } from "./feed-tables.ts";
import { applyState, decideChange, replayChange, snapshotOf } from "./watched-state.ts";
import type { Changed, WatchedState } from "./watched-state.ts";

/** A watcher that was away may have missed this many changes: what one job of a run makes is some five. Twice as many rows at most. */
export const changesKept = 1_000;

interface Feed extends FeedRow {
	state: WatchedState;
	/** The last change's place; that of the state it began with, if there was none. */
	seq: number;
}

export class FeedHistory {
	readonly #storage: Storage;
	readonly #tables: FeedTables;
	#feed: Feed | null = null;

	constructor(storage: Storage) {
		this.#storage = storage;
		this.#tables = new FeedTables(storage);
	}

	/** False while nobody watches: then nothing is kept, and changes are nobody's business. */
	isKept(): boolean {
		return this.#load() !== null;
	}

	isFinished(): boolean {
		return (JSON.parse(this.#open().state.run) as WatchedRun).state === "finished";
	}

	get version(): number {
		return this.#load()?.state.version ?? 0;
	}

	/** Places begin at the clock's milliseconds: one that an earlier, forgotten history gave out is never given again. */
	begin(run: WatchedRun, jobs: readonly Job[], now: Millis): void {
		assert(!this.isKept(), "a history begins once");
		const row: FeedRow = { base: now, floor: now };
		const state: WatchedState = { version: 0, run: "", jobs: new Map() };
		applyState(state, run, jobs);
		this.#storage.transactionSync(() => {
			this.#tables.create();
			this.#tables.save(row);
			this.#tables.saveBase(state.run, [...state.jobs.values()]);
		});
		this.#feed = { ...row, state, seq: now };
	}

	/** The messages for watchers that follow from the updates; and whether something before them is, or may be, missing. */
	take(updates: readonly RunUpdate[]): { messages: string[]; isBehind: boolean } {
		const messages: string[] = [];
		let isBehind = false;
		for (const one of updates.toSorted((a, b) => a.run.version - b.run.version)) {
			const decided = decideChange(this.#open().state, one);
			if (decided === "apply" || decided === "doubt") {
				messages.push(...this.change(one.isPart ? null : one.run, one.jobs, one.at));
			}
			isBehind ||= decided === "gap" || decided === "doubt";
		}
		return { messages, isBehind };
	}

	/** The messages that lead from what is known to this state, which must not be older. `run` null: it is not reached yet. */
	change(run: WatchedRun | null, jobs: readonly Job[], at: Millis): string[] {
		const feed = this.#open();
		const next = { ...feed.state, jobs: new Map(feed.state.jobs) };
		const messages = applyState(next, run, jobs).map((changed, index) => messageOf(changed, feed.seq + 1 + index, at));
		this.#storage.transactionSync(() => {
			messages.forEach((body, index) => this.#tables.addChange(feed.seq + 1 + index, body));
		});
		feed.state = next;
		feed.seq += messages.length;
		if (feed.seq - feed.floor > 2 * changesKept) this.#compact(feed);
		return messages;
	}

	snapshot(): string {
		const { state, seq } = this.#open();
		return JSON.stringify(snapshotOf(state, seq));
	}

	/** Null when what came after `seq` is not kept any more, or `seq` was never given out. */
	after(seq: number): string[] | null {
		const feed = this.#open();
		return seq < feed.floor || seq > feed.seq ? null : this.#tables.changesAfter(seq);
	}

	/** The storage was deleted. */
	forget(): void {
		this.#feed = null;
	}

	#compact(feed: Feed): void {
		const row: FeedRow = { ...feed, base: feed.seq, floor: feed.seq - changesKept };
		this.#storage.transactionSync(() => {
			this.#tables.saveBase(feed.state.run, [...feed.state.jobs.values()]);
			this.#tables.dropChangesTo(row.floor);
			this.#tables.save(row);
		});
		feed.base = row.base;
		feed.floor = row.floor;
	}

	#open(): Feed {
		const feed = this.#load();
		assert(feed, "the history is kept");
		return feed;
	}

	#load(): Feed | null {
		if (this.#feed !== null) return this.#feed;
		const row = this.#tables.load();
		if (row === null) return null;
		const { run, jobs } = this.#tables.base();
		const state: WatchedState = { version: 0, run: "", jobs: new Map() };
		applyState(state, run, jobs);
		const since = this.#tables.parsedAfter(row.base);
		for (const change of since) replayChange(state, change);
		this.#feed = { ...row, state, seq: since.at(-1)?.seq ?? row.base };
		return this.#feed;
	}
}

function messageOf(changed: Changed, seq: number, at: Millis): string {
	const place = { seq, at: timeText(at) };
	return changed.type === "run"
		? JSON.stringify({ type: "run", ...place, run: changed.run })
		: JSON.stringify({ type: "job", ...place, job: changed.job });
}
