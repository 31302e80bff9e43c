// What runners say over their sessions. Of several processes of one runner the newest wins: it closes the others' sessions,
// and what only they held is lost at once.
import { readRunnerFrame } from "../../../contracts/wire/sockets/runner-session.ts";
import type { RunnerFrame } from "../../../contracts/wire/sockets/runner-session.ts";
import {
	doneCloseCode,
	forgottenCloseCode,
	malformedFrameCloseCode,
	replacedCloseCode,
} from "../../../contracts/wire/sockets/close-code.ts";
import { parseStrictJson } from "../../../contracts/wire/json/strict-json.ts";
import type { Session } from "../../../contracts/wire/sockets/runner-socket.ts";
import type { Millis } from "../../../domain/ids.ts";
import { unreachable } from "../../../domain/refusal.ts";
import type { PoolLiveness } from "./pool-liveness.ts";
import type { PoolMemory } from "../pool-memory.ts";
import type { RunnerSocket } from "../pool-ports.ts";
import type { PoolLease } from "../pool-tables.ts";
import type { PoolTurns } from "../pool-turns.ts";
import { greet } from "../shard-pause.ts";

/** A session that has not said hello by then is closed with the next hello of its runner. */
const helloWithinMs = 15_000;

type Hello = RunnerFrame & { type: "hello" };

export class PoolSessions {
	readonly #turns: PoolTurns;
	readonly #liveness: PoolLiveness;

	constructor(turns: PoolTurns, liveness: PoolLiveness) {
		this.#turns = turns;
		this.#liveness = liveness;
	}

	async hear(socket: RunnerSocket, message: string | ArrayBuffer): Promise<void> {
		const forgotten = this.#turns.take((memory, now) => this.#hear({ memory, now }, socket, message));
		await this.#liveness.giveUp(forgotten, 0);
	}

	/** Leases that are over, since their runner does not name them. */
	#hear({ memory, now }: { memory: PoolMemory; now: Millis }, socket: RunnerSocket, message: string | ArrayBuffer) {
		const { connections, members } = memory;
		const session = connections.session(socket);
		if (session === null) return [];
		const frame = readFrame(message);
		if (frame === null) {
			connections.close(socket, malformedFrameCloseCode, "not a frame of a session");
			return [];
		}
		switch (frame.type) {
			case "hello":
				return this.#hello({ memory, now }, { socket, session }, frame);
			case "bye":
				members.leaves(session.runner.id, now);
				connections.change(socket, { ...session, leaving: true, heardAt: now });
				return [];
			default:
				return unreachable(frame);
		}
	}

	/** A hibernating socket's close is not answered by the platform; without an answer the other end waits 10 s for it. */
	left(socket: RunnerSocket): void {
		this.#turns.take((memory, now) => {
			const { connections, runners } = memory;
			const held = connections.forget(socket);
			connections.close(socket, doneCloseCode, "left");
			if (held?.kind !== "session" || connections.sessionOf(held.runner.id) !== null) return;
			runners.closed(held.runner.id, now);
			this.#liveness.detach(memory, held.runner.id, now);
		});
	}

	#hello(
		{ memory, now }: { memory: PoolMemory; now: Millis },
		{ socket, session }: { socket: RunnerSocket; session: Session },
		frame: Hello,
	): PoolLease[] {
		const { instanceId, leases } = frame;
		const { connections, runners } = memory;
		const runner = runners.see(session.runner, now);
		if (typeof runner === "string") {
			connections.close(socket, forgottenCloseCode, runner);
			return [];
		}
		const came = runners.hello(runner, frame);
		if (came === "replaced") {
			connections.close(socket, replacedCloseCode, "a newer process of this runner came");
			return [];
		}
		const spoke = runners.get(runner.id);
		if (spoke) runners.speaks(spoke, frame);
		const hello = { ...session, instanceId, leaving: false, heardAt: now };
		connections.change(socket, hello);
		for (const [other, { instanceId: spoke, heardAt }] of connections.siblings(socket)) {
			// One that has just connected may be the newer process, whose hello is on its way.
			if (spoke === null && now - heardAt < helloWithinMs) continue;
			connections.close(other, replacedCloseCode, "a newer session of this runner");
		}
		greet(memory, socket, hello);
		return this.#liveness.name({ memory, now }, { socket, session: hello, leases }, came === "newer");
	}
}

/** Null for what is none. */
function readFrame(message: string | ArrayBuffer): RunnerFrame | null {
	if (typeof message !== "string") return null;
	const read = parseStrictJson(message);
	return read.ok ? readRunnerFrame(read.value) : null;
}
