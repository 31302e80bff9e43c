// The runner's sockets to its log: frames of bytes in, acknowledgements out. A socket hibernates between frames; whose it is stands
// in its attachment. An acknowledgement leaves only when the bytes are durable, since the runtime holds back messages until then.
import { acknowledgement, readFrame } from "../../contracts/wire/sockets/log-frame.ts";
import { refusalFacts } from "../../contracts/wire/refusal-facts.ts";
import type { LeaseIdentity } from "../../contracts/objects/objects.ts";
import type { LogAppended } from "../../contracts/objects/log-calls.ts";
import {
	doneCloseCode,
	malformedFrameCloseCode,
	refusedCloseCode,
	replacedCloseCode,
	tryLaterCloseCode,
} from "../../contracts/wire/sockets/close-code.ts";
import type { Millis } from "../../domain/ids.ts";
import { appendBytesMax, heartbeatSeconds } from "../../domain/limits.ts";
import type { Refusal, Result } from "../../domain/refusal.ts";
import { assert } from "../../domain/refusal.ts";
import type { World } from "../ports.ts";
import { closeWhereOpen, isOpen, sendWhereOpen } from "../sockets.ts";
import type { AcceptSocket, HeldSocket, HeldSockets } from "../sockets.ts";
import type { LogOutside, LogPorts } from "./log-ports.ts";

const tag = "uploader";

/** What an upload socket must remember while the object sleeps. `unrenewed`: a session keeps its lease, as the pool said. */
interface UploadAttachment extends LeaseIdentity {
	unrenewed?: boolean;
}

export class UploadSockets {
	readonly #world: World;
	readonly #sockets: HeldSockets;
	readonly #outside: LogOutside;
	/** Forgotten in sleep, which takes as long as the pause between two renewals. */
	#renewedAt: Millis = 0;
	/** Interval and lease as the runner heard them last; forgotten in sleep, when to send them again does no harm. */
	#sent: string | null = null;

	constructor({ world, sockets, outside }: Pick<LogPorts, "world" | "sockets" | "outside">) {
		this.#world = world;
		this.#sockets = sockets;
		this.#outside = outside;
	}

	/** A log has one runner: its newer socket wins. */
	open(lease: LeaseIdentity, accept: AcceptSocket, appended: LogAppended): void {
		for (const older of this.#all()) closeWhereOpen(older, replacedCloseCode, "another upload socket of this lease");
		const socket = accept([tag]);
		socket.serializeAttachment(lease satisfies UploadAttachment);
		this.#send(socket, appended);
		this.#renewedAt = 0;
		this.#renewSoon(socket, lease);
	}

	has(socket: HeldSocket): boolean {
		return this.#sockets.getTags(socket).includes(tag);
	}

	isOpen(): boolean {
		return this.#all().length > 0;
	}

	/** [L25] A gap is no reason to end: the length says where to go on. Any other refusal closes with 4000 and its HTTP status. */
	async take(
		socket: HeldSocket,
		data: string | ArrayBuffer,
		append: (lease: LeaseIdentity, offset: number, bytes: Uint8Array) => Promise<Result<LogAppended>>,
		standing: () => LogAppended,
	): Promise<void> {
		const frame = typeof data === "string" ? null : readFrame(new Uint8Array(data));
		if (frame === null)
			return closeWhereOpen(socket, malformedFrameCloseCode, "a frame is 8 bytes of offset and then the log's");
		if (frame.bytes.length > appendBytesMax) return closeWhereOpen(socket, refusedCloseCode(413), "too-large");
		const attached = socket.deserializeAttachment() as UploadAttachment | null;
		assert(attached, "an upload socket has the lease it began with");
		const { unrenewed, ...lease } = attached;
		const appended = await append(lease, frame.offset, frame.bytes).catch((cause: unknown) => {
			// The runner keeps what was not acknowledged, and sends it by calls, which say when to come back.
			closeWhereOpen(socket, tryLaterCloseCode, "try again later");
			throw cause;
		});
		if (appended.ok) this.#send(socket, appended.value);
		else if (appended.refusal.code === "log-gap") this.#send(socket, standing());
		else return this.#refuse(socket, appended.refusal);
		if (!unrenewed) this.#renewSoon(socket, lease);
	}

	/** The session that kept the lease is gone. */
	renewAgain(epoch: number): void {
		this.#renewedAt = 0;
		for (const socket of this.#all()) {
			const { unrenewed, ...lease } = socket.deserializeAttachment() as UploadAttachment;
			if (lease.epoch === epoch) socket.serializeAttachment(lease satisfies UploadAttachment);
		}
	}

	/** [L33] A frame is a sign of life for its lease, which the Worker does not see. Nobody waits for it, and a failure costs one turn. */
	#renewSoon(socket: HeldSocket, lease: LeaseIdentity): void {
		const now = this.#world.now();
		if (now - this.#renewedAt < heartbeatSeconds * 1_000) return;
		this.#renewedAt = now;
		this.#outside
			.renew(lease)
			.then((renewed) => {
				// Unless `renewAgain` was called meanwhile.
				if (renewed?.again === false && this.#renewedAt === now)
					socket.serializeAttachment({ ...lease, unrenewed: true } satisfies UploadAttachment);
			})
			.catch(() => undefined);
	}

	/** Sends an acknowledgement that was not asked for, if the interval wanted or the lease's state has changed. */
	push(appended: LogAppended): void {
		if (this.#sent === pushedPart(appended)) return;
		for (const socket of this.#all()) this.#send(socket, appended);
	}

	end(): void {
		for (const socket of this.#all()) closeWhereOpen(socket, doneCloseCode, "the log is sealed");
	}

	#refuse(socket: HeldSocket, refusal: Refusal): void {
		closeWhereOpen(socket, refusedCloseCode(refusalFacts(refusal).status), refusal.code);
	}

	#send(socket: HeldSocket, appended: LogAppended): void {
		const { length, intervalSeconds, lease } = appended;
		this.#sent = pushedPart(appended);
		sendWhereOpen(socket, JSON.stringify(acknowledgement(length, intervalSeconds, lease)));
	}

	#all(): HeldSocket[] {
		return this.#sockets.getWebSockets(tag).filter(isOpen);
	}
}

/** The part of an acknowledgement that the runner is to hear of at once when it changes. */
function pushedPart({ intervalSeconds, lease }: LogAppended): string {
	return `${intervalSeconds} ${lease}`;
}
