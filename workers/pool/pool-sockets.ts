// The sockets of a pool shard: long polls, which get one grant, and sessions, over which grants and cancels are pushed. What a
// socket must remember while the object sleeps is in its attachment; the maps here are a cache of those.
import { doneCloseCode } from "../../src/contracts/wire/close-code.ts";
import type { RunnerIdentity } from "../../src/contracts/objects/objects.ts";
import type { ServerFrame } from "../../src/contracts/wire/runner-session.ts";
import type { LeaseId, Millis } from "../../src/domain/ids.ts";

/** Waits for one grant. `named` null: the runner did not say what it holds. */
export interface Poll {
	kind: "poll";
	runner: RunnerIdentity;
	named: LeaseId[] | null;
	since: Millis;
}

/** `instanceId` is null until the runner said hello: before that it gets nothing. */
export interface Session {
	kind: "session";
	runner: RunnerIdentity;
	instanceId: string | null;
	/** It said bye: no grants any more. */
	leaving: boolean;
	/** When it last said something itself; pings are known to the platform. */
	heardAt: Millis;
}

export class PoolSockets {
	readonly #ctx: DurableObjectState;
	/** In the order in which they began to wait. */
	readonly #polls = new Map<WebSocket, Poll>();
	readonly #sessions = new Map<WebSocket, Session>();
	readonly #byRunner = new Map<string, Set<WebSocket>>();

	constructor(ctx: DurableObjectState) {
		this.#ctx = ctx;
		ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
		const open = ctx.getWebSockets().filter((socket) => socket.readyState === WebSocket.OPEN);
		const kept = open.map((socket) => ({ socket, held: socket.deserializeAttachment() as Poll | Session | null }));
		kept.sort((a, b) => sinceOf(a.held) - sinceOf(b.held));
		for (const { socket, held } of kept) if (held) this.#index(socket, held);
	}

	accept(held: Poll | Session): Response {
		const { 0: client, 1: server } = new WebSocketPair();
		this.#ctx.acceptWebSocket(server);
		this.#index(server, held);
		server.serializeAttachment(held);
		return new Response(null, { status: 101, webSocket: client });
	}

	polls(): Iterable<[WebSocket, Poll]> {
		return this.#polls;
	}

	isWaiting(socket: WebSocket): boolean {
		return this.#polls.has(socket);
	}

	sessions(): Iterable<[WebSocket, Session]> {
		return this.#sessions;
	}

	session(socket: WebSocket): Session | null {
		return this.#sessions.get(socket) ?? null;
	}

	/** The session of a runner that is to be told something: the one that said hello. */
	sessionOf(runner: string): WebSocket | null {
		for (const socket of this.#byRunner.get(runner) ?? []) {
			if (this.#sessions.get(socket)?.instanceId) return socket;
		}
		return null;
	}

	/** The runner's other sessions. */
	siblings(socket: WebSocket): [WebSocket, Session][] {
		const own = this.#sessions.get(socket);
		const all = own ? [...(this.#byRunner.get(own.runner.id) ?? [])] : [];
		return all.flatMap((other) => {
			const session = this.#sessions.get(other);
			return session && other !== socket ? [[other, session] as [WebSocket, Session]] : [];
		});
	}

	change(socket: WebSocket, session: Session): void {
		this.#sessions.set(socket, session);
		socket.serializeAttachment(session);
	}

	/** The last sign of life: what it said, or its last ping, which the platform answered while the object slept. */
	heardAt(socket: WebSocket, session: Session): Millis {
		return Math.max(session.heardAt, this.#ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0);
	}

	/** False when the socket is gone already; its close will be, or was, told. */
	send(socket: WebSocket, frame: ServerFrame): boolean {
		try {
			socket.send(JSON.stringify(frame));
			return true;
		} catch {
			return false;
		}
	}

	/** Answers a poll. False when its end went away in this very moment. */
	answer(socket: WebSocket, text: string): boolean {
		this.forget(socket);
		try {
			socket.send(text);
			socket.close(doneCloseCode, "granted");
			return true;
		} catch {
			return false;
		}
	}

	close(socket: WebSocket, code: number, reason: string): void {
		this.forget(socket);
		try {
			socket.close(code, reason);
		} catch {
			// It is closed.
		}
	}

	/** Of one runner, polls and sessions alike. */
	closeAll(runner: string, code: number, reason: string): void {
		for (const socket of [...(this.#byRunner.get(runner) ?? [])]) this.close(socket, code, reason);
	}

	/** What the socket was, when it was still known. */
	forget(socket: WebSocket): Poll | Session | null {
		const held = this.#polls.get(socket) ?? this.#sessions.get(socket) ?? null;
		this.#polls.delete(socket);
		this.#sessions.delete(socket);
		if (held === null) return null;
		const siblings = this.#byRunner.get(held.runner.id);
		siblings?.delete(socket);
		if (siblings?.size === 0) this.#byRunner.delete(held.runner.id);
		return held;
	}

	#index(socket: WebSocket, held: Poll | Session): void {
		if (held.kind === "poll") this.#polls.set(socket, held);
		else this.#sessions.set(socket, held);
		const siblings = this.#byRunner.get(held.runner.id) ?? new Set();
		this.#byRunner.set(held.runner.id, siblings.add(socket));
	}
}

function sinceOf(held: Poll | Session | null): Millis {
	return held?.kind === "poll" ? held.since : 0;
}
