// The Durable Object of one run's feed: gives its engine the platform's storage, clock, sockets and far ends, and passes each call
// on.
import { DurableObject } from "cloudflare:workers";
import type { FeedCalls, RunUpdate } from "../../src/contracts/objects/feed.ts";
import { doneCloseCode } from "../../src/contracts/wire/sockets/close-code.ts";
import { readFeedObjectName } from "../../src/contracts/wire/object-name.ts";
import { noRunWatch, readRunWatchRequest } from "../../src/contracts/wire/sockets/run-watch-request.ts";
import { FeedEngine } from "../../src/engine/feed/feed-engine.ts";
import type { Env } from "../env.ts";
import { acceptIn, heldSocketsOf } from "../bindings/sockets.ts";
import { worldOf } from "../world.ts";
import { feedOutside } from "./feed-outside.ts";

export class FeedObject extends DurableObject<Env> implements FeedCalls {
	readonly #engine: FeedEngine;

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env);
		ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
		const name = readFeedObjectName(ctx.id.name ?? "");
		this.#engine = new FeedEngine({
			name,
			world: worldOf(ctx),
			sockets: heldSocketsOf(ctx),
			outside: feedOutside({ env: () => this.env, name, later: (work) => ctx.waitUntil(work) }),
		});
	}

	changed(updates: RunUpdate[]) {
		return this.#engine.changed(updates);
	}

	heard(version: number) {
		return this.#engine.heard(version);
	}

	override async fetch(request: Request): Promise<Response> {
		const { accept, answer } = acceptIn(this.ctx);
		const no = await this.#engine.watch(readRunWatchRequest(request), accept);
		return no === null ? answer() : noRunWatch(no);
	}

	override webSocketMessage(socket: WebSocket) {
		this.#engine.hear(socket as Parameters<FeedEngine["hear"]>[0]);
	}

	/** The platform does not answer a hibernating socket's close: without an answer the other end waits 10 s for it. */
	override async webSocketClose(socket: WebSocket): Promise<void> {
		if (socket.readyState === WebSocket.CLOSING) socket.close(doneCloseCode);
		await this.#engine.left(socket as Parameters<FeedEngine["left"]>[0]);
	}

	override alarm() {
		return this.#engine.alarm();
	}
}
