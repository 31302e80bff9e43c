// One session of a runner, from its opening to its end: frames both ways, and a ping whose answer is the proof of contact.
// Only the wire; what a frame means to jobs, and when to come back, is the runner's.
import type * as contract from "../contracts/runner-session.ts";
import type { RunnerFrame, ServerFrame } from "../contracts/runner-session.ts";
import { Outage } from "./call-failure.ts";
import { brokenCloseCode, openSocket } from "./socket.ts";

// In `contracts/runner-session.ts` too, which loads the schema library; the types fail if the two differ.
export const replacedCloseCode: typeof contract.replacedCloseCode = 4_009;
export const malformedFrameCloseCode: typeof contract.malformedFrameCloseCode = 4_400;

/** A server, or a proxy in front of it, that does not let a session begin within this will not. */
const openMs = 15_000;

export interface SessionOptions {
	url: string;
	token: string;
	/** Between pings. One that is unanswered when the next is due ends the session: 20 s, before any lease has gone quiet. */
	pingMs: number;
	onFrame: (frame: ServerFrame) => void;
	/** The server heard what was said up to `sentAt`. Frames of its own do not prove that it hears. */
	onContact: (sentAt: number) => void;
}

export interface SessionEnd {
	code: number;
	reason: string;
}

export class RunnerSession {
	readonly closed: Promise<SessionEnd>;
	readonly #options: SessionOptions;
	readonly #socket: WebSocket;
	readonly #opened: Promise<boolean>;
	#pingAt: number | null = null;
	#timer: NodeJS.Timeout | undefined;
	#end: (end: SessionEnd) => void = () => {};

	private constructor(options: SessionOptions) {
		this.#options = options;
		this.closed = new Promise((resolve) => {
			this.#end = resolve;
		});
		let settle: (isOpen: boolean) => void = () => {};
		this.#opened = new Promise((resolve) => {
			settle = resolve;
		});
		this.#socket = openSocket(
			{ url: options.url, path: "/v1/runner/session", token: options.token },
			{
				opened: () => settle(true),
				heard: (data) => this.#hear(data),
				closed: (code, reason) => {
					settle(false);
					this.#over({ code, reason });
				},
			},
		);
	}

	/** Throws an `Outage` when none can be opened, for whatever reason: a WebSocket does not say. */
	static async open(options: SessionOptions): Promise<RunnerSession> {
		const session = new RunnerSession(options);
		const timer = setTimeout(() => session.close(brokenCloseCode), openMs);
		const isOpen = await Promise.race([session.#opened, session.closed.then(() => false)]);
		clearTimeout(timer);
		if (!isOpen) throw new Outage("a session cannot be opened", { wasSent: true });
		session.#ping();
		return session;
	}

	say(frame: RunnerFrame): void {
		this.#send(JSON.stringify(frame));
		// So that contact is proved for what this frame named, and not only when the next ping is due.
		if (this.#pingAt === null) this.#ping();
	}

	/** Ends it here at once, whether or not the other side still answers. */
	close(code = 1_000, reason = ""): void {
		this.#over({ code, reason });
		this.#socket.close();
	}

	#over(end: SessionEnd): void {
		clearTimeout(this.#timer);
		this.#end(end);
	}

	#ping(): void {
		clearTimeout(this.#timer);
		if (this.#pingAt !== null) {
			this.close(brokenCloseCode, "the server went silent");
			return;
		}
		this.#pingAt = Date.now();
		this.#send("ping");
		this.#timer = setTimeout(() => this.#ping(), this.#options.pingMs);
	}

	#hear(data: string | ArrayBuffer): void {
		if (data === "pong") {
			if (this.#pingAt !== null) this.#options.onContact(this.#pingAt);
			this.#pingAt = null;
			return;
		}
		const frame = readFrame(data);
		// A later server may say what this runner does not know.
		if (frame !== null) this.#options.onFrame(frame);
	}

	#send(text: string): void {
		if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
	}
}

function readFrame(data: string | ArrayBuffer): ServerFrame | null {
	try {
		return JSON.parse(String(data));
	} catch {
		return null;
	}
}
