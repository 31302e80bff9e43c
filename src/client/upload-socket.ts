// The wire of an upload socket: frames of an offset and bytes out, acknowledgements in. Cheaper for the server than a call each,
// and it can say at once that somebody watches. What is not acknowledged when it ends is sent again by whatever comes next.
import type { UploadAcknowledgement } from "../contracts/http/streams/upload-acknowledgement.ts";
import type { LeaseState } from "../contracts/http/runner.ts";
import { writeFrame } from "../contracts/wire/sockets/log-frame.ts";
import { ServerSocket } from "./server-socket.ts";

/** An upload socket says little while a job is quiet; this keeps proxies from closing it, and finds a dead one within 40 s. */
const pingMs = 20_000;
/** Bytes on their way for this long without an acknowledgement: the socket is given up. */
const stallMs = 10_000;

export interface UploadSocketOptions {
	url: string;
	token: string;
	/** The log has `length` bytes for good. Comes first when the socket begins, and also without anything having been sent. */
	onAck: (ack: { length: number; intervalSeconds: number }) => void;
	onLeaseState: (state: LeaseState, sentAt: number) => void;
	onEnd: () => void;
	now: () => number;
}

export class UploadSocket {
	readonly #socket: ServerSocket;
	readonly #now: () => number;
	/** Where the bytes end that were sent, and since when some of them wait to be acknowledged. */
	#sent = 0;
	#acknowledged = 0;
	#waitingSince: number | null = null;
	#stall: NodeJS.Timeout | undefined;

	private constructor(socket: ServerSocket, now: () => number) {
		this.#socket = socket;
		this.#now = now;
	}

	/** Throws an `Outage` when it cannot be had. */
	static async open({ url, token, onAck, onLeaseState, onEnd, now }: UploadSocketOptions): Promise<UploadSocket> {
		let opened: UploadSocket | null = null;
		// What the server says before this socket is handed out waits until its user can take it.
		const early: UploadAcknowledgement[] = [];
		const take = (ack: UploadAcknowledgement) => {
			// What acknowledges nothing that was sent proves no contact: it may have been on its way for long.
			onLeaseState(ack.lease, opened?.note(ack.length) ?? Number.NEGATIVE_INFINITY);
			onAck(ack);
		};
		const socket = await ServerSocket.open({
			url,
			token,
			path: "/v1/lease/log/feed",
			pingMs,
			onText: (text) => {
				const ack = readAcknowledgement(text);
				if (ack === null) return;
				if (opened === null) early.push(ack);
				else take(ack);
			},
		});
		const made = new UploadSocket(socket, now);
		opened = made;
		void socket.closed.then(() => {
			clearTimeout(made.#stall);
			onEnd();
		});
		early.forEach(take);
		return made;
	}

	/** `bytes` are [offset, offset + bytes.length) of the log. Not waited for: `onAck` says what has arrived. */
	send(offset: number, bytes: Uint8Array): void {
		this.#socket.send(writeFrame(offset, bytes));
		this.#sent = offset + bytes.length;
		this.#waitingSince ??= this.#now();
		this.#stall ??= setTimeout(() => this.close(), stallMs);
	}

	close(): void {
		this.#socket.close();
	}

	/** When the oldest of what is acknowledged by now was sent; null when this is no news. */
	note(length: number): number | null {
		if (length <= this.#acknowledged) return null;
		this.#acknowledged = length;
		const since = this.#waitingSince;
		clearTimeout(this.#stall);
		this.#stall = undefined;
		this.#waitingSince = null;
		// The rest was sent after these bytes, nobody knows when: its time begins now, which can only keep a dead socket a while longer.
		if (length < this.#sent) {
			this.#waitingSince = this.#now();
			this.#stall = setTimeout(() => this.close(), stallMs);
		}
		return since;
	}
}

/** Null for what is none. */
function readAcknowledgement(text: string): UploadAcknowledgement | null {
	try {
		const ack = JSON.parse(text);
		return ack.type === "ack" && Number.isSafeInteger(ack.length) ? ack : null;
	} catch {
		return null;
	}
}
