// The connections of a shard's runners: long polls, which get one grant, and sessions, over which grants and cancels are pushed.
// What a socket must remember while the object sleeps is attached to it; the maps here are a cache of that. Whatever is done to a
// socket is done after the commit.
import type { ServerFrame } from "../../../contracts/wire/sockets/runner-session.ts";
import { doneCloseCode } from "../../../contracts/wire/sockets/close-code.ts";
import { readAttachment } from "../../../contracts/wire/sockets/runner-socket.ts";
import type { Attachment, Poll, Session } from "../../../contracts/wire/sockets/runner-socket.ts";
import type { Millis } from "../../../domain/ids.ts";
import type { RunnerSocket, RunnerSockets } from "../pool-ports.ts";

export class Connections {
	readonly #sockets: RunnerSockets;
	readonly #afterCommit: (effect: () => void) => void;
	/** In the order in which they began to wait. */
	readonly #polls = new Map<RunnerSocket, Poll>();
	readonly #sessions = new Map<RunnerSocket, Session>();
	readonly #byRunner = new Map<string, Set<RunnerSocket>>();

	constructor(sockets: RunnerSockets, afterCommit: (effect: () => void) => void) {
		this.#sockets = sockets;
		this.#afterCommit = afterCommit;
		const kept = sockets.open().map((socket) => ({ socket, held: readAttachment(socket.deserializeAttachment()) }));
		kept.sort((a, b) => sinceOf(a.held) - sinceOf(b.held));
		for (const { socket, held } of kept) if (held) this.#index(socket, held);
	}

	add(socket: RunnerSocket, held: Attachment): void {
		this.#index(socket, held);
		this.#afterCommit(() => socket.serializeAttachment(held));
	}

	polls(): Iterable<[RunnerSocket, Poll]> {
		return this.#polls;
	}

	/** Null once it was answered. */
	poll(socket: RunnerSocket): Poll | null {
		return this.#polls.get(socket) ?? null;
	}

	sessions(): Iterable<[RunnerSocket, Session]> {
		return this.#sessions;
	}

	session(socket: RunnerSocket): Session | null {
		return this.#sessions.get(socket) ?? null;
	}

	/** The session over which the runner is reached: the one that said hello. */
	sessionOf(runner: string): RunnerSocket | null {
		for (const socket of this.#byRunner.get(runner) ?? []) {
			if (this.#sessions.get(socket)?.instanceId) return socket;
		}
		return null;
	}

	/** The runner's other sessions. */
	siblings(socket: RunnerSocket): [RunnerSocket, Session][] {
		const own = this.#sessions.get(socket);
		const all = own ? [...(this.#byRunner.get(own.runner.id) ?? [])] : [];
		return all.flatMap((other) => {
			const session = this.#sessions.get(other);
			return session && other !== socket ? [[other, session] as [RunnerSocket, Session]] : [];
		});
	}

	change(socket: RunnerSocket, session: Session): void {
		this.#sessions.set(socket, session);
		this.#afterCommit(() => socket.serializeAttachment(session));
	}

	/** The last sign of life: what it said, or its last ping, which the platform answered while the object slept. */
	heardAt(socket: RunnerSocket, session: Session): Millis {
		return Math.max(session.heardAt, this.#sockets.pingedAt(socket) ?? 0);
	}

	/** To a socket that is gone nothing is sent: its close comes, or came, by itself. */
	send(socket: RunnerSocket, frame: ServerFrame): void {
		this.#afterCommit(() => whereOpen(() => socket.send(JSON.stringify(frame))));
	}

	/** Answers a poll, which is over with that. */
	answer(socket: RunnerSocket, text: string): void {
		this.forget(socket);
		this.#afterCommit(() =>
			whereOpen(() => {
				socket.send(text);
				socket.close(doneCloseCode, "granted");
			}),
		);
	}

	close(socket: RunnerSocket, code: number, reason: string): void {
		this.forget(socket);
		this.#afterCommit(() => whereOpen(() => socket.close(code, reason)));
	}

	/** Of one runner, polls and sessions alike. */
	closeAll(runner: string, code: number, reason: string): void {
		for (const socket of [...(this.#byRunner.get(runner) ?? [])]) this.close(socket, code, reason);
	}

	/** What the socket was, when it was still known. */
	forget(socket: RunnerSocket): Attachment | null {
		const held = this.#polls.get(socket) ?? this.#sessions.get(socket) ?? null;
		this.#polls.delete(socket);
		this.#sessions.delete(socket);
		if (held === null) return null;
		const siblings = this.#byRunner.get(held.runner.id);
		siblings?.delete(socket);
		if (siblings?.size === 0) this.#byRunner.delete(held.runner.id);
		return held;
	}

	#index(socket: RunnerSocket, held: Attachment): void {
		if (held.kind === "poll") this.#polls.set(socket, held);
		else this.#sessions.set(socket, held);
		const siblings = this.#byRunner.get(held.runner.id) ?? new Set();
		this.#byRunner.set(held.runner.id, siblings.add(socket));
	}
}

/** A socket that was closed in this very moment throws. */
function whereOpen(work: () => void): void {
	try {
		work();
	} catch {
		// It is closed, and whoever held its other end comes back.
	}
}

function sinceOf(held: Attachment | null): Millis {
	return held?.kind === "poll" ? held.since : 0;
}
