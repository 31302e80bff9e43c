// The Durable Object of one attempt's log: gives its engine the platform's storage, clock, sockets and far ends, and passes each
// call on.
import { DurableObject } from "cloudflare:workers";
import { leaseStateHeader } from "../../src/contracts/wire/headers/lease-headers.ts";
import type { LeaseIdentity } from "../../src/contracts/objects/objects.ts";
import type { LogCalls, LogClose } from "../../src/contracts/objects/log-calls.ts";
import { doneCloseCode } from "../../src/contracts/wire/sockets/close-code.ts";
import { noUploadSocket, readUploadSocketRequest } from "../../src/contracts/wire/sockets/upload-socket-request.ts";
import { noLogView, readLogViewRequest } from "../../src/contracts/wire/sockets/log-view-request.ts";
import { readLogObjectName } from "../../src/contracts/wire/object-name.ts";
import type { StepRecord } from "../../src/domain/job/job.ts";
import type { AppendKind } from "../../src/domain/log/log.ts";
import { LogEngine } from "../../src/engine/log/log-engine.ts";
import type { Env } from "../env.ts";
import { acceptIn, heldSocketsOf } from "../bindings/sockets.ts";
import { heedSwitchesAtWaking } from "../switches/switches.ts";
import { worldOf } from "../world.ts";
import { logOutside } from "./log-outside.ts";

export class LogObject extends DurableObject<Env> implements LogCalls {
	readonly #engine: LogEngine;

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env);
		heedSwitchesAtWaking(ctx, env);
		ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
		const name = readLogObjectName(ctx.id.name ?? "");
		this.#engine = new LogEngine({
			name,
			world: worldOf(ctx),
			values: ctx.storage.kv,
			sockets: heldSocketsOf(ctx),
			outside: logOutside({ env: () => this.env, name, later: (work) => ctx.waitUntil(work) }),
		});
	}

	append(lease: LeaseIdentity, offset: number, bytes: Uint8Array, kind?: AppendKind) {
		return this.#engine.append(lease, offset, bytes, kind);
	}

	steps(lease: LeaseIdentity, steps: StepRecord[]) {
		return this.#engine.steps(lease, steps);
	}

	cancel(call: Parameters<LogCalls["cancel"]>[0]) {
		return this.#engine.cancel(call);
	}

	unattended(call: { epoch: number }) {
		return this.#engine.unattended(call);
	}

	close(call: LogClose) {
		return this.#engine.close(call);
	}

	status(call?: { isRead: boolean }) {
		return this.#engine.status(call);
	}

	read(call: { from: number; to: number }) {
		return this.#engine.read(call);
	}

	override async fetch(request: Request): Promise<Response> {
		const lease = readUploadSocketRequest(request);
		const { accept, answer } = acceptIn(this.ctx);
		if (lease === null) {
			const no = await this.#engine.view(readLogViewRequest(request), accept);
			return no === null ? answer() : noLogView(no);
		}
		const opened = await this.#engine.openUpload(lease, accept);
		return opened.ok ? answer({ [leaseStateHeader]: opened.value.lease }) : noUploadSocket(opened.refusal);
	}

	override webSocketMessage(socket: WebSocket, data: string | ArrayBuffer) {
		return this.#engine.hear(socket, data);
	}

	/** The platform does not answer a hibernating socket's close: without an answer the other end waits 10 s for it. */
	override webSocketClose(socket: WebSocket): void {
		if (socket.readyState === WebSocket.CLOSING) socket.close(doneCloseCode);
		this.#engine.left(socket);
	}

	override alarm() {
		return this.#engine.alarm();
	}
}
