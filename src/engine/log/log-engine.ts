// One attempt's log until it is sealed: takes bytes at an offset, shows them to viewers, then moves everything to the archive and
// forgets itself. An object that is empty has either not begun or is done; only the archive can tell which. The same program runs
// in LogObject and in the simulation.
import type { LogEnd } from "../../contracts/http/streams/log-stream.ts";
import type { LeaseState } from "../../contracts/http/runner.ts";
import type { LeaseIdentity } from "../../contracts/objects/objects.ts";
import type { LogAppended, LogCalls, LogClose, LogStatus } from "../../contracts/objects/log-calls.ts";
import { speaksOnlyCloseCode } from "../../contracts/wire/sockets/close-code.ts";
import type { NoLogView, readLogViewRequest } from "../../contracts/wire/sockets/log-view-request.ts";
import { Outage } from "../../contracts/wire/outage.ts";
import type { StepRecord } from "../../domain/job/job.ts";
import { appendBytesMax } from "../../domain/limits.ts";
import { readWatchedMs, uploadSeconds } from "../../domain/log/log-demand.ts";
import type { LogChunk } from "../../domain/log/log-time.ts";
import { decideAppend, isAdrift, isComplete, openRecord } from "../../domain/log/log.ts";
import type { AppendKind } from "../../domain/log/log.ts";
import type { Refusal, Result } from "../../domain/refusal.ts";
import { accept, assert, refuse } from "../../domain/refusal.ts";
import type { AcceptSocket, HeldSocket } from "../sockets.ts";
import { tagsOf, WatcherEnds } from "../watcher-ends.ts";
import { UploadSockets } from "./upload-sockets.ts";
import type { LogPorts } from "./log-ports.ts";
import { LogSealer } from "./log-sealer.ts";
import { LogStore } from "./log-store.ts";
import { LogViewers, logViewersMax } from "./log-viewers.ts";
import type { WatchedLog } from "./log-viewers.ts";

export class LogEngine implements Omit<LogCalls, "fetch"> {
	readonly #ports: LogPorts;
	readonly #store: LogStore;
	readonly #viewers: LogViewers;
	readonly #uploads: UploadSockets;
	readonly #sealer: LogSealer;
	readonly #ends: WatcherEnds;
	/** When somebody read a part of the log last. */
	#readAt = 0;

	constructor(ports: LogPorts) {
		this.#ports = ports;
		this.#store = new LogStore(ports);
		this.#ends = new WatcherEnds(ports);
		this.#viewers = new LogViewers(ports, () => this.#watched());
		this.#uploads = new UploadSockets(ports);
		this.#sealer = new LogSealer(ports, this.#store, (end) => {
			this.#viewers.end(end);
			this.#uploads.end();
		});
		// Viewers that were catching up, or were owed a frame, when the object was put to sleep.
		if (this.#viewers.count() > 0) this.#viewers.flush();
	}

	async append(
		lease: LeaseIdentity,
		offset: number,
		bytes: Uint8Array,
		kind: AppendKind = "live",
	): Promise<Result<LogAppended>> {
		assert(bytes.length <= appendBytesMax, "an append has at most 1 MiB");
		if (!this.#ports.outside.hasRoom()) throw new Outage("the disk is full");
		const admitted = await this.#admit(lease, kind);
		if (!admitted.ok) return this.#passedOver(admitted, offset + bytes.length);
		const { row, bytes: stored, log } = this.#store.open();
		const decided = decideAppend(log, { epoch: lease.epoch, offset, size: bytes.length, kind });
		if (!decided.ok) return decided;
		const { skip, take } = decided.value;
		if (take > 0) {
			stored.append(bytes.subarray(skip), this.#ports.world.now());
			this.#viewers.flushSoon();
		}
		if (kind === "last") this.#noteWhole(stored.length);
		if (row.closed && (take > 0 || kind === "last")) await this.#sealer.schedule();
		return accept(this.#appended(stored.length, row.lease));
	}

	async steps(lease: LeaseIdentity, steps: StepRecord[]): Promise<Result<{ lease: LeaseState }>> {
		const admitted = await this.#admit(lease);
		if (!admitted.ok) return admitted;
		const { row } = this.#store.open();
		if (row.epoch !== lease.epoch || row.closed) return refuse({ code: "lease-stale" });
		this.#store.save({ ...row, steps });
		return accept({ lease: row.lease });
	}

	async cancel({ epoch, state = "canceling" }: Parameters<LogCalls["cancel"]>[0]): Promise<void> {
		const row = this.#store.load();
		if (row === null || row.epoch !== epoch || row.closed || row.lease === "lost" || row.lease === state) return;
		this.#store.save({ ...row, lease: state });
		this.#pushStanding();
	}

	async unattended({ epoch }: { epoch: number }): Promise<void> {
		this.#uploads.renewAgain(epoch);
	}

	async close(call: LogClose): Promise<void> {
		// With the archive out of reach the log is taken for new: the create-only put finds out.
		const found = this.#store.load() === null ? await this.#sealer.archived().catch(() => null) : null;
		const row = this.#store.load();
		const archived = this.#sealer.sealed ?? found;
		if (row === null && archived !== null) return this.#sealer.reportSealed(archived.record);
		if (row?.closed) return this.#sealer.schedule();
		const { epoch, outcome, length, sha256, retentionDays } = call;
		const whole = row?.wholeAt !== undefined && row.wholeAt === this.#store.open().bytes.length ? row.wholeAt : null;
		const closed = { outcome, length: length ?? whole, sha256, retentionDays, at: this.#ports.world.now() };
		// What was declared may still come, and is no reason to give up.
		const lease = length !== null && row?.lease === "lost" ? "ok" : (row?.lease ?? "lost");
		this.#store.save({ bytesMax: null, steps: [], tries: 0, ...row, lease, epoch, closed });
		if (isAdrift({ frozen: false, closed })) {
			this.#viewers.finish();
			this.#uploads.end();
		}
		await this.#sealer.schedule();
	}

	async status(call?: { isRead: boolean }): Promise<LogStatus | null> {
		if (call?.isRead) this.#readAt = this.#ports.world.now();
		if (this.#store.load() === null) return null;
		if (call?.isRead) this.#pushStanding();
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

	/** A viewer's socket is accepted, or the answer says why not. */
	async view(
		{ from, hasBegun, restsOn }: ReturnType<typeof readLogViewRequest>,
		acceptSocket: AcceptSocket,
	): Promise<NoLogView | null> {
		if (this.#store.load() === null) {
			const isSealed = !hasBegun || (await this.#sealer.archived().catch(() => null)) !== null;
			if (this.#store.load() === null && (isSealed || this.#sealer.sealed)) return "log-elsewhere";
		}
		if (from > (this.#watched()?.length ?? 0)) return "past-end";
		if (this.#viewers.count() >= logViewersMax) return "viewers-max";
		this.#viewers.accept(acceptSocket, from, tagsOf(restsOn));
		await this.#ends.wakeForLook();
		if (this.#viewers.count() === 1) this.#pushStanding();
		return null;
	}

	/** A runner's socket is accepted; else the lease may not write, as the refusal says. */
	async openUpload(lease: LeaseIdentity, acceptSocket: AcceptSocket): Promise<Result<{ lease: LeaseState }>> {
		const admitted = await this.#admit(lease);
		if (!admitted.ok) return admitted;
		const { row, log } = this.#store.open();
		if (row.epoch !== lease.epoch || isAdrift(log)) return refuse({ code: "lease-stale" });
		this.#uploads.open(lease, acceptSocket, { ...this.#standing(), ...this.#demand(true) });
		return accept({ lease: row.lease });
	}

	async hear(socket: HeldSocket, data: string | ArrayBuffer): Promise<void> {
		if (!this.#uploads.has(socket)) return socket.close(speaksOnlyCloseCode, "a log only speaks");
		await this.#uploads.take(
			socket,
			data,
			(lease, offset, bytes) => this.append(lease, offset, bytes),
			() => this.#standing(),
		);
	}

	/** When the last viewer went, the runner need not hurry. Whose socket it was cannot be asked any more. */
	left(socket: HeldSocket): void {
		if (this.#viewers.count(socket) === 0) this.#pushStanding();
	}

	/** The sealer's own times come first: while its tries fail, viewers' tokens are looked at as often as it tries. */
	async alarm(): Promise<void> {
		await this.#ends.look();
		await this.#sealer.alarm();
		if ((this.#store.load()?.tries ?? 0) === 0) await this.#ends.wakeForLook();
	}

	/** Before the first byte: the lease must have started, and the log must not be in the archive. */
	async #admit(lease: LeaseIdentity, kind: AppendKind = "live"): Promise<Result<null>> {
		const known = this.#store.load();
		if (known !== null && (known.bytesMax !== null || known.epoch !== lease.epoch)) return accept(null);
		const { state, work, hasEnded, logBytesMax } = await this.#ports.outside.repo().confirmLog(lease);
		if (work === "unstarted") return refuse({ code: "lease-not-started" });
		// The log of an attempt that goes on is in no archive. Of one that has ended, and of which nothing is here, only the
		// archive can tell whether it is sealed: while that does not answer nothing is taken, or a sealed log would begin again
		// and never end.
		const found = known === null && hasEnded ? await this.#sealer.archived() : null;
		const row = this.#store.load();
		const archived = this.#sealer.sealed ?? found;
		// Of what a runner left, the first may be here before the repository has told this log the end; it repeats that until
		// the log answers.
		if (kind !== "live" && row === null && archived === null && hasEnded)
			throw new Outage("the log's end is not told yet");
		// The repository itself told the end of a log that is closed; late bytes are still welcome.
		if (state === "lost" && work !== "held" && !row?.closed) return refuse({ code: "lease-stale" });
		if (row === null && archived !== null) return refuse({ code: "log-sealed", length: archived.record.length ?? 0 });
		if (row === null || row.bytesMax === null) {
			const { epoch } = row ?? lease;
			this.#store.save({ steps: [], closed: null, tries: 0, ...row, epoch, lease: state, bytesMax: logBytesMax });
		}
		return accept(null);
	}

	/** [L4] What the archive has already, as far as its length shows: the lease was found to be of this attempt. */
	#passedOver(refused: { ok: false; refusal: Refusal }, end: number): Result<LogAppended> {
		const { refusal } = refused;
		if (refusal.code !== "log-sealed" || end > refusal.length) return refused;
		return accept({ length: refusal.length, lease: "ok", ...this.#demand(false) });
	}

	/** The next process of the log's runner has nothing more of it. */
	#noteWhole(length: number): void {
		const { row, log } = this.#store.open();
		if (isAdrift(log) && row.closed) this.#store.save({ ...row, closed: { ...row.closed, length } });
		else if (row.closed === null) this.#store.save({ ...row, wholeAt: length });
	}

	#pushStanding(): void {
		if (this.#store.load() !== null && this.#uploads.isOpen()) this.#uploads.push(this.#standing());
	}

	#standing(): LogAppended {
		const { row, log } = this.#store.open();
		return this.#appended(log.length, row.lease);
	}

	#appended(length: number, lease: LeaseState): LogAppended {
		return { length, lease, ...this.#demand(this.#uploads.isOpen()) };
	}

	#demand(isPushed: boolean): { intervalSeconds: number } {
		const isWatched = this.#viewers.count() > 0 || this.#ports.world.now() - this.#readAt < readWatchedMs;
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

/** [L36] The end that a viewer of a lost attempt gets: what comes later stands in the archive. */
function lostEnd(length: number, outcome: string | null): LogEnd {
	return { type: "end", length, sha256: null, outcome, state: "partial" };
}
