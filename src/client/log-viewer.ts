// Follows a live log over WebSocket and gives back its bytes, each exactly once and in order, whatever happens to the
// connection: a drop, or the server's close for slowness, is answered by coming back at the offset reached so far.
import type { LogEnd, LogMessage } from "../contracts/http/streams/log-stream.ts";
import type { RepositoryName } from "../contracts/objects/objects.ts";
import { doneCloseCode } from "../contracts/wire/sockets/close-code.ts";
import { Outage } from "../contracts/wire/outage.ts";
import type { ProblemError } from "./call-failure.ts";
import { jobShape, repositoryPath } from "./client.ts";
import { isRetryable, waitMs } from "./retryable.ts";
import { openSocket } from "./socket.ts";
import type { TransportOptions } from "./transport.ts";
import { Transport } from "./transport.ts";

/** `attempt` comes first when a job is followed, and again with each further attempt, whose offsets begin at 0. */
export type LogEvent =
	| { type: "attempt"; number: number }
	| { type: "output"; offset: number; bytes: Uint8Array }
	| LogEnd;

export interface ViewLogOptions extends TransportOptions {
	repository: RepositoryName;
	job: string;
	/** Absent: the present attempt, or the first to come, and every later one until the job is finished. */
	attempt?: number;
	/** Offset of the first byte wanted; only with `attempt`. */
	from?: number;
	signal?: AbortSignal;
	/** Given up with an `Outage` after this long without a connection. */
	deadlineMs?: number;
	/** Told when the server does not let a connection begin, and why, and with null when one began. */
	onAbsence?: (failure: Error | null) => void;
	/** Between pings, see `LiveSocket`. */
	pingMs?: number;
}

/**
 * Messages that wait for a slow reader here, in characters of their JSON; beyond it the socket is left and taken up again by offset.
 * A WebSocket cannot be told to wait, so without a bound a reader behind a slow terminal would have the whole log in memory.
 */
const backlogBytesMax = 64 * 1024 * 1024;
/** A connection that lasted so long was one, whether or not the log said anything. */
const connectionMsMin = 10_000;
/** An outage of the server that a viewer sits through. */
const deadlineMsDefault = 120_000;

/** Proxies close a connection that is silent for a minute, and one that is dead is noticed within two of these. */
const pingMsDefault = 20_000;

/** What the viewer has seen. It outlives every connection. */
interface Place {
	attempt: number | null;
	offset: number;
	ended: boolean;
}

/** Ends after the log's `end`, or without a message when the job ended and never started. Throws `ProblemError` when the log is not to be had, `Outage` when the server is not. */
export async function* viewLog(options: ViewLogOptions): AsyncGenerator<LogEvent, void> {
	const transport = new Transport(options);
	const place: Place = { attempt: options.attempt ?? null, offset: options.from ?? 0, ended: false };
	const deadlineMs = options.deadlineMs ?? deadlineMsDefault;
	let failedAt: number | null = null;
	for (let tried = 1; ; tried++) {
		const resumed = place.attempt !== null && !place.ended ? place.attempt : null;
		const path = livePath(options, resumed, place.offset);
		const onOpen = () => options.onAbsence?.(null);
		const { signal, pingMs = pingMsDefault } = options;
		const connection = new Connection(transport, path, { signal, pingMs, onOpen, now: transport.policy.now });
		try {
			for await (const message of connection.messages()) {
				// A log that says something is no outage, however often its connection breaks in between.
				tried = 0;
				failedAt = null;
				yield* take(message, place);
				if (place.ended && options.attempt !== undefined) return;
			}
		} finally {
			connection.close();
		}
		options.signal?.throwIfAborted();
		if (connection.lastedMs() >= connectionMsMin) failedAt = null;
		// A job that ended without ever starting has nothing to show, and no attempt is announced.
		const isOver = place.ended || place.attempt === null;
		// `resumed` null: the server closed the view of the whole job. The end of a single attempt that was taken up says nothing of the
		// attempts after it, and the next round asks for the job again.
		if (isOver && resumed === null && connection.closeCode === doneCloseCode) return;
		failedAt ??= transport.policy.now();
		const failure = connection.wasOpen ? lostConnection() : await absence(transport, options);
		if (!connection.wasOpen) options.onAbsence?.(failure);
		if (transport.policy.now() - failedAt > deadlineMs) throw failure;
		await transport.policy.sleep(waitMs(failure, Math.max(tried, 1), transport.policy), options.signal ?? null);
	}
}

function lostConnection(): Outage {
	return new Outage("the live log's connection was lost");
}

/** A refused upgrade shows no status to a WebSocket; an ordinary call to the same job does. Throws what will not pass. */
async function absence(transport: Transport, { repository, job }: ViewLogOptions): Promise<ProblemError | Outage> {
	try {
		const path = repositoryPath(repository, "jobs", job);
		await transport.json({ method: "GET", path, idempotent: true, retry: { deadlineMs: 0 } }, jobShape);
		return lostConnection();
	} catch (failure) {
		if (!isRetryable(failure, true)) throw failure;
		return failure;
	}
}

/** While a job is followed and an attempt is open, that attempt is finished first: the job may be at the next already. */
function livePath({ repository, job }: ViewLogOptions, attempt: number | null, from: number): string {
	if (attempt === null) return repositoryPath(repository, "jobs", job, "log", "live");
	return `${repositoryPath(repository, "jobs", job, "attempts", attempt, "log", "live")}?from=${from}`;
}

function* take(message: LogMessage, place: Place): Generator<LogEvent> {
	switch (message.type) {
		case "attempt":
			// A view of the job that is taken up again begins with the attempt that was seen already.
			if (message.number === place.attempt) return;
			place.attempt = message.number;
			place.offset = 0;
			place.ended = false;
			yield message;
			return;
		case "output": {
			// Bytes seen before the connection was lost may come again; bytes may never be missing.
			if (message.offset > place.offset) {
				throw new Outage(`the live log skipped from ${place.offset} to ${message.offset}`);
			}
			if (message.next <= place.offset) return;
			const bytes = bytesOf(message).subarray(place.offset - message.offset);
			const { offset } = place;
			place.offset = message.next;
			yield { type: "output", offset, bytes };
			return;
		}
		case "end":
			if (place.ended) return;
			place.ended = true;
			yield message;
	}
}

const encoder = new TextEncoder();

function bytesOf({ text, data }: Extract<LogMessage, { type: "output" }>): Uint8Array {
	if (text !== undefined) return encoder.encode(text);
	return Uint8Array.from(atob(data ?? ""), (character) => character.charCodeAt(0));
}

interface ConnectionOptions {
	signal: AbortSignal | undefined;
	pingMs: number;
	onOpen: () => void;
	/** The clock by which it lasts. */
	now: () => number;
}

/** One WebSocket as a sequence of messages, which ends when it closes for whatever reason. */
class Connection {
	wasOpen: boolean;
	#openedAt: number | null = null;
	closeCode: number | null = null;
	readonly #socket: WebSocket;
	readonly #signal: AbortSignal | undefined;
	readonly #now: () => number;
	readonly #waiting: string[] = [];
	#waitingBytes = 0;
	#timer: NodeJS.Timeout | undefined;
	#isPinged = false;
	#wake: () => void = () => {};
	readonly #stop = () => this.close();

	constructor({ url, token }: Transport, path: string, { signal, pingMs, onOpen, now }: ConnectionOptions) {
		this.#now = now;
		this.wasOpen = false;
		this.#socket = openSocket(
			{ url, path, token },
			{
				opened: () => {
					this.wasOpen = true;
					this.#openedAt = now();
					onOpen();
					this.#timer = setInterval(() => this.#ping(), pingMs);
				},
				heard: (data) => this.#hear(String(data)),
				closed: (code) => this.#end(code),
			},
		);
		this.#signal = signal;
		signal?.addEventListener("abort", this.#stop, { once: true });
		if (signal?.aborted) this.close();
	}

	async *messages(): AsyncGenerator<LogMessage> {
		for (;;) {
			for (let text = this.#waiting.shift(); text !== undefined; text = this.#waiting.shift()) {
				this.#waitingBytes -= text.length;
				yield JSON.parse(text);
			}
			if (this.closeCode !== null) return;
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		}
	}

	lastedMs(): number {
		return this.#openedAt === null ? 0 : this.#now() - this.#openedAt;
	}

	close(): void {
		this.#signal?.removeEventListener("abort", this.#stop);
		// At once, with the code for "none": the other side, which may be gone, would have to answer first.
		this.#end(1_005);
		this.#socket.close();
	}

	/** A log may be silent for hours; a server that answers no ping is not there. */
	#ping(): void {
		if (this.#isPinged) this.close();
		else this.#socket.send("ping");
		this.#isPinged = true;
	}

	#end(code: number): void {
		clearInterval(this.#timer);
		this.closeCode ??= code;
		this.#wake();
	}

	#hear(text: string): void {
		if (this.closeCode !== null) return;
		// Whatever comes proves that the server is there; one that has much to say says its pong late.
		this.#isPinged = false;
		if (text === "pong") return;
		this.#waiting.push(text);
		this.#waitingBytes += text.length;
		if (this.#waitingBytes > backlogBytesMax) this.close();
		else this.#wake();
	}
}
