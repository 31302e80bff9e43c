// The Worker's end of WebSockets: towards an object, whose messages are taken in turn, and towards a viewer.
import type { LiveSocket } from "../../src/doors/http/services.ts";
import { logMessage } from "../../src/contracts/http/streams/log-stream.ts";
import type { LogMessage } from "../../src/contracts/http/streams/log-stream.ts";
import { doneCloseCode, slowReaderCloseCode } from "../../src/contracts/wire/sockets/close-code.ts";
import { logViewRequest, readNoLogView } from "../../src/contracts/wire/sockets/log-view-request.ts";
import type { LogName } from "../../src/contracts/wire/object-name.ts";
import type { HeldSocket } from "../../src/engine/sockets.ts";
import type { Env } from "../env.ts";
import { untilTaken } from "../../src/engine/socket-backlog.ts";
import { Outage } from "../../src/contracts/wire/outage.ts";
import { clock } from "../world.ts";
import { logCalls } from "../bindings/stubs.ts";

/** Messages that wait here for a slow reader, in UTF-16 units; beyond it the object is left and followed again by offset. */
const heldMax = 2 * 1024 * 1024;
/** 64 KiB each 5 ms are 12 MiB/s, as fast as a LogObject sends: all that bounds a reader whose backlog is not known. */
const paceUnits = 64 * 1024;
const paceMs = 5;

/** Null when nothing of the log is in its object any more. Throws an `Outage` when the object cannot be watched now. */
export async function followLog(
	env: Env,
	{ name, from, gone }: { name: LogName; from: number; gone: AbortSignal },
): Promise<AsyncIterable<LogMessage> | null> {
	const response = await logCalls(env, name).fetch(logViewRequest({ from, hasBegun: true, rests: [] }));
	if (readNoLogView(response) === "log-elsewhere") return null;
	if (response.webSocket === null) throw new Outage(`a log cannot be watched: ${response.status}`);
	return logMessages(readSocket(response, gone));
}

async function* logMessages(texts: AsyncIterable<string>): AsyncGenerator<LogMessage, void> {
	for await (const text of texts) yield logMessage.parse(JSON.parse(text));
}

export function readSocket({ webSocket }: Response, gone: AbortSignal): AsyncIterable<string> {
	if (webSocket === null) throw new Outage("an object gave no socket");
	return new Follower(webSocket, gone);
}

class Follower implements AsyncIterable<string> {
	readonly #socket: WebSocket;
	#held: string[] = [];
	#heldUnits = 0;
	#isOpen = true;
	#news: () => void = () => undefined;

	constructor(socket: WebSocket, gone: AbortSignal) {
		this.#socket = socket;
		socket.addEventListener("message", ({ data }) => this.#take(String(data)));
		socket.addEventListener("close", () => this.#leave());
		socket.addEventListener("error", () => this.#leave());
		gone.addEventListener("abort", () => this.#leave());
		socket.accept();
		if (gone.aborted) this.#leave();
	}

	#take(text: string): void {
		if (!this.#isOpen) return;
		this.#heldUnits += text.length;
		if (this.#heldUnits > heldMax) this.#leave();
		else this.#held.push(text);
		this.#news();
	}

	#leave(): void {
		if (!this.#isOpen) return;
		this.#isOpen = false;
		this.#socket.close(doneCloseCode);
		this.#news();
	}

	async *[Symbol.asyncIterator](): AsyncGenerator<string, void> {
		try {
			while (this.#isOpen || this.#held.length > 0) {
				const text = this.#held.shift();
				if (text === undefined) await this.#somethingNew();
				else {
					this.#heldUnits -= text.length;
					yield text;
				}
			}
		} finally {
			this.#leave();
		}
	}

	#somethingNew(): Promise<void> {
		return new Promise((resolve) => {
			this.#news = resolve;
		});
	}
}

export function acceptSocket(): { response: Response; socket: LiveSocket } {
	const { 0: client, 1: server } = new WebSocketPair();
	const gone = new AbortController();
	let units = 0;
	server.addEventListener("close", () => gone.abort());
	server.addEventListener("error", () => gone.abort());
	server.addEventListener("message", ({ data }) => {
		if (data === "ping") trySend("pong");
	});
	server.accept();
	const socket: LiveSocket = {
		gone: gone.signal,
		async send(text) {
			trySend(text);
			units += text.length;
			if (units < paceUnits) return;
			units = 0;
			await clock.wait(paceMs).done;
			if (await untilTaken(server as HeldSocket, clock)) return;
			server.close(slowReaderCloseCode, "too slow: come back by offset");
			gone.abort();
		},
		close(code, reason) {
			if (server.readyState === WebSocket.OPEN) server.close(code, reason);
		},
	};
	return { response: new Response(null, { status: 101, webSocket: client }), socket };

	function trySend(text: string): void {
		if (server.readyState === WebSocket.OPEN) server.send(text);
		else gone.abort();
	}
}
