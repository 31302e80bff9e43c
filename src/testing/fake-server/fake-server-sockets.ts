// The fake server's end of a runner's sockets: one session, or the upload socket of one log.
import type { RunnerFrame, ServerFrame } from "../../contracts/wire/sockets/runner-session.ts";
import type { FakeLease } from "./fake-server-lease.ts";

/** What these need of a `ws` socket. */
export interface ServerSocket {
	on(event: "message", take: (data: Buffer, isBinary: boolean) => void): void;
	on(event: "close", take: () => void): void;
	on(event: "error", take: () => void): void;
	send(text: string): void;
	close(code: number, reason?: string): void;
	terminate(): void;
}

export class FakeSession {
	readonly frames: RunnerFrame[] = [];
	pings = 0;
	/** Pings stay unanswered, as if the connection were cut without a close. */
	isSilent = false;
	isOpen = true;
	readonly #socket: ServerSocket;

	constructor(socket: ServerSocket, heard: (session: FakeSession) => void) {
		this.#socket = socket;
		socket.on("error", () => {});
		socket.on("close", () => {
			this.isOpen = false;
			heard(this);
		});
		socket.on("message", (data) => {
			if (this.isSilent) return;
			if (data.toString() === "ping") {
				this.pings++;
				socket.send("pong");
			} else this.frames.push(JSON.parse(data.toString()));
			heard(this);
		});
	}

	get hellos(): Extract<RunnerFrame, { type: "hello" }>[] {
		return this.frames.flatMap((frame) => (frame.type === "hello" ? [frame] : []));
	}

	/** What it named last. */
	get leases(): string[] {
		return this.hellos.at(-1)?.leases ?? [];
	}

	/** It said hello last, and wants grants. */
	get isWaiting(): boolean {
		return this.isOpen && this.frames.at(-1)?.type === "hello";
	}

	send(frame: ServerFrame): void {
		this.#socket.send(JSON.stringify(frame));
	}

	close(code: number, reason = ""): void {
		this.#socket.close(code, reason);
	}

	/** Without a close. */
	cut(): void {
		this.#socket.terminate();
	}
}

export class FakeUploadSocket {
	intervalSeconds = 0;
	/** Bytes come and are not acknowledged. */
	isSilent = false;
	readonly #socket: ServerSocket;
	readonly #lease: FakeLease;

	constructor(socket: ServerSocket, lease: FakeLease, changed: () => void) {
		this.#socket = socket;
		this.#lease = lease;
		socket.on("error", () => {});
		socket.on("close", changed);
		this.acknowledge();
		socket.on("message", (data, isBinary) => {
			if (this.isSilent) return;
			if (!isBinary) {
				if (data.toString() === "ping") socket.send("pong");
				return;
			}
			lease.append(Number(data.readBigUInt64BE(0)), data.subarray(8));
			lease.frames++;
			this.acknowledge();
			changed();
		});
	}

	/** Also without being asked. */
	acknowledge(): void {
		const { log, state } = this.#lease;
		const { intervalSeconds } = this;
		this.#socket.send(JSON.stringify({ type: "ack", length: log.length, intervalSeconds, lease: state }));
	}

	close(code: number): void {
		this.#socket.close(code);
	}

	/** Without a close. */
	cut(): void {
		this.#socket.terminate();
	}
}
