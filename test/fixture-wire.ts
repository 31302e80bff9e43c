// The API as `curl` and any WebSocket client see it: nothing of `src/client` in between.
import { outputBytes } from "../src/contracts/wire/log-output.ts";
import type { LogMessage } from "../src/contracts/http/streams/log-stream.ts";

export interface Answer<T> {
	status: number;
	headers: Headers;
	/** Null where the body is none of JSON's. */
	body: T;
}

export interface Request {
	token: string;
	headers?: Record<string, string>;
	json?: unknown;
	bytes?: string | Uint8Array<ArrayBuffer>;
}

export async function send<T = Record<string, unknown>>(
	method: string,
	url: string,
	{ token, headers = {}, json, bytes }: Request,
): Promise<Answer<T>> {
	const response = await fetch(url, {
		method,
		headers: {
			authorization: `Bearer ${token}`,
			...(json === undefined ? {} : { "content-type": "application/json" }),
			...headers,
		},
		body: json === undefined ? (bytes ?? null) : JSON.stringify(json),
	});
	const text = await response.text();
	const isJson = /\bjson\b/.test(response.headers.get("content-type") ?? "");
	return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : null };
}

/** Node's own takes headers, which a browser's does not. */
type WebSocketWithHeaders = new (url: string, options: { headers: Record<string, string> }) => WebSocket;

/** A WebSocket whose messages are read one after the other. */
export class Wire<T> {
	readonly closed: Promise<number>;
	readonly #socket: WebSocket;
	readonly #opened: Promise<void>;
	readonly #messages: T[] = [];
	#isClosed = false;
	#wake: () => void = () => {};

	constructor(url: string, token: string) {
		const headers = { authorization: `Bearer ${token}` };
		this.#socket = new (WebSocket as unknown as WebSocketWithHeaders)(url.replace(/^http/, "ws"), { headers });
		this.#opened = new Promise((resolve, reject) => {
			this.#socket.addEventListener("open", () => resolve());
			this.#socket.addEventListener("error", () => reject(new Error(`no WebSocket at ${url}`)));
		});
		this.#socket.addEventListener("message", ({ data }) => {
			this.#messages.push(JSON.parse(String(data)));
			this.#wake();
		});
		this.closed = new Promise((resolve) => {
			this.#socket.addEventListener("close", ({ code }) => {
				this.#isClosed = true;
				this.#wake();
				resolve(code);
			});
		});
	}

	static async open<T>(url: string, token: string): Promise<Wire<T>> {
		const wire = new Wire<T>(url, token);
		await wire.#opened;
		return wire;
	}

	send(message: unknown): void {
		this.#socket.send(JSON.stringify(message));
	}

	/** Throws when it closes first. */
	async next(): Promise<T> {
		for (;;) {
			const message = this.#messages.shift();
			if (message !== undefined) return message;
			if (this.#isClosed) throw new Error(`the WebSocket closed with ${await this.closed}`);
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		}
	}

	close(): void {
		this.#socket.close();
	}
}

export interface SseEvent<T> {
	id: string;
	data: T;
}

/** The events of one answer, until the server or the reader ends it. */
export async function* events<T>(url: string, { token, headers = {} }: Request): AsyncGenerator<SseEvent<T>, void> {
	const leave = new AbortController();
	const response = await fetch(url, {
		headers: { authorization: `Bearer ${token}`, accept: "text/event-stream", ...headers },
		signal: leave.signal,
	});
	if (response.status !== 200 || response.body === null) throw new Error(`${response.status} from ${url}`);
	let text = "";
	try {
		for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
			text += piece;
			for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
				const event = text.slice(0, end);
				text = text.slice(end + 2);
				if (!event.startsWith(":")) yield readEvent(event);
			}
		}
	} finally {
		leave.abort();
	}
}

function readEvent<T>(text: string): SseEvent<T> {
	const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(text)?.[1] ?? "";
	return { id: field("id"), data: JSON.parse(field("data")) };
}

export interface Collected {
	bytes: Buffer;
	/** Where the next byte belongs: what `from` and `Last-Event-ID` take. */
	next: number;
	end: Extract<LogMessage, { type: "end" }> | null;
}

/**
 * What a viewer puts together from the messages of one attempt's log, until it has so many bytes or the log ends. Throws when
 * a message does not begin where the one before ended.
 */
export async function collect(
	next: () => Promise<LogMessage>,
	{ from = 0, until = Number.POSITIVE_INFINITY }: { from?: number; until?: number } = {},
): Promise<Collected> {
	const parts: Uint8Array[] = [];
	let at = from;
	while (at < until) {
		const message = await next();
		if (message.type === "attempt") continue;
		if (message.type === "end") return { bytes: Buffer.concat(parts), next: at, end: message };
		const bytes = outputBytes(message);
		if (message.offset !== at || message.next !== at + bytes.length) {
			throw new Error(`at ${at} came [${message.offset}, ${message.next}) with ${bytes.length} bytes`);
		}
		parts.push(bytes);
		at = message.next;
	}
	return { bytes: Buffer.concat(parts), next: at, end: null };
}

/** The events one by one, as a WebSocket's messages are read. Throws when there are no more. */
export function reader<T>(source: AsyncGenerator<SseEvent<T>, void>): () => Promise<T> {
	return async () => {
		const { value } = await source.next();
		if (!value) throw new Error("the events ended");
		return value.data;
	};
}
