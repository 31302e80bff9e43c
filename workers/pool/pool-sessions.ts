// What runners say over their sessions. Of several processes of one runner the newest wins: it closes the others' sessions,
// and what only they held is lost at once.
import { readRunnerFrame } from "../../src/contracts/wire/runner-session.ts";
import type { RunnerFrame } from "../../src/contracts/wire/runner-session.ts";
import {
	doneCloseCode,
	forgottenCloseCode,
	malformedFrameCloseCode,
	replacedCloseCode,
} from "../../src/contracts/wire/close-code.ts";
import { parseStrictJson } from "../../src/contracts/wire/strict-json.ts";
import { unreachable } from "../../src/domain/refusal.ts";
import type { PoolLiveness } from "./pool-liveness.ts";
import type { PoolMembers } from "./pool-members.ts";
import type { PoolPause } from "./pool-pause.ts";
import type { PoolRunners } from "./pool-runners.ts";
import type { PoolSockets, Session } from "./pool-sockets.ts";

/** A session that has not said hello by then is closed with the next hello of its runner. */
const helloWithinMs = 15_000;

interface SessionParts {
	runners: PoolRunners;
	members: PoolMembers;
	sockets: PoolSockets;
	pause: PoolPause;
	liveness: PoolLiveness;
}

export class PoolSessions {
	readonly #runners: PoolRunners;
	readonly #members: PoolMembers;
	readonly #sockets: PoolSockets;
	readonly #pause: PoolPause;
	readonly #liveness: PoolLiveness;

	constructor({ runners, members, sockets, pause, liveness }: SessionParts) {
		this.#runners = runners;
		this.#members = members;
		this.#sockets = sockets;
		this.#pause = pause;
		this.#liveness = liveness;
	}

	async hear(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
		const session = this.#sockets.session(socket);
		if (session === null) return;
		const frame = readFrame(message);
		if (frame === null) return this.#sockets.close(socket, malformedFrameCloseCode, "not a frame of a session");
		switch (frame.type) {
			case "hello":
				return this.#hello(socket, session, frame);
			case "bye":
				this.#members.leaves(session.runner.id, Date.now());
				return this.#sockets.change(socket, { ...session, leaving: true, heardAt: Date.now() });
			default:
				return unreachable(frame);
		}
	}

	/** A hibernating socket's close is not answered by the platform; without an answer the other end waits 10 s for it. */
	left(socket: WebSocket): void {
		const held = this.#sockets.forget(socket);
		this.#sockets.close(socket, doneCloseCode, "left");
		if (held?.kind === "session" && this.#sockets.sessionOf(held.runner.id) === null) {
			this.#runners.closed(held.runner.id, Date.now());
			this.#liveness.detach(held.runner.id);
		}
	}

	async #hello(socket: WebSocket, session: Session, frame: RunnerFrame & { type: "hello" }): Promise<void> {
		const { instanceId, leases } = frame;
		const now = Date.now();
		const runner = this.#runners.see(session.runner, now);
		if (typeof runner === "string") return this.#sockets.close(socket, forgottenCloseCode, runner);
		const came = this.#runners.hello(runner, frame);
		if (came === "replaced")
			return this.#sockets.close(socket, replacedCloseCode, "a newer process of this runner came");
		const spoke = this.#runners.get(runner.id);
		if (spoke) this.#runners.speaks(spoke, frame);
		const hello = { ...session, instanceId, leaving: false, heardAt: now };
		this.#sockets.change(socket, hello);
		for (const [other, { instanceId: spoke, heardAt }] of this.#sockets.siblings(socket)) {
			// One that has just connected may be the newer process, whose hello is on its way.
			if (spoke === null && now - heardAt < helloWithinMs) continue;
			this.#sockets.close(other, replacedCloseCode, "a newer session of this runner");
		}
		this.#pause.greet(socket, hello);
		await this.#liveness.name(socket, hello, leases, came === "newer");
	}
}

/** Null for what is none. */
function readFrame(message: string | ArrayBuffer): RunnerFrame | null {
	if (typeof message !== "string") return null;
	const read = parseStrictJson(message);
	return read.ok ? readRunnerFrame(read.value) : null;
}
