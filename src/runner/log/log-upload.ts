// The loop that brings one job's log to the server, from the offset the server acknowledged last. Short logs go by calls; a
// job that lasts gets a socket, which costs the server less and can ask for more at once. It outlives outages of any length:
// what is not acknowledged is still in the spool, and both ways follow the same offsets, so they change in mid-log.
import { appendBytesMax } from "../../domain/limits.ts";
import { Outage } from "../../contracts/wire/outage.ts";
import type { LeaseClient } from "../../client/lease-client.ts";
import type { UploadSocket } from "../../client/upload-socket.ts";
import { jitteredMs, isRetryable, sleep, waitMs } from "../../client/retryable.ts";
import type { RepeatPolicy } from "../../client/retryable.ts";
import type { LogSpool } from "./log-spool.ts";
import { WakeUp } from "../wake-up.ts";

/** A moment to let a burst gather before its first bytes go: a short job's whole log is one upload, a viewer sees no delay. */
const gatherMs = 50;
const intervalMsDefault = 1_000;
/** A job that is over sooner has no socket: opening one costs as much as two calls. */
const socketAfterMs = 1_000;
/** Where none can be had it is asked for about this often, less and less. */
const socketRetry = { initialMs: 5_000, maxMs: 120_000 };
/** So many bytes are not held back, whatever the interval. */
const socketBytesEnough = 64 * 1024;
const frameBytesMax = 256 * 1024;
/** On the way without an acknowledgement: enough for any line, and bounded for the server's sake. */
const windowBytes = 2 * 1024 * 1024;

export interface LogUploadOptions {
	lease: LeaseClient;
	spool: LogSpool;
	policy: RepeatPolicy;
	/** Ends the loop at once. */
	signal: AbortSignal;
	onFailure: (failure: Error) => void;
}

export class LogUpload {
	readonly #options: LogUploadOptions;
	readonly #wakeUp = new WakeUp();
	readonly #done: Promise<void>;
	#acknowledged = 0;
	/** With a socket this runs ahead of what is acknowledged. */
	#sent = 0;
	#intervalMs = intervalMsDefault;
	#sentAt = Number.NEGATIVE_INFINITY;
	#isClosing = false;
	#socket: UploadSocket | null = null;
	#socketTimer: NodeJS.Timeout | undefined;
	#socketsFailed = 0;

	constructor(options: LogUploadOptions) {
		this.#options = options;
		const { signal } = options;
		signal.addEventListener("abort", () => this.#wakeUp.wake(), { once: true });
		this.#socketTimer = setTimeout(() => void this.#openSocket(), socketAfterMs);
		this.#done = this.#loop().finally(() => {
			clearTimeout(this.#socketTimer);
			this.#socket?.close();
		});
	}

	/** More is in the spool. */
	grown(): void {
		this.#wakeUp.wake();
	}

	/** The spool is sealed: the rest goes without pause. Resolves when the server has it all, or takes no more. */
	async finish(): Promise<void> {
		this.#isClosing = true;
		this.#wakeUp.wake();
		await this.#done;
	}

	async #loop(): Promise<void> {
		const { signal, policy, onFailure } = this.#options;
		for (let tried = 1; ; tried++) {
			await this.#untilDue();
			if (signal.aborted || (this.#isClosing && this.#isDelivered())) return;
			try {
				// A socket that began meanwhile may have said that the server has it all already: then there is nothing to send yet.
				if (this.#isDelivered()) await this.#wakeUp.wait(0);
				else if (this.#socket !== null) await this.#sendBySocket(this.#socket);
				else if (!(await this.#sendByCall())) return;
				tried = 0;
			} catch (failure) {
				if (signal.aborted) return;
				if (!(failure instanceof Error)) throw failure;
				onFailure(failure);
				if (!isRetryable(failure, true)) return;
				await sleep(waitMs(failure, Math.max(tried, 1), policy), signal).catch(() => {});
			}
		}
	}

	/** False when the server takes no more. */
	async #sendByCall(): Promise<boolean> {
		const { lease, spool, signal } = this.#options;
		this.#sentAt = performance.now();
		const bytes = spool.read(this.#acknowledged, appendBytesMax);
		const { kind, length, intervalSeconds } = await lease.append(this.#acknowledged, bytes, signal);
		if (kind === "gap" && length === this.#acknowledged) {
			throw new Outage(`the server refuses the offset ${length} that it asked for`);
		}
		// After a gap this goes backwards, to what the server still has. A socket that was opened meanwhile begins there.
		this.#acknowledged = length;
		this.#sent = length;
		if (intervalSeconds !== null) this.#intervalMs = intervalSeconds * 1_000;
		return kind !== "sealed";
	}

	/** Sends what there is, within the window. */
	async #sendBySocket(socket: UploadSocket): Promise<void> {
		const { spool } = this.#options;
		this.#sentAt = performance.now();
		while (this.#socket === socket && this.#sent < spool.length && this.#onTheWay() < windowBytes) {
			const bytes = spool.read(this.#sent, frameBytesMax);
			socket.send(this.#sent, bytes);
			this.#sent += bytes.length;
		}
		// Each acknowledgement wakes, and so does the socket's end, which comes by itself when there is none.
		if (this.#isClosing || this.#onTheWay() >= windowBytes) await this.#wakeUp.wait(null);
	}

	async #openSocket(): Promise<void> {
		const { lease, policy } = this.#options;
		if (this.#isOver()) return;
		try {
			let ended = false;
			const socket = await lease.openUploadSocket({
				onAck: ({ length, intervalSeconds }) => this.#acknowledge(length, intervalSeconds),
				onEnd: () => {
					ended = true;
					this.#dropSocket();
				},
			});
			if (ended) throw new Outage("the socket ended as it began");
			this.#socketsFailed = 0;
			this.#socket = socket;
			if (this.#isOver()) socket.close();
			this.#wakeUp.wake();
		} catch {
			// By calls, then; they say what is wrong if anything is.
			this.#socketsFailed++;
			this.#openSocketSoon(jitteredMs(this.#socketsFailed, { ...socketRetry, random: policy.random }));
		}
	}

	/** What was on the way is sent again by whatever comes next: the server passes over what it has. */
	#dropSocket(): void {
		const had = this.#socket !== null;
		this.#socket = null;
		this.#sent = this.#acknowledged;
		this.#wakeUp.wake();
		if (had) this.#openSocketSoon(this.#options.policy.random() * socketRetry.initialMs);
	}

	#openSocketSoon(ms: number): void {
		clearTimeout(this.#socketTimer);
		if (!this.#isOver()) this.#socketTimer = setTimeout(() => void this.#openSocket(), ms);
	}

	#acknowledge(length: number, intervalSeconds: number): void {
		// Less than before: the server lost the end of the log, and wants it again.
		if (length < this.#acknowledged || this.#sent < length) this.#sent = length;
		this.#acknowledged = length;
		this.#intervalMs = intervalSeconds * 1_000;
		this.#wakeUp.wake();
	}

	/** At the end all is sent at once, and there is nothing more to wait for. */
	#isOver(): boolean {
		return this.#isClosing || this.#options.signal.aborted;
	}

	#onTheWay(): number {
		return this.#sent - this.#acknowledged;
	}

	#backlog(): number {
		return this.#options.spool.length - this.#sent;
	}

	#isDelivered(): boolean {
		return this.#options.spool.length <= this.#acknowledged;
	}

	/** Something is there to send, and it is time; enough is not waited with, and at the end nothing is. */
	async #untilDue(): Promise<void> {
		while (!this.#isOver() && this.#backlog() <= 0) await this.#wakeUp.wait(null);
		const gatheredAt = performance.now() + gatherMs;
		while (!this.#isOver() && this.#backlog() < (this.#socket === null ? appendBytesMax : socketBytesEnough)) {
			// Asked anew each time: an acknowledgement may have brought another interval.
			const rest = Math.max(gatheredAt, this.#sentAt + this.#intervalMs) - performance.now();
			if (rest <= 0) return;
			await this.#wakeUp.wait(rest);
		}
	}
}
