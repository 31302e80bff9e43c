// One attempt's log until it is sealed: takes bytes at an offset, shows them to whoever watches, then moves everything to the
// archive and forgets itself. An object that is empty has either not begun or is done; only the archive can tell which.
import { DurableObject } from "cloudflare:workers";
import type { LogName } from "../src/api/services.ts";
import type { LogEnd } from "../src/contracts/log-stream.ts";
import type { LeaseClaim, LogCalls, LogClose, LogStatus } from "../src/contracts/objects.ts";
import type { LeaseState } from "../src/contracts/runner.ts";
import type { LogRecord, StepRecord } from "../src/domain/job.ts";
import { alarmNearestMs, appendBytesMax } from "../src/domain/limits.ts";
import { decideAppend, decideSeal, openRecord, sealAgainAt, sealedRecord } from "../src/domain/log.ts";
import type { Log } from "../src/domain/log.ts";
import { accept, assert, refuse } from "../src/domain/refusal.ts";
import type { Result } from "../src/domain/refusal.ts";
import type { Archived } from "./archive.ts";
import { headLog, putLog } from "./archive.ts";
import type { Env } from "./env.ts";
import { LogBytes } from "./log-bytes.ts";
import type { LogRow } from "./log-tables.ts";
import { LogTables } from "./log-tables.ts";
import { LogViewers, logViewersMax } from "./log-viewers.ts";
import { repoCalls } from "./stubs.ts";

export class LogObject extends DurableObject<Env> implements LogCalls {
	readonly #tables: LogTables;
	readonly #viewers: LogViewers;
	/** A cache of storage; null when nothing was read yet, or nothing is there. */
	#row: LogRow | null = null;
	#bytes: LogBytes | null = null;
	/** Set when this incarnation moved the log to the archive: a call that began before finds it here. */
	#sealed: Archived | null = null;

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env);
		this.#tables = new LogTables(ctx.storage.sql);
		this.#viewers = new LogViewers(ctx, () => this.#watched());
		// Sockets that were being fed, or were owed a frame, when the object was put to sleep.
		if (this.#viewers.count() > 0) this.#viewers.flush();
	}

	async append(
		claim: LeaseClaim,
		offset: number,
		bytes: Uint8Array,
	): Promise<Result<{ length: number; lease: LeaseState }>> {
		assert(bytes.length <= appendBytesMax, "an append has at most 1 MiB");
		const admitted = await this.#admit(claim);
		if (!admitted.ok) return admitted;
		const { row, stored } = this.#open();
		const decided = decideAppend(this.#log(row, stored), { epoch: claim.epoch, offset, size: bytes.length });
		if (!decided.ok) return decided;
		const { skip, take } = decided.value;
		if (take > 0) {
			stored.append(bytes.subarray(skip));
			this.#viewers.tell();
			if (row.closed) await this.#scheduleSeal();
		}
		return accept({ length: stored.length, lease: row.lease });
	}

	async steps(claim: LeaseClaim, steps: StepRecord[]): Promise<Result<{ lease: LeaseState }>> {
		const admitted = await this.#admit(claim);
		if (!admitted.ok) return admitted;
		const { row } = this.#open();
		if (row.epoch !== claim.epoch || row.closed) return refuse({ code: "lease-stale" });
		this.#save({ ...row, steps });
		return accept({ lease: row.lease });
	}

	async close(call: LogClose): Promise<void> {
		// With the archive out of reach it is taken for new: the create-only put finds out.
		const found = this.#load() === null ? await this.#archived().catch(() => null) : null;
		const row = this.#load();
		const archived = this.#sealed ?? found;
		if (row === null && archived !== null) return this.#tellSealed(archived.record);
		if (row?.closed) return this.#scheduleSeal();
		const { epoch, outcome, length, sha256 } = call;
		const closed = { outcome, length, sha256, at: Date.now() };
		if (row === null) this.#tables.create();
		this.#save({ bytesMax: null, lease: "lost", steps: [], tries: 0, ...row, epoch, closed });
		await this.#scheduleSeal();
	}

	async status(): Promise<LogStatus | null> {
		const row = this.#load();
		if (row === null) return null;
		const log = this.#log(row, this.#stored());
		return { record: openRecord(log), length: log.length, outcome: row.closed?.outcome ?? null, steps: row.steps };
	}

	async read({ from, to }: { from: number; to: number }): Promise<Uint8Array | null> {
		if (this.#load() === null) return null;
		const stored = this.#stored();
		const end = Math.min(to, from + appendBytesMax, stored.length);
		return stored.read(Math.min(from, end), end);
	}

	/**
	 * `?from=` is an offset, `?begun=1` says that the attempt is known to have started, so an empty object is one that waits
	 * for its first byte. 404: nothing is here; 416: `from` is past the end; 503: too many watch.
	 */
	override async fetch(request: Request): Promise<Response> {
		const { searchParams } = new URL(request.url);
		const from = Number(searchParams.get("from"));
		if (this.#load() === null) {
			const isSealed = searchParams.get("begun") !== "1" || (await this.#archived().catch(() => null)) !== null;
			if (this.#load() === null && (isSealed || this.#sealed)) return new Response(null, { status: 404 });
		}
		if (from > (this.#watched()?.length ?? 0)) return new Response(null, { status: 416 });
		if (this.#viewers.count() >= logViewersMax) return new Response(null, { status: 503 });
		const { 0: client, 1: server } = new WebSocketPair();
		this.#viewers.accept(server, from);
		return new Response(null, { status: 101, webSocket: client });
	}

	override webSocketMessage(socket: WebSocket): void {
		socket.close(1_003, "a log only speaks");
	}

	/** [L9] Armed for the next try before this one begins, so that no end of it leaves the log behind. */
	override async alarm(): Promise<void> {
		const row = this.#load();
		if (row === null) return;
		const verdict = decideSeal(this.#log(row, this.#stored()), Date.now());
		if (verdict.kind === "open") return;
		if (verdict.kind === "wait") return this.ctx.storage.setAlarm(verdict.until);
		const tries = row.tries + 1;
		this.#save({ ...row, tries });
		await this.ctx.storage.setAlarm(sealAgainAt(tries, Date.now()));
		try {
			await this.#seal(verdict.missing);
		} catch (cause) {
			console.error(JSON.stringify({ event: "seal-failed", log: this.ctx.id.name, tries, cause: String(cause) }));
		}
	}

	/** Each step may have been done by an earlier try. */
	async #seal(missing: LogRecord["missing"]): Promise<void> {
		const { row, stored } = this.#open();
		const record = sealedRecord(this.#log(row, stored), missing, await stored.sha256());
		const outcome = row.closed?.outcome ?? null;
		const isNew = await putLog(this.env.ARCHIVE, this.#name(), { record, outcome, parts: stored.parts() });
		const archived = isNew ? { record, outcome } : await this.#earlier(record, outcome);
		const { state, length, sha256 } = archived.record;
		assert(state !== "live" && state !== "sealing", "an archive is sealed");
		const end: LogEnd = { type: "end", length: length ?? 0, sha256, outcome: archived.outcome, state };
		this.#viewers.end(end);
		await this.#tellSealed(archived.record);
		// Once more: somebody may have come to watch meanwhile.
		this.#viewers.end(end);
		this.#sealed = archived;
		this.#row = null;
		this.#bytes = null;
		await this.ctx.storage.deleteAll();
	}

	/** The archive that was there before. It is this log's, unless this object knows of no byte: then the archive knows better. */
	async #earlier(record: LogRecord, outcome: string | null): Promise<Archived> {
		const archived = await this.#archived();
		assert(archived, "a put that wrote nothing found an archive");
		const isSame = archived.record.sha256 === record.sha256;
		assert(isSame || record.length === 0, "an attempt has one log");
		return isSame ? { record, outcome } : archived;
	}

	/** Before the first byte: the lease must have started, and the log must not be in the archive. */
	async #admit(claim: LeaseClaim): Promise<Result<null>> {
		const known = this.#load();
		if (known !== null && (known.bytesMax !== null || known.epoch !== claim.epoch)) return accept(null);
		const [{ state, logBytesMax }, found] = await Promise.all([
			repoCalls(this.env, claim).confirmLog(claim),
			known === null ? this.#archived().catch(() => null) : null,
		]);
		const row = this.#load();
		const archived = this.#sealed ?? found;
		// What was closed has been told its end by the repository itself; late bytes are still welcome.
		if (state === "lost" && !row?.closed) return refuse({ code: "lease-stale" });
		if (row === null && archived !== null) return refuse({ code: "log-sealed", length: archived.record.length ?? 0 });
		if (row === null) this.#tables.create();
		if (row === null || row.bytesMax === null) {
			const { epoch } = row ?? claim;
			this.#save({ steps: [], closed: null, tries: 0, ...row, epoch, lease: state, bytesMax: logBytesMax });
		}
		return accept(null);
	}

	/** Now, or when the grace is over, or not yet. An alarm that is set is left where it is unless this one is earlier. */
	async #scheduleSeal(): Promise<void> {
		const { row, stored } = this.#open();
		if (row.tries > 0) return;
		const now = Date.now();
		const verdict = decideSeal(this.#log(row, stored), now);
		if (verdict.kind === "open") return;
		const at = verdict.kind === "wait" ? verdict.until : now + alarmNearestMs;
		const set = await this.ctx.storage.getAlarm();
		if (set === null || at < set) await this.ctx.storage.setAlarm(at);
	}

	#tellSealed(record: LogRecord): Promise<void> {
		const { job, attempt, ...repository } = this.#name();
		return repoCalls(this.env, repository).logSealed({ job, attempt, record });
	}

	async #archived(): Promise<Archived | null> {
		return this.#sealed ?? (await headLog(this.env.ARCHIVE, this.#name()));
	}

	#name(): LogName {
		const [owner, repo, job, attempt] = (this.ctx.id.name ?? "").split("/");
		assert(owner && repo && job && attempt, "a log is named owner/repo/job/attempt");
		return { owner, repo, job, attempt: Number(attempt) };
	}

	#load(): LogRow | null {
		this.#row ??= this.#tables.load();
		return this.#row;
	}

	#stored(): LogBytes {
		this.#bytes ??= new LogBytes(this.ctx.storage, this.#tables);
		return this.#bytes;
	}

	#open(): { row: LogRow; stored: LogBytes } {
		const row = this.#load();
		assert(row, "the log is here");
		return { row, stored: this.#stored() };
	}

	#save(row: LogRow): void {
		this.#tables.save(row);
		this.#row = row;
	}

	#log({ epoch, bytesMax, closed, tries }: LogRow, { length }: LogBytes): Log {
		return { epoch, length, bytesMax, closed, frozen: tries > 0 };
	}

	#watched(): { length: number; ended: boolean; read(from: number, to: number): Uint8Array } | null {
		const row = this.#load();
		if (row === null) return null;
		const stored = this.#stored();
		return { length: stored.length, ended: row.tries > 0, read: (from, to) => stored.read(from, to) };
	}
}
