// A runner's socket to its log, with no more on its way than a runner would have.
import { once } from "node:events";
import { WebSocket } from "./logs-socket.ts";
import type { Socket } from "./logs-socket.ts";
import { writeFrame } from "../../src/contracts/wire/sockets/log-frame.ts";
import type { Bench } from "../bench.ts";
import type { LogJob } from "./logs-jobs.ts";

/** Sent and not acknowledged yet. */
const windowBytes = 1024 * 1024;

export class BenchUpload {
	readonly #socket: Socket;
	#acknowledged = 0;
	#closed: string | null = null;
	#news: () => void = () => {};
	length = 0;
	frames = 0;

	private constructor(socket: Socket) {
		this.#socket = socket;
		socket.on("message", (data) => {
			this.#acknowledged = (JSON.parse(String(data)) as { length: number }).length;
			this.#news();
		});
		socket.on("close", (code, reason) => {
			this.#closed = `${code} ${reason}`;
			this.#news();
		});
	}

	static async open({ server }: Bench, { token }: LogJob): Promise<BenchUpload> {
		const url = `${server.ready.url.replace("http", "ws")}/v1/lease/log/feed`;
		const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` }, perMessageDeflate: false });
		const upload = new BenchUpload(socket);
		await once(socket, "open");
		return upload;
	}

	/** Resolves when more may be printed. */
	async print(text: string): Promise<void> {
		const bytes = Buffer.from(text);
		this.#socket.send(writeFrame(this.length, bytes));
		this.length += bytes.length;
		this.frames++;
		await this.#until(() => this.length - this.#acknowledged < windowBytes);
	}

	/** All that was printed is stored for good. */
	drained(): Promise<void> {
		return this.#until(() => this.#acknowledged >= this.length);
	}

	async end(): Promise<void> {
		await this.drained();
		this.#socket.close();
	}

	async #until(holds: () => boolean): Promise<void> {
		while (!holds()) {
			if (this.#closed !== null) throw new Error(`the upload was closed: ${this.#closed}`);
			await new Promise<void>((resolve) => {
				this.#news = resolve;
			});
		}
	}
}
