// One owner: the truth about what of the owner's has ended before its time, and about what the owner has. The read model shows it
// and may be away; this may not, for whoever holds a token that was revoked. No owner's ends are kept with another's. The same
// program runs in OwnerObject and in Node's tests.
import type { LimitUse } from "../../contracts/http/limit.ts";
import type { LimitsCall } from "../../contracts/objects/objects.ts";
import type {
	MemberSet,
	OwnerCalls,
	OwnerMember,
	CountedRegistration,
	OwnerRunner,
	TokenEnd,
} from "../../contracts/objects/owner.ts";
import type { OwnerMembership } from "../../contracts/objects/person.ts";
import type { OwnedThing } from "../../contracts/objects/projectable.ts";
import type { DataKey, Resealed, SealedSecret, SecretCall, SecretFacts } from "../../contracts/objects/secrets.ts";
import { Outage } from "../../contracts/wire/outage.ts";
import { timeText } from "../../contracts/wire/time-text.ts";
import type { Millis } from "../../domain/ids.ts";
import { alarmNearestMs, tellAgainMaxMs, tellAgainMs } from "../../domain/limits.ts";
import { accept, refuse } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import type { World } from "../ports.ts";
import { EndedTables } from "./ended-tables.ts";
import { MemberTables } from "./member-tables.ts";
import { OwnedTables } from "./owned-tables.ts";
import { OwnerLimits } from "./owner-limits.ts";
import { OwnerMembers } from "./owner-members.ts";
import type { OwnerOutside, OwnerPorts } from "./owner-ports.ts";
import { OwnerRunners } from "./owner-runners.ts";
import { OwnerSecrets } from "./owner-secrets.ts";
import { OwnerTables } from "./owner-tables.ts";
import { RegistrationTables } from "./registration-tables.ts";
import { takeOver } from "./take-over.ts";

/** Ends published, and rows forgotten, by one alarm. */
const endsAtOnce = 100;
const forgottenAtOnce = 1_000;
/** A row is forgotten this much later at most: an alarm for each used ticket would be a wake-up a minute. */
const forgetAgainMs = 10 * 60_000;
/** Rows of one page of what the read model knew. */
const adoptedAtOnce = 5_000;

export class OwnerEngine implements OwnerCalls {
	readonly #name: string;
	readonly #world: World;
	readonly #outside: OwnerOutside;
	readonly #tables: OwnerTables;
	readonly #ended: EndedTables;
	readonly #owned: OwnedTables;
	readonly #limits: OwnerLimits;
	readonly #members: OwnerMembers;
	readonly #secrets: OwnerSecrets;
	readonly #registrations: RegistrationTables;
	readonly #runners: OwnerRunners;
	#adopting: Promise<boolean> | null = null;
	#takingOver: Promise<void> | null = null;
	#tellAgainMs = tellAgainMs;

	constructor(ports: OwnerPorts) {
		const { name, world, outside } = ports;
		this.#name = name;
		this.#world = world;
		this.#outside = outside;
		this.#tables = new OwnerTables(world.storage);
		this.#ended = new EndedTables(this.#tables);
		this.#owned = new OwnedTables(this.#tables);
		this.#registrations = new RegistrationTables(this.#tables);
		this.#limits = new OwnerLimits(this.#tables, { owned: this.#owned, now: () => world.now() });
		this.#runners = new OwnerRunners(ports, this.#tables);
		this.#members = new OwnerMembers(ports, this.#tables, new MemberTables(this.#tables, name));
		const { sealer } = outside;
		this.#secrets = new OwnerSecrets({ owner: name, world, sealer, tables: this.#tables });
	}

	async ended(tokens: string[]): Promise<string[] | null> {
		if (!this.#ended.isAdopted && !(await this.#adopt())) return null;
		return this.#ended.endedOf("token", tokens);
	}

	async endToken(end: TokenEnd): Promise<void> {
		if (!this.#ended.end("token", end, false)) return;
		this.#owned.endOwned(end.id, timeText(end.at));
		await this.#armToTell();
	}

	async opensSession({ token, ...place }: { token: string; pool: string; shard: number }): Promise<boolean> {
		const ended = await this.ended([token]);
		if (ended === null) throw new Outage("it is not known which of this owner's tokens have ended");
		if (ended.length > 0) return false;
		// One step with the look: an end that comes after it finds the place.
		this.#ended.addPlace(place);
		return true;
	}

	async countRegistration(call: Parameters<OwnerCalls["countRegistration"]>[0]): Promise<Result<null>> {
		const ended = await this.ended([call.token]);
		if (ended === null) throw new Outage("it is not known which of this owner's tokens have ended");
		if (ended.length > 0) return refuse({ code: "token-ended" });
		this.#registrations.forgetExpired(this.#world.now());
		if (this.#registrations.count(call)) return accept(null);
		return refuse({ code: "token-used-up", max: call.uses });
	}

	async uncountRegistration(registration: CountedRegistration): Promise<void> {
		this.#registrations.uncount(registration);
	}

	async useTicket({ id, until }: { id: string; until: Millis }): Promise<boolean> {
		const now = this.#world.now();
		const isFirst = this.#ended.end("ticket", { id, at: now, until }, true);
		if (isFirst) await this.#wakeBy(now + forgetAgainMs);
		return isFirst;
	}

	async own(things: OwnedThing[]): Promise<void> {
		this.#owned.own(things);
		if (!this.#owned.hasTakenOver) this.#outside.later(this.#takeOver().catch(() => undefined));
	}

	async owned(call: { kind: OwnedThing["kind"]; after: string; limit: number }): Promise<OwnedThing[]> {
		if (!this.#owned.hasTakenOver) await this.#takeOver();
		return this.#owned.owned(call);
	}

	async admit(thing: OwnedThing): Promise<Result<null>> {
		// While the read model does not answer, what came before this object is not counted: it shuts nobody out.
		if (!this.#owned.hasTakenOver) await this.#takeOver().catch(() => undefined);
		const may = this.#limits.refuse(thing);
		if (may.ok) this.#owned.own([thing]);
		return may;
	}

	async admitRunner(runner: OwnerRunner): Promise<Result<null>> {
		return this.#runners.admit(runner, (use) => this.#limits.refuseRunner(use));
	}

	async ownRunner(runner: OwnerRunner): Promise<void> {
		this.#runners.own(runner);
	}

	async disownRunner(id: string): Promise<void> {
		this.#runners.disown(id);
	}

	async limits(): Promise<LimitUse[]> {
		if (!this.#owned.hasTakenOver) await this.#takeOver().catch(() => undefined);
		await this.#runners.lookInTime();
		return this.#limits.show({ secrets: this.#secrets.facts().length, runners: this.#runners.count });
	}

	async setLimits(call: LimitsCall): Promise<LimitUse[]> {
		this.#limits.set(call);
		return this.limits();
	}

	async members({ after, limit }: { after: string; limit: number }): Promise<OwnerMember[]> {
		return this.#members.page(after, limit);
	}

	async setMember(call: Parameters<OwnerCalls["setMember"]>[0]): Promise<Result<MemberSet>> {
		const set = this.#members.set(call);
		if (set.ok) await this.#tellSoon();
		return set;
	}

	async removeMember(
		call: Parameters<OwnerCalls["removeMember"]>[0],
	): Promise<Result<{ removed: OwnerMember | null }>> {
		const removed = this.#members.remove(call);
		if (removed.ok) await this.#tellSoon();
		return removed;
	}

	async takeInvitation(
		call: Parameters<OwnerCalls["takeInvitation"]>[0],
	): Promise<{ membership: OwnerMembership; isNews: boolean } | null> {
		const taken = this.#members.take(call);
		if (taken !== null) await this.#tellSoon();
		return taken;
	}

	async #tellSoon(): Promise<void> {
		await this.#armToTell();
		this.#outside.later(this.#members.tell());
	}

	/**
	 * To be called right after the change, before anything is waited for: then both are stored or neither, and an object that dies
	 * here tells all the same. (I10)
	 */
	#armToTell(): Promise<void> {
		this.#tellAgainMs = tellAgainMs;
		return this.#world.storage.setAlarm(this.#world.now() + tellAgainMs);
	}

	async setSecret(call: SecretCall): Promise<Result<null>> {
		const { name, sealed } = call;
		const names = sealed === null ? [] : this.#secrets.facts().map((secret) => secret.name);
		const fits = sealed === null ? accept(null) : this.#limits.refuseSecret(name, names);
		return fits.ok ? this.#secrets.set(call) : fits;
	}

	async secrets(): Promise<SecretFacts[]> {
		return this.#secrets.facts();
	}

	async secretsFor(names: string[]): Promise<SealedSecret[]> {
		return this.#secrets.named(names);
	}

	/** Whoever has secrets of its own to seal is known to be the owner's from then on: a rotation comes by. */
	async dataKey({ repo }: { repo: string | null }): Promise<DataKey> {
		if (repo !== null) this.#owned.own([{ kind: "repository", name: repo }]);
		return this.#secrets.dataKey();
	}

	async beginRotation(): Promise<DataKey> {
		return this.#secrets.beginRotation();
	}

	async resealSecrets(call: { after: string; limit: number }): Promise<Resealed> {
		return this.#secrets.reseal(call);
	}

	async endRotation(version: number): Promise<void> {
		this.#secrets.endRotation(version);
	}

	/** One at a time. What fails is tried again by the next call; throws an `Outage` then. */
	#takeOver(): Promise<void> {
		this.#takingOver ??= takeOver(this.#outside.rows, this.#name, this.#owned)
			.then(() => this.#owned.tookOver(this.#world.now()))
			.finally(() => {
				this.#takingOver = null;
			});
		return this.#takingOver;
	}

	/** Armed again first, so that no end of the work leaves something without a next time. */
	async alarm(): Promise<void> {
		const { storage } = this.#world;
		if (this.#hasUntold) {
			await storage.setAlarm(this.#world.now() + this.#tellAgainMs);
			this.#tellAgainMs = Math.min(this.#tellAgainMs * 2, tellAgainMaxMs);
			const done = await Promise.all([this.#putOut(), this.#publish(), this.#members.tell()]);
			if (done.includes(false)) return;
			this.#tellAgainMs = tellAgainMs;
		}
		const now = this.#world.now();
		// Looked at anew: what came while the calls were under way found an alarm that was set.
		const isAll = this.#ended.forget(now, forgottenAtOnce) && !this.#hasUntold;
		const next = this.#ended.nextUntil();
		if (!isAll) await storage.setAlarm(now + alarmNearestMs);
		else if (next !== null) await storage.setAlarm(Math.max(next, now + forgetAgainMs));
		else await storage.deleteAlarm();
	}

	get #hasUntold(): boolean {
		return this.#ended.unpublished(1).length + this.#ended.notPutOut(1).length > 0 || this.#members.hasUntold;
	}

	/** [W63] Every place where a session may rest on them hears of it. If one does not answer, all hear of it again. */
	async #putOut(): Promise<boolean> {
		const tokens = this.#ended.notPutOut(endsAtOnce);
		if (tokens.length === 0) return true;
		const owner = this.#name;
		const calls = this.#ended.places().map((place) => this.#outside.pool({ owner, ...place }).tokensEnded(tokens));
		const failed = (await Promise.allSettled(calls)).find(({ status }) => status === "rejected");
		if (failed?.status === "rejected") {
			this.#world.report({ event: "ends-untold", owner, cause: String(failed.reason) });
			return false;
		}
		this.#runners.endTokens(tokens);
		this.#ended.putOut(tokens);
		return true;
	}

	async #publish(): Promise<boolean> {
		const ends = this.#ended.unpublished(endsAtOnce);
		if (ends.length === 0) return true;
		try {
			await this.#outside.rows.markRevoked(ends);
		} catch (cause) {
			this.#world.report({ event: "ends-untold", owner: this.#name, cause: String(cause) });
			return false;
		}
		this.#ended.markPublished(ends.map(({ id }) => id));
		return true;
	}

	/** One look at a time. False: the read model did not answer, so the caller gets no answer either. */
	#adopt(): Promise<boolean> {
		this.#adopting ??= this.#adoptOnce()
			.then(() => true)
			.catch((cause: unknown) => {
				this.#world.report({ event: "ends-unknown", owner: this.#name, cause: String(cause) });
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
		const found: TokenEnd[] = [];
		for (let after = ""; ; ) {
			const page = await this.#outside.rows.revoked({ owner: this.#name, after, limit: adoptedAtOnce });
			found.push(...page);
			const last = page.at(-1);
			if (last === undefined || page.length < adoptedAtOnce) break;
			after = last.id;
		}
		const now = this.#world.now();
		this.#tables.transaction(() => {
			for (const end of found) this.#ended.end("token", end, true);
			this.#ended.adopted(now);
		});
		const next = this.#ended.nextUntil();
		if (next !== null) await this.#wakeBy(Math.max(next, now + forgetAgainMs));
	}

	async #wakeBy(at: Millis): Promise<void> {
		const { storage } = this.#world;
		const set = await storage.getAlarm();
		if (set === null || set > at) await storage.setAlarm(at);
	}
}
