// Which leases live. A session's pings, a poll, a heartbeat and every lease call are signs of life for the leases they name;
// while any lease is out, one alarm looks for quiet ones and tells their repositories.
import { forgottenCloseCode, tokenEndedCloseCode } from "../../../contracts/wire/sockets/close-code.ts";
import { tokenRevoked } from "../../../contracts/wire/sockets/stream-token.ts";
import type { Session } from "../../../contracts/wire/sockets/runner-socket.ts";
import type { LeaseId, Millis } from "../../../domain/ids.ts";
import {
	alarmNearestMs,
	livenessCheckMs,
	renewSeconds,
	restartGraceMs,
	startBySeconds,
} from "../../../domain/limits.ts";
import { findQuiet } from "../../../domain/pool/pool.ts";
import type { World } from "../../ports.ts";
import { repositoryOf } from "../held-leases.ts";
import type { PoolMemory } from "../pool-memory.ts";
import type { PoolOutside, RunnerSocket } from "../pool-ports.ts";
import type { LeaseEnd } from "./pool-runners.ts";
import type { PoolLease } from "../pool-tables.ts";
import type { PoolTurns } from "../pool-turns.ts";

export class PoolLiveness {
	readonly #world: World;
	readonly #outside: PoolOutside;
	readonly #turns: PoolTurns;

	constructor({ world, outside }: { world: World; outside: PoolOutside }, turns: PoolTurns) {
		this.#world = world;
		this.#outside = outside;
		this.#turns = turns;
	}

	/** While no lease was out nobody looked: that must not count as having been away. */
	begin(memory: PoolMemory, now: Millis): void {
		if (memory.nextLookAt > now) return;
		const at = now + livenessCheckMs;
		memory.nextLookAt = at;
		memory.look = { ...memory.look, lookedAt: now };
		memory.afterCommit(() => void this.#world.storage.setAlarm(at));
	}

	/** An alarm that should have come and is not set any more: it looks at once, and finds out for how long it was away. */
	async rearm(): Promise<void> {
		const { memory } = this.#turns;
		const now = this.#turns.now();
		if (memory.leases.count === 0 || memory.nextLookAt > now) return;
		const { storage } = this.#world;
		if ((await storage.getAlarm()) === null) await storage.setAlarm(now + alarmNearestMs);
	}

	/**
	 * What the runner says it holds. A lease it does not name, though it must have got it, is over: at once when a new instance
	 * speaks, since the old one's jobs died with it. If it names a lease that it does not have, the answer says that this is
	 * lost.
	 */
	name(
		{ memory, now }: { memory: PoolMemory; now: Millis },
		{ socket, session, leases }: { socket: RunnerSocket; session: Session; leases: LeaseId[] },
		isNewInstance: boolean,
	): PoolLease[] {
		const named = new Set(leases);
		const forgotten: PoolLease[] = [];
		for (const lease of memory.leases.of(session.runner.id)) {
			if (named.delete(lease.id)) memory.leases.attach(lease);
			else if (isNewInstance || now - lease.grantedAt > startBySeconds * 1_000) forgotten.push(lease);
		}
		memory.leases.touch(session.runner.id, now);
		for (const lease of named) memory.connections.send(socket, { type: "lost", lease });
		return forgotten;
	}

	/**
	 * A session ended by a close: its leases have their time to be named again from now. Their logs renewed nothing while there
	 * was a session, and have to if they are all that the runner still speaks to.
	 */
	detach(memory: PoolMemory, runner: string, now: Millis): void {
		for (const lease of memory.leases.of(runner)) {
			if (!lease.session) continue;
			memory.leases.detach(lease, now);
			const { identity } = lease;
			memory.afterCommit(() => {
				this.#outside
					.log(identity)
					.unattended(identity)
					.catch(() => undefined);
			});
		}
	}

	async look(): Promise<void> {
		const { memory } = this.#turns;
		const nextLookAt = memory.leases.count > 0 ? this.#turns.now() + livenessCheckMs : 0;
		memory.nextLookAt = nextLookAt;
		if (nextLookAt > 0) await this.#world.storage.setAlarm(nextLookAt);
		const quiet = this.#turns.take((present, now) => this.#findQuiet(present, now));
		await this.giveUp(quiet, renewSeconds * 1_000);
		const { leases, runners } = this.#turns.memory;
		await this.giveUp(
			[...leases.all()].filter(({ runner }) => runners.get(runner) === null),
			0,
			{ isPutOut: true },
		);
	}

	#findQuiet(memory: PoolMemory, now: Millis): PoolLease[] {
		const { connections, leases } = memory;
		for (const [, poll] of connections.polls()) leases.renew(poll.runner.id, poll.named ?? [], now);
		for (const [socket, session] of connections.sessions()) {
			leases.touch(session.runner.id, connections.heardAt(socket, session));
		}
		this.#noteVanished(memory, now);
		const { lookedAt, graceUntil } = memory.look;
		const found = findQuiet(leases.all(), { lastLookAt: lookedAt, graceUntil, now });
		memory.look = { lookedAt: now, graceUntil: found.graceUntil };
		return [...leases.all()].filter(({ id }) => found.quiet.includes(id));
	}

	/** A runner that is put out: what it holds is over at once, as if another had taken its place. The next look tries again. */
	async putOut(runner: string, why: "removed" | "its token was revoked"): Promise<void> {
		await this.giveUp(this.#turns.memory.leases.of(runner), 0, { isPutOut: true });
		this.#turns.take(({ connections }) => {
			if (why === "removed") connections.closeAll(runner, forgottenCloseCode, "this runner was removed");
			else connections.closeAll(runner, tokenEndedCloseCode, tokenRevoked);
		});
	}

	/** A lease that ended, and with it the runner if that was all it was for. */
	end({ memory, now }: { memory: PoolMemory; now: Millis }, id: LeaseId, how: LeaseEnd = "over"): void {
		const spent = memory.members.end(id, how, now);
		if (spent !== null) memory.connections.closeAll(spent.id, forgottenCloseCode, "its one job is over");
	}

	/**
	 * Sockets that went without a close: a deploy or a crash of the object dropped them, and their runners may come back. This
	 * does not tell their logs: a deploy dropped the upload sockets too, and a thousand calls are more than one alarm may make.
	 */
	#noteVanished({ leases, connections }: PoolMemory, now: Millis): void {
		for (const lease of leases.all()) {
			if (!lease.session || connections.sessionOf(lease.runner) !== null) continue;
			leases.detach(lease, now + restartGraceMs - renewSeconds * 1_000);
		}
	}

	/** Their repositories hear that these are lost; each is over here once its repository has. */
	async giveUp(leases: readonly PoolLease[], quietMs: number, how = { isPutOut: false }): Promise<void> {
		for (const [, group] of Map.groupBy(leases, repositoryOf)) {
			const [first] = group;
			if (!first) continue;
			const identities = group.map(({ identity }) => identity);
			try {
				await this.#outside.repo(first.identity).expire(identities, quietMs, how);
			} catch (cause) {
				// The next look finds them again.
				this.#world.report({ event: "expire-failed", cause: String(cause) });
				continue;
			}
			this.#turns.take((memory, now) => {
				for (const lease of group) {
					const socket = memory.connections.sessionOf(lease.runner);
					if (socket) memory.connections.send(socket, { type: "lost", lease: lease.id });
					this.end({ memory, now }, lease.id);
				}
			});
		}
	}
}
