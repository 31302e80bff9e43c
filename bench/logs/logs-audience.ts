// Viewers in a process of their own, so that what they use of a processor is not the publisher's; and the bare broadcaster that
// they are also set before.
import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { WebSocket } from "./logs-socket.ts";
import type { Socket } from "./logs-socket.ts";
import { Child } from "../child.ts";

export interface Heard {
	p50Ms: number;
	p99Ms: number;
	/** From the first line to the last viewer's last. */
	elapsedMs: number;
}

export interface WatchCall {
	url: string;
	token: string;
	viewers: number;
}

export class LogAudience {
	readonly #process: ChildProcess;

	private constructor(process: ChildProcess) {
		this.#process = process;
	}

	/** Resolves when all are connected. */
	static async watch(viewers: number, url: string, token: string): Promise<LogAudience> {
		const child = fork(fileURLToPath(new URL("./logs-viewers.ts", import.meta.url)));
		const audience = new LogAudience(child);
		await audience.#ask({ watch: { url, token, viewers } satisfies WatchCall });
		return audience;
	}

	/** When each has got so many lines; then they leave. */
	async hear(lines: number): Promise<Heard> {
		const heard = (await this.#ask({ hear: lines })) as Heard;
		this.#process.disconnect();
		return heard;
	}

	async #ask(question: object): Promise<unknown> {
		const answered = once(this.#process, "message");
		this.#process.send(question);
		const [{ answer, error }] = (await answered) as [{ answer?: unknown; error?: string }];
		if (error !== undefined) throw new Error(`the viewers: ${error}`);
		return answer;
	}
}

/** What is sent at most before it is on its way: the publisher must not fill its own memory. */
const bufferedMax = 1024 * 1024;

export class BareBroadcaster {
	readonly #server: Child<{ url: string }>;
	readonly #socket: Socket;

	private constructor(server: Child<{ url: string }>, socket: Socket) {
		this.#server = server;
		this.#socket = socket;
	}

	static async start(): Promise<BareBroadcaster> {
		const program = fileURLToPath(new URL("./logs-broadcaster.ts", import.meta.url));
		const server = await Child.start<{ url: string }>([program]);
		const socket = new WebSocket(`${server.ready.url}/publish`);
		await once(socket, "open");
		return new BareBroadcaster(server, socket);
	}

	audience(viewers: number): Promise<LogAudience> {
		return LogAudience.watch(viewers, `${this.#server.ready.url}/watch`, "");
	}

	async publish(text: string): Promise<void> {
		this.#socket.send(text);
		while (this.#socket.bufferedAmount > bufferedMax) await new Promise((resolve) => setImmediate(resolve));
	}

	async stop(): Promise<void> {
		this.#socket.close();
		await this.#server.stop();
	}
}
