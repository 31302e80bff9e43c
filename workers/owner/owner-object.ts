// One owner: the truth about what of the owner's has ended before its time. The read model shows it and may be away; this may
// not, for whoever holds a token that was revoked. No owner's ends are kept with another's.
//
// Members, sessions, the owner's secrets and limits in use will have their place here, each in tables of its own; a session that
// was ended is one more kind of row in `ended`.
import { DurableObject } from "cloudflare:workers";
import type { OwnerCalls, TokenEnd } from "../../src/contracts/objects/owner.ts";
import type { OwnedThing } from "../../src/contracts/objects/projectable.ts";
import { Outage } from "../../src/contracts/wire/outage.ts";
import { timeText } from "../../src/contracts/wire/time-text.ts";
import type { Millis } from "../../src/domain/ids.ts";
import { alarmNearestMs, tellAgainMaxMs, tellAgainMs } from "../../src/domain/limits.ts";
import { assert } from "../../src/domain/refusal.ts";
import { listRevoked, markTokensRevoked } from "../../src/store/tokens.ts";
import type { Env } from "../env.ts";
import { database } from "../bindings/read-model.ts";
import { report } from "../report.ts";
import { poolCalls } from "../bindings/stubs.ts";
import { OwnerTables } from "./owner-tables.ts";
import { takeOver } from "./take-over.ts";

/** Ends published, and rows forgotten, by one alarm. */
const endsAtOnce = 100;
const forgottenAtOnce = 1_000;
/** A row is forgotten this much later at most: an alarm for each used ticket would be a wake-up a minute. */
const forgetAgainMs = 10 * 60_000;
/** Rows of one page of what the read model knew. */
const adoptedAtOnce = 5_000;

export class OwnerObject extends DurableObject<Env> implements OwnerCalls {
	readonly #tables: OwnerTables;
	#adopting: Promise<boolean> | null = null;
	#takingOver: Promise<void> | null = null;
	#tellAgainMs = tellAgainMs;

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env);
		this.#tables = new OwnerTables(ctx.storage);
	}

	async ended(tokens: string[]): Promise<string[] | null> {
		if (!this.#tables.isAdopted && !(await this.#adopt())) return null;
		return this.#tables.endedOf("token", tokens);
	}

	async endToken(end: TokenEnd): Promise<void> {
		if (!this.#tables.end("token", end, false)) return;
		this.#tables.endOwned(end.id, timeText(end.at));
		this.#tellAgainMs = tellAgainMs;
		await this.#wakeBy(Date.now() + tellAgainMs);
	}

	async opensSession({ token, ...place }: { token: string; pool: string; shard: number }): Promise<boolean> {
		const ended = await this.ended([token]);
		if (ended === null) throw new Outage("it is not known which of this owner's tokens have ended");
		if (ended.length > 0) return false;
		// One step with the look: an end that comes after it finds the place.
		this.#tables.addPlace(place);
		return true;
	}

	async useTicket({ id, until }: { id: string; until: Millis }): Promise<boolean> {
		const now = Date.now();
		const isFirst = this.#tables.end("ticket", { id, at: now, until }, true);
		if (isFirst) await this.#wakeBy(now + forgetAgainMs);
		return isFirst;
	}

	async own(things: OwnedThing[]): Promise<void> {
		this.#tables.own(things);
		if (!this.#tables.hasTakenOver) this.ctx.waitUntil(this.#takeOver().catch(() => undefined));
	}

	async owned(call: { kind: OwnedThing["kind"]; after: string; limit: number }): Promise<OwnedThing[]> {
		if (!this.#tables.hasTakenOver) await this.#takeOver();
		return this.#tables.owned(call);
	}

	/** One at a time. What fails is tried again by the next call; throws an `Outage` then. */
	#takeOver(): Promise<void> {
		this.#takingOver ??= takeOver(database(this.env), this.#name(), this.#tables).finally(() => {
			this.#takingOver = null;
		});
		return this.#takingOver;
	}

	/** Armed again first, so that no end of the work leaves something without a next time. */
	override async alarm(): Promise<void> {
		const now = Date.now();
		const unpublished = this.#tables.unpublished(endsAtOnce);
		const notPutOut = this.#tables.notPutOut(endsAtOnce);
		if (unpublished.length + notPutOut.length > 0) {
			await this.ctx.storage.setAlarm(now + this.#tellAgainMs);
			this.#tellAgainMs = Math.min(this.#tellAgainMs * 2, tellAgainMaxMs);
			const done = await Promise.all([this.#putOut(notPutOut), this.#publish(unpublished)]);
			if (done.includes(false)) return;
			this.#tellAgainMs = tellAgainMs;
		}
		const isMore = Math.max(unpublished.length, notPutOut.length) === endsAtOnce;
		const isAll = this.#tables.forget(now, forgottenAtOnce) && !isMore;
		const next = this.#tables.nextUntil();
		if (!isAll) await this.ctx.storage.setAlarm(now + alarmNearestMs);
		else if (next !== null) await this.ctx.storage.setAlarm(Math.max(next, now + forgetAgainMs));
		else await this.ctx.storage.deleteAlarm();
	}

	/** [W63] Every place where a session may rest on them hears of it. If one does not answer, all hear of it again. */
	async #putOut(tokens: string[]): Promise<boolean> {
		if (tokens.length === 0) return true;
		const owner = this.#name();
		const calls = this.#tables.places().map((place) => poolCalls(this.env, { owner, ...place }).tokensEnded(tokens));
		const failed = (await Promise.allSettled(calls)).find(({ status }) => status === "rejected");
		if (failed?.status === "rejected") {
			report({ event: "ends-untold", owner, cause: String(failed.reason) });
			return false;
		}
		this.#tables.putOut(tokens);
		return true;
	}

	async #publish(ends: { id: string; at: Millis }[]): Promise<boolean> {
		if (ends.length === 0) return true;
		try {
			await markTokensRevoked(database(this.env), ends);
		} catch (cause) {
			report({ event: "ends-untold", owner: this.ctx.id.name, cause: String(cause) });
			return false;
		}
		this.#tables.markPublished(ends.map(({ id }) => id));
		return true;
	}

	/** One look at a time. False: the read model did not answer, so the caller gets no answer either. */
	#adopt(): Promise<boolean> {
		this.#adopting ??= this.#adoptOnce()
			.then(() => true)
			.catch((cause: unknown) => {
				report({ event: "ends-unknown", owner: this.ctx.id.name, cause: String(cause) });
				return false;
			})
			.finally(() => {
				this.#adopting = null;
			});
		return this.#adopting;
	}

	/**
	 * Tokens that were revoked before this object was, by a version for which the read model was the truth. Once: from then on
	 * what is missing there, or comes back there, changes nothing.
	 */
	async #adoptOnce(): Promise<void> {
		const owner = this.#name();
		const found: TokenEnd[] = [];
		for (let after = ""; ; ) {
			const page = await listRevoked(database(this.env), { owner, after, limit: adoptedAtOnce });
			found.push(...page);
			const last = page.at(-1);
			if (last === undefined || page.length < adoptedAtOnce) break;
			after = last.id;
		}
		const now = Date.now();
		this.ctx.storage.transactionSync(() => {
			for (const end of found) this.#tables.end("token", end, true);
			this.#tables.adopted(now);
		});
		const next = this.#tables.nextUntil();
		if (next !== null) await this.#wakeBy(Math.max(next, now + forgetAgainMs));
	}

	#name(): string {
		const { name } = this.ctx.id;
		assert(name !== undefined, "an owner's object has the owner's name");
		return name;
	}

	async #wakeBy(at: Millis): Promise<void> {
		const set = await this.ctx.storage.getAlarm();
		if (set === null || set > at) await this.ctx.storage.setAlarm(at);
	}
}
