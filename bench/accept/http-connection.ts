// One keep-alive HTTP/1.1 connection over a plain socket, one request at a time. Node's own client takes more of a processor
// per request than the server under test does for some answers; this one only finds where an answer ends.
import type { Socket } from "node:net";
import { connect } from "node:net";

export interface Answer {
	status: number;
	/** Status line and headers, as they came. */
	head: string;
	body: Buffer;
}

export interface Request {
	method: string;
	path: string;
	token?: string | undefined;
	/** Names in lower case. */
	headers?: Record<string, string>;
	body?: string | undefined;
}

const headEnd = "\r\n\r\n";
const nothing = Buffer.alloc(0);

export class HttpConnection {
	readonly #socket: Socket;
	#received: Buffer = nothing;
	#waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | null = null;
	#ended: Error | null = null;

	private constructor(socket: Socket) {
		this.#socket = socket;
		socket.setNoDelay(true);
		socket.on("data", (chunk: Buffer) => this.#take(chunk));
		socket.on("error", (error) => this.#end(error));
		socket.on("close", () => this.#end(new Error("the server closed the connection")));
	}

	static open(url: string): Promise<HttpConnection> {
		const { hostname, port } = new URL(url);
		return new Promise((resolve, reject) => {
			const socket = connect({ host: hostname, port: Number(port) }, () => {
				socket.off("error", reject);
				resolve(new HttpConnection(socket));
			});
			socket.once("error", reject);
		});
	}

	/** Rejects when the connection ends first; it is of no use then. */
	send(request: string): Promise<Answer> {
		if (this.#ended) return Promise.reject(this.#ended);
		if (this.#waiting) return Promise.reject(new Error("one request at a time"));
		return new Promise((resolve, reject) => {
			this.#waiting = { resolve, reject };
			this.#socket.write(request, "utf8");
		});
	}

	close(): void {
		this.#socket.destroy();
	}

	#take(chunk: Buffer): void {
		this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
		const answer = readAnswer(this.#received);
		if (answer === null) return;
		this.#received = nothing;
		const { resolve } = this.#waiting ?? {};
		this.#waiting = null;
		resolve?.(answer);
	}

	#end(error: Error): void {
		this.#ended ??= error;
		this.#waiting?.reject(error);
		this.#waiting = null;
	}
}

export function encodeRequest({ method, path, token, headers = {}, body }: Request): string {
	let head = `${method} ${path} HTTP/1.1\r\nhost: bench\r\n`;
	if (token !== undefined) head += `authorization: Bearer ${token}\r\n`;
	for (const [name, value] of Object.entries(headers)) head += `${name}: ${value}\r\n`;
	if (body === undefined) return `${head}\r\n`;
	if (!("content-type" in headers)) head += "content-type: application/json\r\n";
	return `${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** Null while it is not all there. */
function readAnswer(bytes: Buffer): Answer | null {
	const end = bytes.indexOf(headEnd);
	if (end < 0) return null;
	const head = bytes.toString("latin1", 0, end);
	const status = Number(head.slice(9, 12));
	const from = end + headEnd.length;
	if (status === 204 || status === 304) return { status, head, body: nothing };
	const length = readHeader(head, "content-length");
	if (length !== null) {
		const to = from + Number(length);
		return bytes.length < to ? null : { status, head, body: bytes.subarray(from, to) };
	}
	if (readHeader(head, "transfer-encoding") !== "chunked") throw new Error(`an answer without a length: ${head}`);
	const body = readChunks(bytes, from);
	return body === null ? null : { status, head, body };
}

export function readHeader(head: string, name: string): string | null {
	return new RegExp(`\\r\\n${name}: *([^\\r]*)`, "i").exec(head)?.[1] ?? null;
}

/** Null while the last chunk is missing. */
function readChunks(bytes: Buffer, from: number): Buffer | null {
	const chunks: Buffer[] = [];
	for (let at = from; ; ) {
		const lineEnd = bytes.indexOf("\r\n", at);
		if (lineEnd < 0) return null;
		const length = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
		const start = lineEnd + 2;
		if (bytes.length < start + length + 2) return null;
		if (length === 0) return Buffer.concat(chunks);
		chunks.push(bytes.subarray(start, start + length));
		at = start + length + 2;
	}
}
