// A runner's socket to its log: frames of bytes in, acknowledgements out. It hibernates between frames; whose it is stands in
// its attachment. What was taken is said only when it is durable, since the runtime holds back messages until writes are.
import { acknowledgement, readFrame } from "../../src/contracts/wire/log-frame.ts";
import type { LeaseClaim, LogAppended, Renewed } from "../../src/contracts/objects/objects.ts";
import { leaseStateHeader } from "../../src/contracts/wire/lease-headers.ts";
import { refusalFacts } from "../../src/contracts/wire/refusal-facts.ts";
import {
	doneCloseCode,
	malformedFrameCloseCode,
	refusedCloseCode,
	replacedCloseCode,
	tryLaterCloseCode,
} from "../../src/contracts/wire/close-code.ts";
import type { Millis } from "../../src/domain/ids.ts";
import { appendBytesMax, heartbeatSeconds } from "../../src/domain/limits.ts";
import type { Refusal, Result } from "../../src/domain/refusal.ts";
import { assert } from "../../src/domain/refusal.ts";

const tag = "feeder";

/** What a feed's socket must remember while the object sleeps. `unrenewed`: a session keeps its lease, as the pool said. */
interface Feed extends LeaseClaim {
	unrenewed?: boolean;
}

export class LogFeeders {
	readonly #ctx: DurableObjectState;
	readonly #renew: (claim: LeaseClaim) => Promise<Renewed | undefined>;
	/** Forgotten in sleep, which takes as long as the pause between two renewals. */
	#renewedAt: Millis = 0;
	/** Demand and lease as they were said last; forgotten in sleep, when saying them again does no harm. */
	#said: string | null = null;

	constructor(ctx: DurableObjectState, renew: (claim: LeaseClaim) => Promise<Renewed | undefined>) {
		this.#ctx = ctx;
		this.#renew = renew;
	}

	/** A log has one runner: its newer socket wins. */
	accept(claim: LeaseClaim, appended: LogAppended): Response {
		for (const older of this.#all()) close(older, replacedCloseCode, "another feed of this lease");
		const { 0: client, 1: server } = new WebSocketPair();
		this.#ctx.acceptWebSocket(server, [tag]);
		server.serializeAttachment(claim satisfies Feed);
		this.#send(server, appended);
		this.#renewedAt = 0;
		this.#renewSoon(server, claim);
		return new Response(null, { status: 101, webSocket: client, headers: { [leaseStateHeader]: appended.lease } });
	}

	has(socket: WebSocket): boolean {
		return this.#ctx.getTags(socket).includes(tag);
	}

	isFed(): boolean {
		return this.#all().length > 0;
	}

	/** [L25] A gap is no reason to end: the length says where to go on. Any other refusal closes with 4000 and its HTTP status. */
	async take(
		socket: WebSocket,
		data: string | ArrayBuffer,
		append: (claim: LeaseClaim, offset: number, bytes: Uint8Array) => Promise<Result<LogAppended>>,
		standing: () => LogAppended,
	): Promise<void> {
		const frame = typeof data === "string" ? null : readFrame(new Uint8Array(data));
		if (frame === null)
			return close(socket, malformedFrameCloseCode, "a frame is 8 bytes of offset and then the log's");
		if (frame.bytes.length > appendBytesMax) return close(socket, refusedCloseCode(413), "too-large");
		const feed = socket.deserializeAttachment() as Feed | null;
		assert(feed, "a feed has the claim it began with");
		const { unrenewed, ...claim } = feed;
		const appended = await append(claim, frame.offset, frame.bytes).catch((cause: unknown) => {
			// The runner keeps what was not acknowledged, and sends it by calls, which say when to come back.
			close(socket, tryLaterCloseCode, "try again later");
			throw cause;
		});
		if (appended.ok) this.#send(socket, appended.value);
		else if (appended.refusal.code === "log-gap") this.#send(socket, standing());
		else return this.#refuse(socket, appended.refusal);
		if (!unrenewed) this.#renewSoon(socket, claim);
	}

	/** The session that kept the lease is gone. */
	renewAgain(epoch: number): void {
		this.#renewedAt = 0;
		for (const socket of this.#all()) {
			const { unrenewed, ...claim } = socket.deserializeAttachment() as Feed;
			if (claim.epoch === epoch) socket.serializeAttachment(claim satisfies Feed);
		}
	}

	/** [L33] A frame is a sign of life for its lease, which the Worker does not see. Nobody waits for it, and a failure costs one turn. */
	#renewSoon(socket: WebSocket, claim: LeaseClaim): void {
		const now = Date.now();
		if (now - this.#renewedAt < heartbeatSeconds * 1_000) return;
		this.#renewedAt = now;
		this.#renew(claim)
			.then((renewed) => {
				// Unless told otherwise meanwhile.
				if (renewed?.again === false && this.#renewedAt === now)
					socket.serializeAttachment({ ...claim, unrenewed: true } satisfies Feed);
			})
			.catch(() => undefined);
	}

	/** Without being asked: the demand or the lease's state has changed. */
	tell(appended: LogAppended): void {
		if (this.#said === said(appended)) return;
		for (const socket of this.#all()) this.#send(socket, appended);
	}

	end(): void {
		for (const socket of this.#all()) close(socket, doneCloseCode, "the log is sealed");
	}

	#refuse(socket: WebSocket, refusal: Refusal): void {
		close(socket, refusedCloseCode(refusalFacts(refusal).status), refusal.code);
	}

	#send(socket: WebSocket, appended: LogAppended): void {
		const { length, intervalSeconds, lease } = appended;
		this.#said = said(appended);
		try {
			socket.send(JSON.stringify(acknowledgement(length, intervalSeconds, lease)));
		} catch {
			// It was closed from the other side; its close event is on the way.
		}
	}

	#all(): WebSocket[] {
		return this.#ctx.getWebSockets(tag).filter(({ readyState }) => readyState === WebSocket.OPEN);
	}
}

function said({ intervalSeconds, lease }: LogAppended): string {
	return `${intervalSeconds} ${lease}`;
}

function close(socket: WebSocket, code: number, reason: string): void {
	try {
		socket.close(code, reason);
	} catch {
		// It is closed.
	}
}
