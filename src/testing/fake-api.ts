// The API as a command sees it: a real server on loopback with answers laid down beforehand.
import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
// @ts-expect-error ws ships no types, and its users here are two lines.
import { WebSocketServer } from "ws";
import type { LogMessage } from "../contracts/http/streams/log-stream.ts";
import { doneCloseCode, tokenEndedCloseCode } from "../contracts/wire/sockets/close-code.ts";

export interface ApiCall {
	method: string;
	path: string;
	headers: IncomingMessage["headers"];
	json: unknown;
}

export interface ApiAnswer {
	status?: number;
	headers?: Record<string, string>;
	json?: unknown;
	text?: string;
	/** The connection is reset before the answer, or in the middle of its body; or nothing is ever said. */
	fault?: "reset" | "torn" | "silent";
	/** A body that comes in parts, and ends with the last. */
	parts?: () => AsyncIterable<string>;
}

interface ServerSocket {
	send(text: string): void;
	close(code: number): void;
}

const goingAwayCloseCode = 1_001;

export class FakeApi {
	readonly calls: ApiCall[] = [];
	/** By `METHOD /path`. Several answers are given in order, and the last one again and again. */
	readonly answers = new Map<string, ApiAnswer[]>();
	/** The messages of a job's live log, by the job's id; the socket is closed after them. */
	readonly logs = new Map<string, LogMessage[]>();
	/** The token is revoked while a live log is read: the log's end is that, and no other begins. */
	isRevoked = false;
	readonly #server: Server;

	constructor() {
		const sockets = new WebSocketServer({ noServer: true });
		this.#server = createServer((request, response) => {
			void this.#answer(request).then(async ({ status = 200, headers, json, text, parts, fault }) => {
				if (fault === "silent") return;
				if (fault === "reset") return request.socket.resetAndDestroy();
				response.writeHead(status, { ...headers, ...(fault === "torn" ? { "content-length": "1000" } : {}) });
				if (fault === "torn") return response.write(text ?? "{", () => request.socket.destroy());
				for await (const part of parts?.() ?? []) response.write(part);
				response.end(parts ? "" : (text ?? JSON.stringify(json)));
			});
		});
		let isOver = false;
		this.#server.on("upgrade", (request, socket, head) => {
			if (isOver) {
				socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
				return;
			}
			sockets.handleUpgrade(request, socket, head, (webSocket: ServerSocket) => {
				const job = /\/jobs\/([^/]+)\//.exec(request.url ?? "")?.[1] ?? "";
				const log = this.logs.get(job);
				for (const message of log ?? []) webSocket.send(JSON.stringify(message));
				// Of a log that it has not: as a server that goes away, so that the viewer comes back.
				webSocket.close(this.isRevoked ? tokenEndedCloseCode : log ? doneCloseCode : goingAwayCloseCode);
				isOver = this.isRevoked;
			});
		});
	}

	get url(): string {
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
	}

	async open(): Promise<void> {
		await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
	}

	async close(): Promise<void> {
		const closed = new Promise((resolve) => this.#server.close(resolve));
		this.#server.closeAllConnections();
		await closed;
	}

	on(call: string, ...answers: ApiAnswer[]): void {
		this.answers.set(call, answers);
	}

	async #answer(request: IncomingMessage): Promise<ApiAnswer> {
		const chunks: Uint8Array[] = [];
		for await (const chunk of request) chunks.push(chunk);
		const { method = "", url: path = "", headers } = request;
		const body = Buffer.concat(chunks).toString();
		this.calls.push({ method, path, headers, json: body === "" ? null : JSON.parse(body) });
		const answers = this.answers.get(`${method} ${path}`) ?? [];
		const answer = answers.length > 1 ? answers.shift() : answers[0];
		return answer ?? { status: 404, json: { code: "not-found", detail: `nothing at ${method} ${path}` } };
	}
}
