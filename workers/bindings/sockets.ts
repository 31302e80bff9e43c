// The platform's hibernating WebSockets as an engine knows them.
import type { AcceptSocket, HeldSockets } from "../../src/engine/sockets.ts";

export function heldSocketsOf(ctx: DurableObjectState): HeldSockets {
	return {
		getWebSockets: (tag) => ctx.getWebSockets(tag) as ReturnType<HeldSockets["getWebSockets"]>,
		getTags: (socket) => ctx.getTags(socket as WebSocket),
	};
}

/** `accept` makes the socket when the engine takes it, and `answer` is then the response with its other end. */
export function acceptIn(ctx: DurableObjectState): {
	accept: AcceptSocket;
	answer: (headers?: Record<string, string>) => Response;
} {
	let other: WebSocket | null = null;
	return {
		accept: (tags) => {
			const { 0: client, 1: server } = new WebSocketPair();
			ctx.acceptWebSocket(server, tags);
			other = client;
			return server as ReturnType<AcceptSocket>;
		},
		answer: (headers = {}) => new Response(null, { status: 101, webSocket: other, headers }),
	};
}
