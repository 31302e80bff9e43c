// The end of a log: when it is due, the move to the archive, and the call to the repository. Each step may have been done by an
// earlier try that died; none of them is done twice with another result.
import type { LogEnd } from "../../contracts/http/streams/log-stream.ts";
import type { LogRecord, StepRecord } from "../../domain/job/job.ts";
import { alarmNearestMs } from "../../domain/limits.ts";
import { decideSeal, isComplete, sealAgainAt, sealedRecord } from "../../domain/log/log.ts";
import { assert } from "../../domain/refusal.ts";
import { logObjectName } from "../../contracts/wire/object-name.ts";
import type { Archived, LogPorts } from "./log-ports.ts";
import type { LogStore } from "./log-store.ts";

/** While the operator's switch holds it up: no sooner than an isolate hears of it. */
const lookMs = 30_000;
const dayMs = 24 * 60 * 60 * 1_000;

export class LogSealer {
	readonly #ports: LogPorts;
	readonly #store: LogStore;
	/** Gives the end to all sockets. */
	readonly #end: (end: LogEnd) => void;
	/** Set when this incarnation moved the log to the archive: a call that began before finds it here. */
	#sealed: Archived | null = null;
	#isSealing = false;

	constructor(ports: LogPorts, store: LogStore, end: (end: LogEnd) => void) {
		this.#ports = ports;
		this.#store = store;
		this.#end = end;
	}

	/** What this incarnation itself has moved. */
	get sealed(): Archived | null {
		return this.#sealed;
	}

	async archived(): Promise<Archived | null> {
		return this.#sealed ?? (await this.#ports.outside.archive.head(this.#ports.name));
	}

	/**
	 * [L9] Seals in a moment, or when the grace is over, or not yet. The alarm is set before, so that no end of a try leaves the
	 * log behind; most never see it, since it is gone with the log.
	 */
	async schedule(): Promise<void> {
		const { world, outside } = this.#ports;
		const { row, log } = this.#store.open();
		if (row.tries > 0 || this.#isSealing) return;
		const now = world.now();
		const verdict = decideSeal(log, now);
		if (verdict.kind === "open") return;
		const at = verdict.kind === "wait" ? verdict.until : sealAgainAt(1, now);
		const set = await world.storage.getAlarm();
		if (set === null || at < set) await world.storage.setAlarm(at);
		if (verdict.kind === "seal") outside.later(world.wait(alarmNearestMs).done.then(() => this.#trySeal()));
	}

	async alarm(): Promise<void> {
		const { world } = this.#ports;
		if (this.#store.load() === null) return;
		const { row, log } = this.#store.open();
		const now = world.now();
		const verdict = decideSeal(log, now);
		if (verdict.kind === "open") return;
		await world.storage.setAlarm(verdict.kind === "wait" ? verdict.until : sealAgainAt(row.tries + 1, now));
		if (verdict.kind === "seal") await this.#trySeal();
	}

	/** Never throws. A log that would still take bytes is frozen first. */
	async #trySeal(): Promise<void> {
		const { world, name } = this.#ports;
		const store = this.#store;
		if (this.#isSealing || store.load() === null) return;
		const { row, log } = store.open();
		const verdict = decideSeal(log, world.now());
		if (verdict.kind !== "seal") return;
		// [M10] No try, and so no longer wait for the next: the log stays as it is until the operator lets it move.
		if (!this.#ports.outside.mayArchive()) {
			await world.storage.setAlarm(world.now() + lookMs);
			return;
		}
		this.#isSealing = true;
		const tries = row.tries + 1;
		if (!isComplete(log)) store.save({ ...row, tries });
		try {
			await this.#seal(verdict.missing);
		} catch (cause) {
			world.report({ event: "seal-failed", log: logObjectName(name), tries, cause: String(cause) });
			const now = store.load();
			if (now !== null) store.save({ ...now, tries });
		} finally {
			this.#isSealing = false;
		}
	}

	/** Tells the repository what the archive has. `steps` are in this object until the repository has them. */
	reportSealed(record: LogRecord, steps: StepRecord[] = []): Promise<void> {
		const { job, attempt } = this.#ports.name;
		return this.#ports.outside.repo().logSealed({ job, attempt, record, steps });
	}

	async #seal(missing: LogRecord["missing"]): Promise<void> {
		const store = this.#store;
		const { outside, name } = this.#ports;
		const sha256 = store.load() === null ? "" : await store.open().bytes.sha256();
		// An alarm that came twice may have moved everything meanwhile.
		if (store.load() === null) return;
		const { row, bytes, log } = store.open();
		const { outcome = null, at = 0, retentionDays } = row.closed ?? {};
		const expiresAt = retentionDays === undefined ? null : at + retentionDays * dayMs;
		const record = { ...sealedRecord(log, missing, sha256), ...(expiresAt === null ? {} : { expiresAt }) };
		const isNew = await outside.archive.put(name, { record, outcome, expiresAt, parts: bytes.parts() });
		const archived = isNew ? { record, outcome } : await this.#earlier(record, outcome);
		const end = endOf(archived);
		this.#end(end);
		await this.reportSealed(archived.record, row.steps);
		// Once more: somebody may have come to watch meanwhile.
		this.#end(end);
		this.#sealed = archived;
		await store.deleteAll();
	}

	/** The archive that was there before. It is this log's, unless this object knows of no byte: then the archive knows better. */
	async #earlier(record: LogRecord, outcome: string | null): Promise<Archived> {
		const archived = await this.archived();
		assert(archived, "a put that wrote nothing found an archive");
		const isSame = archived.record.sha256 === record.sha256;
		assert(isSame || record.length === 0, "an attempt has one log");
		return isSame ? { record, outcome } : archived;
	}
}

function endOf({ record: { state, length, sha256 }, outcome }: Archived): LogEnd {
	assert(state !== "live" && state !== "sealing", "an archive is sealed");
	return { type: "end", length: length ?? 0, sha256, outcome, state };
}
