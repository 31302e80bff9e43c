// Which leases live. A session's pings, a poll, a heartbeat and every lease call are signs of life for the leases they name;
// while any lease is out, one alarm looks for quiet ones and tells their repositories.
import type { LeaseId, Millis } from "../../src/domain/ids.ts";
import {
	alarmNearestMs,
	livenessCheckMs,
	renewSeconds,
	restartGraceMs,
	startBySeconds,
} from "../../src/domain/limits.ts";
import { findQuiet } from "../../src/domain/pool/pool.ts";
import type { Env } from "../env.ts";
import { tokenRevoked } from "../../src/contracts/wire/stream-token.ts";
import { forgottenCloseCode, tokenEndedCloseCode } from "../../src/contracts/wire/close-code.ts";
import type { PoolMembers } from "./pool-members.ts";
import type { LeaseEnd, PoolRunners } from "./pool-runners.ts";
import type { PoolSockets, Session } from "./pool-sockets.ts";
import type { PoolLease, PoolTables } from "./pool-tables.ts";
import { logCalls, repoCalls } from "../stubs.ts";
import { report } from "../report.ts";

export class PoolLiveness {
	readonly #ctx: DurableObjectState;
	readonly #env: Env;
	readonly #tables: PoolTables;
	readonly #runners: PoolRunners;
	readonly #members: PoolMembers;
	readonly #sockets: PoolSockets;
	/** For which the alarm is set, as far as is known: 0 after waking. */
	#nextLookAt: Millis = 0;

	constructor(
		{ ctx, env }: { ctx: DurableObjectState; env: Env },
		parts: { tables: PoolTables; runners: PoolRunners; members: PoolMembers; sockets: PoolSockets },
	) {
		this.#ctx = ctx;
		this.#env = env;
		this.#tables = parts.tables;
		this.#runners = parts.runners;
		this.#members = parts.members;
		this.#sockets = parts.sockets;
	}

	/** While no lease was out nobody looked: that must not count as having been away. */
	begin(): void {
		const now = Date.now();
		if (this.#nextLookAt > now) return;
		this.#nextLookAt = now + livenessCheckMs;
		this.#tables.saveLook({ ...this.#tables.look(), lookedAt: now });
		void this.#ctx.storage.setAlarm(now + livenessCheckMs);
	}

	/** An alarm that should have come and is not set any more: it looks at once, and finds out for how long it was away. */
	async rearm(): Promise<void> {
		const now = Date.now();
		if (this.#members.leaseCount === 0 || this.#nextLookAt > now) return;
		if ((await this.#ctx.storage.getAlarm()) === null) await this.#ctx.storage.setAlarm(now + alarmNearestMs);
	}

	/**
	 * What the runner says it holds. A lease it does not name, though it must have got it, is over: at once when a new
	 * instance speaks, since the old one's jobs died with it. A lease it names and does not have is told to be lost.
	 */
	async name(socket: WebSocket, session: Session, leases: LeaseId[], isNewInstance: boolean): Promise<void> {
		const now = Date.now();
		const named = new Set(leases);
		const forgotten: PoolLease[] = [];
		for (const lease of this.#members.leasesOf(session.runner.id)) {
			if (named.delete(lease.id)) this.#members.attach(lease);
			else if (isNewInstance || now - lease.grantedAt > startBySeconds * 1_000) forgotten.push(lease);
		}
		this.#members.touch(session.runner.id, now);
		for (const lease of named) this.#sockets.send(socket, { type: "lost", lease });
		await this.expire(forgotten, 0);
	}

	/** A session ended by a close: its leases have their time to be named again from now. */
	detach(runner: string): void {
		const now = Date.now();
		for (const lease of this.#members.leasesOf(runner)) if (lease.session) this.#detach(lease, now);
	}

	/** Its log renewed nothing while there was a session, and has to if it is all that its runner still speaks to. */
	#detach(lease: PoolLease, renewedAt: Millis): void {
		this.#members.detach(lease, renewedAt);
		void logCalls(this.#env, lease.claim)
			.unattended(lease.claim)
			.catch(() => undefined);
	}

	async look(): Promise<void> {
		const now = Date.now();
		this.#nextLookAt = this.#members.leaseCount > 0 ? now + livenessCheckMs : 0;
		if (this.#nextLookAt > 0) await this.#ctx.storage.setAlarm(this.#nextLookAt);
		for (const [, poll] of this.#sockets.polls()) this.#members.renew(poll.runner.id, poll.named ?? [], now);
		for (const [socket, session] of this.#sockets.sessions()) {
			this.#members.touch(session.runner.id, this.#sockets.heardAt(socket, session));
		}
		this.#noteVanished(now);
		const { lookedAt, graceUntil } = this.#tables.look();
		const found = findQuiet(this.#members.leases(), { lastLookAt: lookedAt, graceUntil, now });
		this.#tables.saveLook({ lookedAt: now, graceUntil: found.graceUntil });
		await this.expire(
			[...this.#members.leases()].filter(({ id }) => found.quiet.includes(id)),
			renewSeconds * 1_000,
		);
		const orphans = [...this.#members.leases()].filter(({ runner }) => this.#runners.get(runner) === null);
		await this.expire(orphans, 0);
	}

	/** A runner that is put out: what it holds is over at once, as if another had taken its place. The next look tries again. */
	async remove(runner: string, why: "removed" | "its token was revoked"): Promise<void> {
		await this.expire(this.#members.leasesOf(runner), 0);
		if (why === "removed") this.#sockets.closeAll(runner, forgottenCloseCode, "this runner was removed");
		else this.#sockets.closeAll(runner, tokenEndedCloseCode, tokenRevoked);
	}

	/** Leases that ended, and with one the runner if that was all it was for. */
	end(id: LeaseId, how: LeaseEnd = "over"): void {
		const spent = this.#members.end(id, how);
		if (spent !== null) this.#sockets.closeAll(spent.id, forgottenCloseCode, "its one job is over");
	}

	/**
	 * Sockets that went without a close: a deploy or a crash of the object dropped them, and their runners may come back. Their
	 * logs are not told: a deploy dropped the feeds too, and a thousand calls are more than one alarm may make.
	 */
	#noteVanished(now: Millis): void {
		for (const lease of [...this.#members.leases()]) {
			if (!lease.session || this.#sockets.sessionOf(lease.runner) !== null) continue;
			this.#members.detach(lease, now + restartGraceMs - renewSeconds * 1_000);
		}
	}

	async expire(leases: readonly PoolLease[], quietMs: number): Promise<void> {
		for (const [, group] of Map.groupBy(leases, ({ claim }) => `${claim.owner}/${claim.repo}`)) {
			const [first] = group;
			if (!first) continue;
			try {
				await repoCalls(this.#env, first.claim).expire(
					group.map(({ claim }) => claim),
					quietMs,
				);
			} catch (cause) {
				// The next look finds them again.
				report({ event: "expire-failed", cause: String(cause) });
				continue;
			}
			for (const lease of group) {
				const socket = this.#sockets.sessionOf(lease.runner);
				if (socket) this.#sockets.send(socket, { type: "lost", lease: lease.id });
				this.end(lease.id);
			}
		}
	}
}
