// The wire of a runner's session: frames both ways. What a frame means to jobs, and when to come back, is the runner's.
import type { RunnerFrame, ServerFrame } from "../contracts/wire/sockets/runner-session.ts";
import { ServerSocket } from "./server-socket.ts";
import type { SocketEnd } from "./server-socket.ts";

export interface SessionOptions {
	url: string;
	token: string;
	/** Ten seconds find a silent server after 20: before any lease has gone quiet. */
	pingMs: number;
	onFrame: (frame: ServerFrame) => void;
	onContact: (sentAt: number) => void;
	/** The clock of `sentAt`; else `performance.now`. */
	now?: () => number;
}

export class RunnerSession {
	readonly #socket: ServerSocket;

	private constructor(socket: ServerSocket) {
		this.#socket = socket;
	}

	/** Throws an `Outage` when none can be opened. */
	static async open({ onFrame, ...options }: SessionOptions): Promise<RunnerSession> {
		const onText = (text: string) => {
			const frame = readFrame(text);
			if (frame !== null) onFrame(frame);
		};
		return new RunnerSession(await ServerSocket.open({ ...options, path: "/v1/runner/session", onText }));
	}

	get closed(): Promise<SocketEnd> {
		return this.#socket.closed;
	}

	say(frame: RunnerFrame): void {
		this.#socket.send(JSON.stringify(frame));
		// A socket takes words for a server that is gone. The answer to this ping proves that the server has heard what was
		// said.
		this.#socket.ask();
	}

	close(): void {
		this.#socket.close();
	}
}

/** Null for what is none. */
function readFrame(text: string): ServerFrame | null {
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}
