// The calls of a runner, raw: one request each and no second try, since only the runner's loops know how long a try is
// worth anything. `RunnerClient` speaks with a runner token, `LeaseClient` with the token of one lease.

import type { FinishRequest, ReportedStep } from "../contracts/http/lease.ts";
import type { Grant, HeartbeatReply, LeaseReply, LeaseState } from "../contracts/http/runner.ts";
import type { Shape } from "./answer-shape.ts";
import { ProblemError } from "./call-failure.ts";
import { UploadSocket } from "./upload-socket.ts";
import type { UploadSocketOptions } from "./upload-socket.ts";
import {
	leaseStateHeader,
	uploadIntervalHeader,
	uploadLeftHeader,
	uploadOffsetHeader,
} from "../contracts/wire/headers/lease-headers.ts";
import { Outage } from "../contracts/wire/outage.ts";
import type { TransportOptions } from "./transport.ts";
import { Transport } from "./transport.ts";

/** The loops that call this try again by what they know: whether the lease still lives, and what else is to be said. */
const oneTry = { deadlineMs: 0 };
/** How much longer than its own waiting a long poll may take: the way there and back, and a slow object. */
const pollMarginMs = 15_000;

export interface HeartbeatOptions {
	signal?: AbortSignal | undefined;
	tryMs?: number;
	/** What is wrong with the runner's machine. */
	unwell?: string | null;
	/** It takes nothing new. */
	leaving?: boolean;
}

export class RunnerClient {
	readonly #transport: Transport;

	constructor(options: TransportOptions) {
		this.#transport = new Transport({ ...options, retry: oneTry });
	}

	/** At most one grant; null when the wait was over first. `leases` are all that the runner holds. */
	async acquire(call: {
		waitSeconds: number;
		leases: string[];
		signal?: AbortSignal | undefined;
	}): Promise<Grant | null> {
		const { waitSeconds, leases, signal } = call;
		return this.#transport.jsonOrNothing<Grant>(
			{
				method: "POST",
				path: "/v1/runner/acquire",
				json: { waitSeconds, leases },
				idempotent: true,
				tryMs: waitSeconds * 1_000 + pollMarginMs,
				signal,
			},
			{ lease: "object", job: "object", run: "object", repository: "object" },
		);
	}

	/** Renews the leases that it names, and only those. The answer says how each stands, and whether the runner is to drain. */
	async heartbeat(
		leases: string[],
		{ unwell = null, leaving = false, ...options }: HeartbeatOptions = {},
	): Promise<HeartbeatReply> {
		// Both are left out where there is nothing to say: an older server refuses what it does not know.
		const said = { ...(unwell === null ? {} : { unwell }), ...(leaving ? { leaving } : {}) };
		return this.#transport.json<HeartbeatReply>(
			{
				method: "POST",
				path: "/v1/runner/heartbeat",
				json: { leases, ...said },
				idempotent: true,
				...options,
			},
			{ leases: "list", draining: "flag" },
		);
	}
}

/** `stored`: the log has `length` bytes now. `gap`: nothing was stored, the server has `length`. `sealed`: it takes no more. */
export interface Appended {
	kind: "stored" | "gap" | "sealed";
	length: number;
	/** Until the next upload is wanted; null when the server did not say. */
	intervalSeconds: number | null;
}

export interface LeaseClientOptions extends TransportOptions {
	token: string;
	/** Told with every answer, refusals included: the cancel path of runners without a session. `sentAt`: when the call was made. */
	onLeaseState?: (state: LeaseState, sentAt: number) => void;
	/** The clock of `sentAt`; else `performance.now`. */
	now?: () => number;
}

export class LeaseClient {
	readonly #transport: Transport;
	readonly #onLeaseState: (state: LeaseState, sentAt: number) => void;
	readonly #now: () => number;

	constructor({ onLeaseState, now, ...options }: LeaseClientOptions) {
		this.#transport = new Transport({ ...options, retry: oneTry });
		this.#onLeaseState = onLeaseState ?? (() => {});
		this.#now = now ?? (() => performance.now());
	}

	/** Confirms that the job begins. Sent again it gets the same answer, as long as the lease is this one. */
	async start(options: { signal?: AbortSignal | undefined; tryMs?: number } = {}): Promise<LeaseReply> {
		return this.#reply({ method: "POST", path: "/v1/lease/start", json: {}, ...options });
	}

	/** `bytes` are [offset, offset + bytes.length) of the log; what the server has already is passed over. */
	append(offset: number, bytes: Uint8Array, signal?: AbortSignal): Promise<Appended> {
		return this.#append({ offset, bytes, signal });
	}

	/** The same for what a runner that was killed had left; with the last of it the log is whole. */
	appendLeft(
		offset: number,
		bytes: Uint8Array,
		{ isLast, signal }: { isLast: boolean; signal?: AbortSignal },
	): Promise<Appended> {
		return this.#append({ offset, bytes, signal, more: { [uploadLeftHeader]: isLast ? "last" : "part" } });
	}

	async #append({ offset, bytes, signal, more = {} }: AppendCall): Promise<Appended> {
		try {
			const headers = { [uploadOffsetHeader]: String(offset), ...more };
			const answer = await this.#done({ method: "PATCH", path: "/v1/lease/log", bytes, headers, signal });
			return { kind: "stored", ...placeOf(answer.headers) };
		} catch (failure) {
			// These two are answers and no failures: they say where the server stands, and the upload goes on from there or
			// ends.
			if (!(failure instanceof ProblemError)) throw failure;
			if (failure.code === "log-gap") return { kind: "gap", ...placeOf(failure.headers) };
			if (failure.code === "log-sealed") return { kind: "sealed", ...placeOf(failure.headers) };
			throw failure;
		}
	}

	/** The log over a socket. Throws an `Outage` when it cannot be had; then `append` says why, or does the same. */
	async openUploadSocket(ears: Pick<UploadSocketOptions, "onAck" | "onEnd">): Promise<UploadSocket> {
		const { url, token } = this.#transport;
		return UploadSocket.open({ ...ears, url, token: token ?? "", onLeaseState: this.#onLeaseState, now: this.#now });
	}

	/** All steps as they are by now, not what changed: a call that is lost is made good by the next one. */
	async steps(steps: ReportedStep[], signal?: AbortSignal): Promise<void> {
		await this.#done({ method: "POST", path: "/v1/lease/steps", json: { steps }, signal });
	}

	/** The same finish again gets the same answer. */
	async finish(report: FinishRequest, signal?: AbortSignal): Promise<LeaseReply> {
		return this.#reply({ method: "POST", path: "/v1/lease/finish", json: report, signal });
	}

	async #reply(call: LeaseCall): Promise<LeaseReply> {
		const shape: Shape<LeaseReply> = { job: "object" };
		return (await this.#told(() => this.#transport.answer<LeaseReply>({ idempotent: true, ...call }, shape))).body;
	}

	#done(call: LeaseCall): Promise<{ headers: Headers }> {
		return this.#told(() => this.#transport.done({ idempotent: true, ...call }));
	}

	async #told<T extends { headers: Headers }>(send: () => Promise<T>): Promise<T> {
		const sentAt = this.#now();
		try {
			const answer = await send();
			this.#tell(answer.headers, sentAt);
			return answer;
		} catch (failure) {
			// A refusal says it, too: a runner that is late must hear that its lease is lost.
			if (failure instanceof ProblemError) this.#tell(failure.headers, sentAt);
			throw failure;
		}
	}

	#tell(headers: Headers, sentAt: number): void {
		const state = headers.get(leaseStateHeader);
		if (state === "ok" || state === "canceling" || state === "lost") this.#onLeaseState(state, sentAt);
	}
}

interface AppendCall {
	offset: number;
	bytes: Uint8Array;
	signal: AbortSignal | undefined;
	/** Further headers. */
	more?: Record<string, string>;
}

interface LeaseCall {
	method: "POST" | "PATCH";
	path: string;
	json?: unknown;
	bytes?: Uint8Array;
	headers?: Record<string, string>;
	tryMs?: number;
	signal?: AbortSignal | undefined;
}

function placeOf(headers: Headers): { length: number; intervalSeconds: number | null } {
	const interval = headers.get(uploadIntervalHeader);
	const offset = headers.get(uploadOffsetHeader);
	// Taken for 0 it would send the whole log again.
	if (offset === null)
		throw new Outage(`an answer to a log without ${uploadOffsetHeader}: is a proxy before the server?`);
	return {
		length: Number(offset),
		intervalSeconds: interval === null ? null : Number(interval),
	};
}
