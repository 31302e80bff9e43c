// One attempt's log until it is sealed: takes bytes at an offset, shows them to whoever watches, then moves everything to the
// archive and forgets itself. An object that is empty has either not begun or is done; only the archive can tell which.
import { DurableObject } from "cloudflare:workers";
import type { LeaseClaim, LogAppended, LogCalls, LogClose, LogStatus } from "../../src/contracts/objects/objects.ts";
import type { LogEnd } from "../../src/contracts/http/log-stream.ts";
import { doneCloseCode, speaksOnlyCloseCode } from "../../src/contracts/wire/close-code.ts";
import { noLogFeed, readLogFeedRequest } from "../../src/contracts/wire/log-feed-request.ts";
import { noLogView, readLogViewRequest } from "../../src/contracts/wire/log-view-request.ts";
import type { LeaseState } from "../../src/contracts/http/runner.ts";
import { leaseIdFrom } from "../../src/domain/ids.ts";
import type { StepRecord } from "../../src/domain/job/job.ts";
import { appendBytesMax } from "../../src/domain/limits.ts";
import { decideAppend, isAdrift, isComplete, openRecord } from "../../src/domain/log/log.ts";
import type { AppendKind } from "../../src/domain/log/log.ts";
import { readWatchedMs, uploadSeconds } from "../../src/domain/log/log-demand.ts";
import type { LogChunk } from "../../src/domain/log/log-time.ts";
import { Outage } from "../../src/contracts/wire/outage.ts";
import { accept, assert, refuse } from "../../src/domain/refusal.ts";
import type { Refusal, Result } from "../../src/domain/refusal.ts";
import type { Env } from "../env.ts";
import { needRoom } from "../machine.ts";
import { LogFeeders } from "./log-feeders.ts";
import { LogSealer } from "./log-sealer.ts";
import { LogStore } from "./log-store.ts";
import { LogViewers, logViewersMax } from "./log-viewers.ts";
import type { WatchedLog } from "./log-viewers.ts";
import { WatcherEnds } from "./watcher-ends.ts";
import { poolCalls, repoCalls } from "../stubs.ts";

export class LogObject extends DurableObject<Env> implements LogCalls {
	readonly #store: LogStore;
	readonly #viewers: LogViewers;
	readonly #feeders: LogFeeders;
	readonly #sealer: LogSealer;
	readonly #ends: WatcherEnds;
	/** When somebody read a part of the log last. */
	#readAt = 0;

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env);
		this.#store = new LogStore(ctx.storage);
		this.#ends = new WatcherEnds(ctx, () => this.env);
		this.#viewers = new LogViewers(ctx, () => this.#watched());
		this.#feeders = new LogFeeders(ctx, (claim) =>
			poolCalls(this.env, claim).renew(leaseIdFrom(claim.job, claim.epoch)),
		);
		this.#sealer = new LogSealer({
			ctx,
			env: () => this.env,
			store: this.#store,
			end: (end) => {
				this.#viewers.end(end);
				this.#feeders.end();
			},
		});
		ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
		// Sockets that were being fed, or were owed a frame, when the object was put to sleep.
		if (this.#viewers.count() > 0) this.#viewers.flush();
	}

	async append(
		claim: LeaseClaim,
		offset: number,
		bytes: Uint8Array,
		kind: AppendKind = "live",
	): Promise<Result<LogAppended>> {
		assert(bytes.length <= appendBytesMax, "an append has at most 1 MiB");
		await needRoom(this.env);
		const admitted = await this.#admit(claim, kind);
		if (!admitted.ok) return this.#passedOver(admitted, offset + bytes.length);
		const { row, bytes: stored, log } = this.#store.open();
		const decided = decideAppend(log, { epoch: claim.epoch, offset, size: bytes.length, kind });
		if (!decided.ok) return decided;
		const { skip, take } = decided.value;
		if (take > 0) {
			stored.append(bytes.subarray(skip), Date.now());
			this.#viewers.tell();
		}
		if (kind === "last") this.#noteWhole(stored.length);
		if (row.closed && (take > 0 || kind === "last")) await this.#sealer.schedule();
		return accept(this.#appended(stored.length, row.lease));
	}

	async steps(claim: LeaseClaim, steps: StepRecord[]): Promise<Result<{ lease: LeaseState }>> {
		const admitted = await this.#admit(claim);
		if (!admitted.ok) return admitted;
		const { row } = this.#store.open();
		if (row.epoch !== claim.epoch || row.closed) return refuse({ code: "lease-stale" });
		this.#store.save({ ...row, steps });
		return accept({ lease: row.lease });
	}

	async cancel({ epoch, state = "canceling" }: Parameters<LogCalls["cancel"]>[0]): Promise<void> {
		const row = this.#store.load();
		if (row === null || row.epoch !== epoch || row.closed || row.lease === "lost" || row.lease === state) return;
		this.#store.save({ ...row, lease: state });
		this.#tellFeeder();
	}

	async unattended({ epoch }: { epoch: number }): Promise<void> {
		this.#feeders.renewAgain(epoch);
	}

	async close(call: LogClose): Promise<void> {
		// With the archive out of reach it is taken for new: the create-only put finds out.
		const found = this.#store.load() === null ? await this.#sealer.archived().catch(() => null) : null;
		const row = this.#store.load();
		const archived = this.#sealer.sealed ?? found;
		if (row === null && archived !== null) return this.#sealer.tellSealed(archived.record);
		if (row?.closed) return this.#sealer.schedule();
		const { epoch, outcome, length, sha256, retentionDays } = call;
		const whole = row?.wholeAt !== undefined && row.wholeAt === this.#store.open().bytes.length ? row.wholeAt : null;
		const closed = { outcome, length: length ?? whole, sha256, retentionDays, at: Date.now() };
		// What was declared may still come, and is no reason to give up.
		const lease = length !== null && row?.lease === "lost" ? "ok" : (row?.lease ?? "lost");
		this.#store.save({ bytesMax: null, steps: [], tries: 0, ...row, lease, epoch, closed });
		if (isAdrift({ frozen: false, closed })) {
			this.#viewers.finish();
			this.#feeders.end();
		}
		await this.#sealer.schedule();
	}

	async status(call?: { isRead: boolean }): Promise<LogStatus | null> {
		if (call?.isRead) this.#readAt = Date.now();
		if (this.#store.load() === null) return null;
		if (call?.isRead) this.#tellFeeder();
		const { row, log } = this.#store.open();
		return { record: openRecord(log), length: log.length, outcome: row.closed?.outcome ?? null, steps: row.steps };
	}

	async read({ from, to }: { from: number; to: number }): Promise<LogChunk | null> {
		if (this.#store.load() === null) return null;
		const { bytes: stored } = this.#store.open();
		const end = Math.min(to, from + appendBytesMax, stored.length);
		const begin = Math.min(from, end);
		return { bytes: stored.read(begin, end), times: stored.times(begin, end) };
	}

	override fetch(request: Request): Promise<Response> {
		const claim = readLogFeedRequest(request);
		return claim === null ? this.#acceptViewer(readLogViewRequest(request)) : this.#acceptFeed(claim);
	}

	override async webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
		if (!this.#feeders.has(socket)) return socket.close(speaksOnlyCloseCode, "a log only speaks");
		await this.#feeders.take(
			socket,
			data,
			(claim, offset, bytes) => this.append(claim, offset, bytes),
			() => this.#standing(),
		);
	}

	/**
	 * The last viewer went, so the runner need not hurry; whose socket it was cannot be asked any more. A hibernating socket's
	 * close is not answered by the platform: without an answer the other end waits 10 s for it.
	 */
	override webSocketClose(socket: WebSocket): void {
		if (socket.readyState === WebSocket.CLOSING) socket.close(doneCloseCode);
		if (this.#viewers.count(socket) === 0) this.#tellFeeder();
	}

	/** The sealer's own times come first: while its tries fail, viewers' tokens are looked at as often as it tries. */
	override async alarm(): Promise<void> {
		await this.#ends.look();
		await this.#sealer.alarm();
		if ((this.#store.load()?.tries ?? 0) === 0) await this.#ends.wakeForLook();
	}

	async #acceptViewer({ from, hasBegun, restsOn }: ReturnType<typeof readLogViewRequest>): Promise<Response> {
		if (this.#store.load() === null) {
			const isSealed = !hasBegun || (await this.#sealer.archived().catch(() => null)) !== null;
			if (this.#store.load() === null && (isSealed || this.#sealer.sealed)) return noLogView("log-elsewhere");
		}
		if (from > (this.#watched()?.length ?? 0)) return noLogView("past-end");
		if (this.#viewers.count() >= logViewersMax) return noLogView("viewers-max");
		const { 0: client, 1: server } = new WebSocketPair();
		this.#viewers.accept(server, from, this.#ends.tagsOf(restsOn));
		await this.#ends.wakeForLook();
		if (this.#viewers.count() === 1) this.#tellFeeder();
		return new Response(null, { status: 101, webSocket: client });
	}

	async #acceptFeed(claim: LeaseClaim): Promise<Response> {
		const admitted = await this.#admit(claim);
		const isStale = !admitted.ok || this.#store.open().row.epoch !== claim.epoch || isAdrift(this.#store.open().log);
		if (isStale) return noLogFeed(admitted.ok ? { code: "lease-stale" } : admitted.refusal);
		return this.#feeders.accept(claim, { ...this.#standing(), ...this.#demand(true) });
	}

	/** Before the first byte: the lease must have started, and the log must not be in the archive. */
	async #admit(claim: LeaseClaim, kind: AppendKind = "live"): Promise<Result<null>> {
		const known = this.#store.load();
		if (known !== null && (known.bytesMax !== null || known.epoch !== claim.epoch)) return accept(null);
		const { state, work, hasEnded, logBytesMax } = await repoCalls(this.env, claim).confirmLog(claim);
		if (work === "unstarted") return refuse({ code: "lease-not-started" });
		// The log of an attempt that goes on is in no archive.
		const found = known === null && hasEnded ? await this.#sealer.archived().catch(() => null) : null;
		const row = this.#store.load();
		const archived = this.#sealer.sealed ?? found;
		// Of what a runner left, the first may be here before the repository has told the end, which it tells until it is heard.
		if (kind !== "live" && row === null && archived === null && hasEnded)
			throw new Outage("the log's end is not told yet");
		// What was closed has been told its end by the repository itself; late bytes are still welcome.
		if (state === "lost" && work !== "held" && !row?.closed) return refuse({ code: "lease-stale" });
		if (row === null && archived !== null) return refuse({ code: "log-sealed", length: archived.record.length ?? 0 });
		if (row === null || row.bytesMax === null) {
			const { epoch } = row ?? claim;
			this.#store.save({ steps: [], closed: null, tries: 0, ...row, epoch, lease: state, bytesMax: logBytesMax });
		}
		return accept(null);
	}

	/** [L4] What the archive has already, as far as its length tells: the claim was found to be this log's own. */
	#passedOver(refused: { ok: false; refusal: Refusal }, end: number): Result<LogAppended> {
		const { refusal } = refused;
		if (refusal.code !== "log-sealed" || end > refusal.length) return refused;
		return accept({ length: refusal.length, lease: "ok", ...this.#demand(false) });
	}

	/** Its runner's next process has nothing more of it. */
	#noteWhole(length: number): void {
		const { row, log } = this.#store.open();
		if (isAdrift(log) && row.closed) this.#store.save({ ...row, closed: { ...row.closed, length } });
		else if (row.closed === null) this.#store.save({ ...row, wholeAt: length });
	}

	#tellFeeder(): void {
		if (this.#store.load() !== null && this.#feeders.isFed()) this.#feeders.tell(this.#standing());
	}

	#standing(): LogAppended {
		const { row, log } = this.#store.open();
		return this.#appended(log.length, row.lease);
	}

	#appended(length: number, lease: LeaseState): LogAppended {
		return { length, lease, ...this.#demand(this.#feeders.isFed()) };
	}

	#demand(isPushed: boolean): { intervalSeconds: number } {
		const isWatched = this.#viewers.count() > 0 || Date.now() - this.#readAt < readWatchedMs;
		return { intervalSeconds: uploadSeconds({ isWatched, isPushed }) };
	}

	#watched(): WatchedLog | null {
		if (this.#store.load() === null) return null;
		const { bytes, log } = this.#store.open();
		const { length } = bytes;
		const farewell = isAdrift(log) ? lostEnd(length, log.closed?.outcome ?? null) : null;
		return { length, ended: isComplete(log) || farewell !== null, farewell, read: (from, to) => bytes.read(from, to) };
	}
}

/** [L36] What a viewer of a lost attempt is told: what comes later stands in the archive. */
function lostEnd(length: number, outcome: string | null): LogEnd {
	return { type: "end", length, sha256: null, outcome, state: "partial" };
}
