// The Durable Object of one owner: gives its engine the platform's storage, clock and far ends, and passes each call on.
import { DurableObject } from "cloudflare:workers";
import type { LimitsCall } from "../../src/contracts/objects/objects.ts";
import type { OwnerCalls, CountedRegistration, OwnerRunner, TokenEnd } from "../../src/contracts/objects/owner.ts";
import type { OwnedThing } from "../../src/contracts/objects/projectable.ts";
import type { SecretCall } from "../../src/contracts/objects/secrets.ts";
import type { Millis } from "../../src/domain/ids.ts";
import { assert } from "../../src/domain/refusal.ts";
import { OwnerEngine } from "../../src/engine/owner/owner-engine.ts";
import type { Env } from "../env.ts";
import { worldOf } from "../world.ts";
import { ownerOutside } from "./owner-outside.ts";

export class OwnerObject extends DurableObject<Env> implements OwnerCalls {
	readonly #engine: OwnerEngine;

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env);
		const { name } = ctx.id;
		assert(name !== undefined, "an owner's object has the owner's name");
		const outside = ownerOutside(
			() => this.env,
			(work) => ctx.waitUntil(work),
		);
		this.#engine = new OwnerEngine({ name, world: worldOf(ctx), outside });
	}

	ended(tokens: string[]) {
		return this.#engine.ended(tokens);
	}

	endToken(end: TokenEnd) {
		return this.#engine.endToken(end);
	}

	opensSession(session: { token: string; pool: string; shard: number }) {
		return this.#engine.opensSession(session);
	}

	countRegistration(registration: Parameters<OwnerCalls["countRegistration"]>[0]) {
		return this.#engine.countRegistration(registration);
	}

	uncountRegistration(registration: CountedRegistration) {
		return this.#engine.uncountRegistration(registration);
	}

	useTicket(ticket: { id: string; until: Millis }) {
		return this.#engine.useTicket(ticket);
	}

	own(things: OwnedThing[]) {
		return this.#engine.own(things);
	}

	owned(call: { kind: OwnedThing["kind"]; after: string; limit: number }) {
		return this.#engine.owned(call);
	}

	admit(thing: OwnedThing) {
		return this.#engine.admit(thing);
	}

	admitRunner(runner: OwnerRunner) {
		return this.#engine.admitRunner(runner);
	}

	ownRunner(runner: OwnerRunner) {
		return this.#engine.ownRunner(runner);
	}

	disownRunner(id: string) {
		return this.#engine.disownRunner(id);
	}

	limits() {
		return this.#engine.limits();
	}

	setLimits(call: LimitsCall) {
		return this.#engine.setLimits(call);
	}

	members(call: { after: string; limit: number }) {
		return this.#engine.members(call);
	}

	setMember(call: Parameters<OwnerCalls["setMember"]>[0]) {
		return this.#engine.setMember(call);
	}

	removeMember(call: Parameters<OwnerCalls["removeMember"]>[0]) {
		return this.#engine.removeMember(call);
	}

	takeInvitation(call: Parameters<OwnerCalls["takeInvitation"]>[0]) {
		return this.#engine.takeInvitation(call);
	}

	setSecret(call: SecretCall) {
		return this.#engine.setSecret(call);
	}

	secrets() {
		return this.#engine.secrets();
	}

	secretsFor(names: string[]) {
		return this.#engine.secretsFor(names);
	}

	dataKey(call: { repo: string | null }) {
		return this.#engine.dataKey(call);
	}

	beginRotation() {
		return this.#engine.beginRotation();
	}

	resealSecrets(call: { after: string; limit: number }) {
		return this.#engine.resealSecrets(call);
	}

	endRotation(version: number) {
		return this.#engine.endRotation(version);
	}

	override alarm() {
		return this.#engine.alarm();
	}
}
