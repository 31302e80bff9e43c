// The Durable Object of one person, of one name that somebody is invited by, of one token or the operator: gives its engine the
// platform's storage and clock, and passes each call on.
import { DurableObject } from "cloudflare:workers";
import type { HeldSession, Holder, OwnerMembership, PersonCalls } from "../../src/contracts/objects/person.ts";
import { PersonEngine } from "../../src/engine/person/person-engine.ts";
import type { Env } from "../env.ts";
import { worldOf } from "../world.ts";

export class PersonObject extends DurableObject<Env> implements PersonCalls {
	readonly #engine: PersonEngine;

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env);
		this.#engine = new PersonEngine({ world: worldOf(ctx) });
	}

	standing(sessions: string[]) {
		return this.#engine.standing(sessions);
	}

	openSession(call: { session: HeldSession; holder: Holder }) {
		return this.#engine.openSession(call);
	}

	sessions() {
		return this.#engine.sessions();
	}

	endSession(id: string) {
		return this.#engine.endSession(id);
	}

	hearMembership(news: { owner: string; version: number; membership: OwnerMembership | null }) {
		return this.#engine.hearMembership(news);
	}

	memberships() {
		return this.#engine.memberships();
	}

	holder() {
		return this.#engine.holder();
	}

	override alarm() {
		return this.#engine.alarm();
	}
}
