// One run's changes for its watchers. Owns no truth: it follows what the repository's object tells, which may come late, twice or
// not at all, and asks for the state itself when something is missing. While nobody watches it keeps nothing. The same program runs
// in FeedObject and in the simulation.
import { watchedRunOf } from "../../contracts/objects/feed.ts";
import type { FeedCalls, RunUpdate } from "../../contracts/objects/feed.ts";
import { speaksOnlyCloseCode } from "../../contracts/wire/sockets/close-code.ts";
import { feedObjectName } from "../../contracts/wire/object-name.ts";
import type { NoRunWatch, readRunWatchRequest } from "../../contracts/wire/sockets/run-watch-request.ts";
import type { Millis } from "../../domain/ids.ts";
import { accept } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import { sendOrDrop } from "../socket-backlog.ts";
import type { AcceptSocket, HeldSocket } from "../sockets.ts";
import { tagsOf, WatcherEnds } from "../watcher-ends.ts";
import { limitOf } from "../../domain/limit/limit-table.ts";
import { FeedHistory } from "./feed-history.ts";
import type { FeedPorts } from "./feed-ports.ts";

/** Sockets of one run. A fan-out takes some 40 µs a socket. */
export const feedWatchersMax = limitOf("run-watchers");
/** How long the history outlives its last watcher: who reloads a page, or loses the network for a moment, misses nothing. */
const keptMs = 5 * 60_000;
/** Hints are asked for again this often, each time with the state: so what got lost at the end of a run is found too. */
const renewMs = 60_000;
const renewFinishedMs = 10 * 60_000;
/** Each time something is missing, at most so many looks at the repository: the next change brings another chance. */
const looksMax = 3;

export class FeedEngine implements Omit<FeedCalls, "fetch"> {
	readonly #ports: FeedPorts;
	readonly #history: FeedHistory;
	readonly #ends: WatcherEnds;
	#look: Promise<Result<null>> | null = null;
	/** Null since waking: what happened meanwhile may have been missed. */
	#lookedAt: Millis | null = null;

	constructor(ports: FeedPorts) {
		this.#ports = ports;
		this.#history = new FeedHistory(ports.world.storage);
		this.#ends = new WatcherEnds(ports);
	}

	async changed(updates: RunUpdate[]): Promise<Millis | null> {
		for (let looks = 0; looks < looksMax && this.#history.isKept(); looks++) {
			const { messages, isBehind } = this.#history.take(updates);
			this.#send(messages);
			if (!isBehind || !(await this.#lookUp()).ok) break;
		}
		return this.#wantedUntil();
	}

	async heard(version: number): Promise<Millis | null> {
		if (this.#history.isKept() && this.#history.version < version) await this.#lookUp();
		return this.#wantedUntil();
	}

	/** A watcher's socket is accepted, or the answer says why not. */
	async watch(
		{ after, restsOn }: ReturnType<typeof readRunWatchRequest>,
		acceptSocket: AcceptSocket,
	): Promise<NoRunWatch | null> {
		if (after !== null && !this.#history.isKept()) return { why: "events-compacted" };
		const looked = await this.#upToDate();
		if (!looked.ok) return { why: "refused", refusal: looked.refusal };
		const messages = after === null ? [this.#history.snapshot()] : this.#history.after(after);
		if (messages === null) return { why: "events-compacted" };
		if (this.#ports.sockets.getWebSockets().length >= feedWatchersMax) return { why: "watchers-max" };
		const socket = acceptSocket(tagsOf(restsOn));
		for (const message of messages) sendOrDrop(socket, message);
		await this.#stayWatched();
		return null;
	}

	hear(socket: HeldSocket): void {
		socket.close(speaksOnlyCloseCode, "a run's events only speak");
	}

	async left(closed: HeldSocket): Promise<void> {
		const { sockets, world } = this.#ports;
		const isWatched = sockets.getWebSockets().some((socket) => socket !== closed);
		if (!isWatched && this.#history.isKept()) await world.storage.setAlarm(world.now() + keptMs);
	}

	async alarm(): Promise<void> {
		if (!this.#history.isKept()) return;
		await this.#ends.look();
		if (this.#ports.sockets.getWebSockets().length > 0) return this.#stayWatched();
		await this.#ports.world.storage.deleteAll();
		this.#history.forget();
	}

	/** The alarm first, so that no end of the look leaves the sockets without a next one. */
	async #stayWatched(): Promise<void> {
		const { world, outside } = this.#ports;
		const now = world.now();
		const every = this.#every();
		const wakeAt = Math.min(now + every, this.#ends.nextLookAt() ?? Number.POSITIVE_INFINITY);
		const alarm = await world.storage.getAlarm();
		if (alarm === null || alarm > wakeAt) await world.storage.setAlarm(wakeAt);
		if (this.#lookedAt !== null && now - this.#lookedAt < every * 0.9) return;
		outside.later(this.#lookUp().catch((cause: unknown) => this.#complain(cause)));
	}

	/** What is kept may be behind if this object slept; it is better than nothing where the repository cannot be asked. */
	async #upToDate(): Promise<Result<null>> {
		if (!this.#history.isKept()) return this.#lookUp();
		if (this.#lookedAt === null) await this.#lookUp().catch((cause: unknown) => this.#complain(cause));
		return accept(null);
	}

	#complain(cause: unknown): void {
		const { world, name } = this.#ports;
		world.report({ event: "feed-look-failed", feed: feedObjectName(name), cause: String(cause) });
	}

	/** As long as something is kept, also for a watcher that is only gone for a moment. */
	#wantedUntil(): Millis | null {
		return this.#history.isKept() ? this.#ports.world.now() + this.#every() * 2.5 : null;
	}

	#every(): number {
		return this.#history.isKept() && this.#history.isFinished() ? renewFinishedMs : renewMs;
	}

	/** One look at a time; whoever needs one waits for the same. */
	#lookUp(): Promise<Result<null>> {
		this.#look ??= this.#lookOnce().finally(() => {
			this.#look = null;
		});
		return this.#look;
	}

	async #lookOnce(): Promise<Result<null>> {
		const { world, outside } = this.#ports;
		const now = world.now();
		// A run in the archive may be retried, and goes on being followed then.
		const answered = await outside.run(now + this.#every() * 2.5);
		if (!answered.ok) return answered;
		const { run, jobs } = watchedRunOf(answered.value);
		if (!this.#history.isKept()) this.#history.begin(run, jobs, world.now());
		else if (run.version >= this.#history.version) this.#send(this.#history.change(run, jobs, world.now()));
		this.#lookedAt = now;
		return accept(null);
	}

	#send(messages: readonly string[]): void {
		if (messages.length === 0) return;
		for (const socket of this.#ports.sockets.getWebSockets())
			for (const message of messages) sendOrDrop(socket, message);
	}
}
