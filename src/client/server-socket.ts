// A runner's standing connection, from its opening to its end: a ping now and then, whose answer proves that the server
// hears, and an end that always comes. What is said over it is its users' matter.
import { Outage } from "../contracts/wire/outage.ts";
import { brokenCloseCode, doneCloseCode } from "../contracts/wire/sockets/close-code.ts";
import { openSocket } from "./socket.ts";

/** A server, or a proxy in front of it, that does not let a connection begin within this will not. */
const openMs = 15_000;

export interface ServerSocketOptions {
	url: string;
	token: string;
	path: string;
	/** Between pings. One that is unanswered when the next is due ends the connection. */
	pingMs: number;
	onText: (text: string) => void;
	/** The server heard what was said up to `sentAt`. What it says by itself does not prove that it hears. */
	onContact?: (sentAt: number) => void;
	/** The clock of `sentAt`; else `performance.now`. */
	now?: () => number;
}

const elapsed = (): number => performance.now();

export interface SocketEnd {
	code: number;
	reason: string;
}

export class ServerSocket {
	readonly closed: Promise<SocketEnd>;
	readonly #options: ServerSocketOptions;
	readonly #socket: WebSocket;
	readonly #opened: Promise<boolean>;
	#pingAt: number | null = null;
	#timer: NodeJS.Timeout | undefined;
	#end: (end: SocketEnd) => void = () => {};

	private constructor(options: ServerSocketOptions) {
		this.#options = options;
		this.closed = new Promise((resolve) => {
			this.#end = resolve;
		});
		let settle: (isOpen: boolean) => void = () => {};
		this.#opened = new Promise((resolve) => {
			settle = resolve;
		});
		this.#socket = openSocket(options, {
			opened: () => settle(true),
			heard: (data) => this.#hear(data),
			closed: (code, reason) => {
				settle(false);
				this.#over({ code, reason });
			},
		});
	}

	/** Throws an `Outage` when none can be opened, for whatever reason: a WebSocket does not say. */
	static async open(options: ServerSocketOptions): Promise<ServerSocket> {
		const socket = new ServerSocket(options);
		const timer = setTimeout(() => socket.close(brokenCloseCode), openMs);
		const isOpen = await Promise.race([socket.#opened, socket.closed.then(() => false)]);
		clearTimeout(timer);
		if (!isOpen) throw new Outage(`no connection to ${options.path}`);
		socket.#ping();
		return socket;
	}

	send(data: string | Uint8Array): void {
		// What is said after the end is lost. `closed` tells its user, who says it again over the next connection or by a
		// call.
		if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(data);
	}

	/** Soon there will be contact for what was said before this. */
	ask(): void {
		if (this.#pingAt === null) this.#ping();
	}

	/** Ends it here at once, whether or not the other side still answers. */
	close(code: number = doneCloseCode, reason = ""): void {
		this.#over({ code, reason });
		this.#socket.close();
	}

	#over(end: SocketEnd): void {
		clearTimeout(this.#timer);
		this.#end(end);
	}

	#ping(): void {
		clearTimeout(this.#timer);
		// A whole interval without an answer. The timer is the only one that looks: a dead connection raises no event for hours.
		if (this.#pingAt !== null) {
			this.close(brokenCloseCode, "the server went silent");
			return;
		}
		this.#pingAt = (this.#options.now ?? elapsed)();
		this.send("ping");
		this.#timer = setTimeout(() => this.#ping(), this.#options.pingMs);
	}

	#hear(data: string | ArrayBuffer): void {
		if (data !== "pong") {
			if (typeof data === "string") this.#options.onText(data);
			return;
		}
		// By the ping's sending, not by the answer's arrival: nothing that was said in between is known to be heard.
		if (this.#pingAt !== null) this.#options.onContact?.(this.#pingAt);
		this.#pingAt = null;
	}
}
