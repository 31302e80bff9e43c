// One run's changes for whoever watches it. Owns no truth: it follows what the repository's object tells, which may come late,
// twice or not at all, and asks for the state itself when something is missing. While nobody watches it keeps nothing.
import { DurableObject } from "cloudflare:workers";
import { readRun } from "../../src/api/archived-run.ts";
import type { FeedCalls, RunUpdate } from "../../src/contracts/objects/feed.ts";
import { watchedRunOf } from "../../src/contracts/objects/feed.ts";
import { doneCloseCode, speaksOnlyCloseCode } from "../../src/contracts/wire/close-code.ts";
import { readFeedObjectName } from "../../src/contracts/wire/object-name.ts";
import type { FeedName } from "../../src/contracts/wire/object-name.ts";
import { noRunWatch, readRunWatchRequest } from "../../src/contracts/wire/run-watch-request.ts";
import type { Millis } from "../../src/domain/ids.ts";
import { accept } from "../../src/domain/refusal.ts";
import type { Result } from "../../src/domain/refusal.ts";
import type { Env } from "../env.ts";
import { FeedHistory } from "./feed-history.ts";
import { sendOrDrop } from "../log/socket-backlog.ts";
import { WatcherEnds } from "../log/watcher-ends.ts";
import { readArchived } from "../../src/engine/repo/archive/repo-archive.ts";
import { runStore } from "../repo/repo-outside.ts";
import { repoCalls } from "../stubs.ts";
import { report } from "../report.ts";

/** Sockets of one run; beyond it 503. A fan-out takes some 40 µs a socket. */
export const feedWatchersMax = 1_000;
/** How long the history outlives its last watcher: who reloads a page, or loses the network for a moment, misses nothing. */
const keptMs = 5 * 60_000;
/** Hints are asked for again this often, each time with the state: so what got lost at the end of a run is found too. */
const renewMs = 60_000;
const renewFinishedMs = 10 * 60_000;
/** Each time something is missing, at most so many looks at the repository: the next change brings another chance. */
const looksMax = 3;

export class FeedObject extends DurableObject<Env> implements FeedCalls {
	readonly #history: FeedHistory;
	readonly #ends: WatcherEnds;
	#look: Promise<Result<null>> | null = null;
	/** Null since waking: what happened meanwhile may have been missed. */
	#lookedAt: Millis | null = null;

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env);
		this.#history = new FeedHistory(ctx.storage);
		this.#ends = new WatcherEnds(ctx, () => this.env);
		ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
	}

	async changed(news: RunUpdate[]): Promise<Millis | null> {
		for (let looks = 0; looks < looksMax && this.#history.isKept(); looks++) {
			const { messages, isBehind } = this.#history.take(news);
			this.#tell(messages);
			if (!isBehind || !(await this.#lookUp()).ok) break;
		}
		return this.#wantedUntil();
	}

	async heard(version: number): Promise<Millis | null> {
		if (this.#history.isKept() && this.#history.version < version) await this.#lookUp();
		return this.#wantedUntil();
	}

	override async fetch(request: Request): Promise<Response> {
		const { after, restsOn } = readRunWatchRequest(request);
		if (after !== null && !this.#history.isKept()) return noRunWatch({ why: "events-compacted" });
		const looked = await this.#upToDate();
		if (!looked.ok) return noRunWatch({ why: "refused", refusal: looked.refusal });
		const messages = after === null ? [this.#history.snapshot()] : this.#history.after(after);
		if (messages === null) return noRunWatch({ why: "events-compacted" });
		if (this.ctx.getWebSockets().length >= feedWatchersMax) return noRunWatch({ why: "watchers-max" });
		const { 0: client, 1: server } = new WebSocketPair();
		this.ctx.acceptWebSocket(server, this.#ends.tagsOf(restsOn));
		for (const message of messages) sendOrDrop(server, message);
		await this.#stayWatched();
		return new Response(null, { status: 101, webSocket: client });
	}

	override webSocketMessage(socket: WebSocket): void {
		socket.close(speaksOnlyCloseCode, "a run's events only speak");
	}

	/** A hibernating socket's close is not answered by the platform; without an answer the viewer waits 10 s for it. */
	override async webSocketClose(closed: WebSocket): Promise<void> {
		if (closed.readyState === WebSocket.CLOSING) closed.close(doneCloseCode);
		const isWatched = this.ctx.getWebSockets().some((socket) => socket !== closed);
		if (!isWatched && this.#history.isKept()) await this.ctx.storage.setAlarm(Date.now() + keptMs);
	}

	override async alarm(): Promise<void> {
		if (!this.#history.isKept()) return;
		await this.#ends.look();
		if (this.ctx.getWebSockets().length > 0) return this.#stayWatched();
		await this.ctx.storage.deleteAll();
		this.#history.forget();
	}

	/** The alarm first, so that no end of the look leaves the sockets without a next one. */
	async #stayWatched(): Promise<void> {
		const now = Date.now();
		const every = this.#every();
		const wakeAt = Math.min(now + every, this.#ends.nextLookAt() ?? Number.POSITIVE_INFINITY);
		const alarm = await this.ctx.storage.getAlarm();
		if (alarm === null || alarm > wakeAt) await this.ctx.storage.setAlarm(wakeAt);
		if (this.#lookedAt !== null && now - this.#lookedAt < every * 0.9) return;
		this.ctx.waitUntil(this.#lookUp().catch((cause: unknown) => this.#complain(cause)));
	}

	/** What is kept may be behind if this object slept; it is better than nothing where the repository cannot be asked. */
	async #upToDate(): Promise<Result<null>> {
		if (!this.#history.isKept()) return this.#lookUp();
		if (this.#lookedAt === null) await this.#lookUp().catch((cause: unknown) => this.#complain(cause));
		return accept(null);
	}

	#complain(cause: unknown): void {
		report({ event: "feed-look-failed", feed: this.ctx.id.name, cause: String(cause) });
	}

	/** As long as something is kept, also for a watcher that is only gone for a moment. */
	#wantedUntil(): Millis | null {
		return this.#history.isKept() ? Date.now() + this.#every() * 2.5 : null;
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
		const { owner, repo, run: id } = this.#name();
		const now = Date.now();
		const until = now + this.#every() * 2.5;
		// A run in the archive may be retried, and goes on being followed then.
		const answered = await readRun(runsOf(this.env), { owner, repo }, { run: id, watchedUntil: until });
		if (!answered.ok) return answered;
		const { run, jobs } = watchedRunOf(answered.value);
		if (!this.#history.isKept()) this.#history.begin(run, jobs, Date.now());
		else if (run.version >= this.#history.version) this.#tell(this.#history.change(run, jobs, Date.now()));
		this.#lookedAt = now;
		return accept(null);
	}

	#tell(messages: readonly string[]): void {
		if (messages.length === 0) return;
		for (const socket of this.ctx.getWebSockets()) for (const message of messages) sendOrDrop(socket, message);
	}

	#name(): FeedName {
		return readFeedObjectName(this.ctx.id.name ?? "");
	}
}

function runsOf(env: Env): Parameters<typeof readRun>[0] {
	return {
		repo: (name) => repoCalls(env, name),
		archivedRun: (name, run) => readArchived(runStore(env), { name, run, now: Date.now() }),
	};
}
