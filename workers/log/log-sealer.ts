// The end of a log: when it is due, the move to the archive, and telling the repository. Each step may have been done by an
// earlier try that died; none of them is done twice with another result.
import { readLogObjectName } from "../../src/contracts/wire/object-name.ts";
import type { LogName } from "../../src/contracts/wire/object-name.ts";
import type { LogEnd } from "../../src/contracts/http/log-stream.ts";
import type { LogRecord, StepRecord } from "../../src/domain/job/job.ts";
import { alarmNearestMs } from "../../src/domain/limits.ts";
import { decideSeal, isComplete, sealAgainAt, sealedRecord } from "../../src/domain/log/log.ts";
import { assert } from "../../src/domain/refusal.ts";
import type { Archived } from "./archive.ts";
import { headLog, putLog } from "./archive.ts";
import type { Env } from "../env.ts";
import type { LogStore } from "./log-store.ts";
import { repoCalls } from "../stubs.ts";
import { report } from "../report.ts";

const dayMs = 24 * 60 * 60 * 1_000;

interface LogObjectParts {
	ctx: DurableObjectState;
	env(): Env;
	store: LogStore;
	/** Whoever listens is told the end. */
	end(end: LogEnd): void;
}

export class LogSealer {
	readonly #object: LogObjectParts;
	/** Set when this incarnation moved the log to the archive: a call that began before finds it here. */
	#sealed: Archived | null = null;
	#isSealing = false;

	constructor(object: LogObjectParts) {
		this.#object = object;
	}

	/** What this incarnation itself has moved. */
	get sealed(): Archived | null {
		return this.#sealed;
	}

	async archived(): Promise<Archived | null> {
		return this.#sealed ?? (await headLog(this.#object.env().ARCHIVE, this.#name()));
	}

	/**
	 * [L9] Seals in a moment, or when the grace is over, or not yet. The alarm is set before, so that no end of a try leaves the
	 * log behind; most never see it, since it is gone with the log.
	 */
	async schedule(): Promise<void> {
		const { store, ctx } = this.#object;
		const { row, log } = store.open();
		if (row.tries > 0 || this.#isSealing) return;
		const now = Date.now();
		const verdict = decideSeal(log, now);
		if (verdict.kind === "open") return;
		const at = verdict.kind === "wait" ? verdict.until : sealAgainAt(1, now);
		const set = await ctx.storage.getAlarm();
		if (set === null || at < set) await ctx.storage.setAlarm(at);
		if (verdict.kind === "seal") ctx.waitUntil(scheduler.wait(alarmNearestMs).then(() => this.#trySeal()));
	}

	async alarm(): Promise<void> {
		const { store, ctx } = this.#object;
		if (store.load() === null) return;
		const { row, log } = store.open();
		const now = Date.now();
		const verdict = decideSeal(log, now);
		if (verdict.kind === "open") return;
		await ctx.storage.setAlarm(verdict.kind === "wait" ? verdict.until : sealAgainAt(row.tries + 1, now));
		if (verdict.kind === "seal") await this.#trySeal();
	}

	/** Never throws. A log that would still take bytes is frozen first. */
	async #trySeal(): Promise<void> {
		const { store, ctx } = this.#object;
		if (this.#isSealing || store.load() === null) return;
		const { row, log } = store.open();
		const verdict = decideSeal(log, Date.now());
		if (verdict.kind !== "seal") return;
		this.#isSealing = true;
		const tries = row.tries + 1;
		if (!isComplete(log)) store.save({ ...row, tries });
		try {
			await this.#seal(verdict.missing);
		} catch (cause) {
			report({ event: "seal-failed", log: ctx.id.name, tries, cause: String(cause) });
			const now = store.load();
			if (now !== null) store.save({ ...now, tries });
		} finally {
			this.#isSealing = false;
		}
	}

	/** `steps` are here until they were told. */
	tellSealed(record: LogRecord, steps: StepRecord[] = []): Promise<void> {
		const { job, attempt, ...repository } = this.#name();
		return repoCalls(this.#object.env(), repository).logSealed({ job, attempt, record, steps });
	}

	async #seal(missing: LogRecord["missing"]): Promise<void> {
		const { store, env, end } = this.#object;
		const sha256 = store.load() === null ? "" : await store.open().bytes.sha256();
		// An alarm that came twice may have moved everything meanwhile.
		if (store.load() === null) return;
		const { row, bytes, log } = store.open();
		const { outcome = null, at = 0, retentionDays } = row.closed ?? {};
		const expiresAt = retentionDays === undefined ? null : at + retentionDays * dayMs;
		const record = { ...sealedRecord(log, missing, sha256), ...(expiresAt === null ? {} : { expiresAt }) };
		const isNew = await putLog(env().ARCHIVE, this.#name(), { record, outcome, expiresAt, parts: bytes.parts() });
		const archived = isNew ? { record, outcome } : await this.#earlier(record, outcome);
		const message = endOf(archived);
		end(message);
		await this.tellSealed(archived.record, row.steps);
		// Once more: somebody may have come to watch meanwhile.
		end(message);
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

	#name(): LogName {
		return readLogObjectName(this.#object.ctx.id.name ?? "");
	}
}

function endOf({ record: { state, length, sha256 }, outcome }: Archived): LogEnd {
	assert(state !== "live" && state !== "sealing", "an archive is sealed");
	return { type: "end", length: length ?? 0, sha256, outcome, state };
}
