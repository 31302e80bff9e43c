// As much of the package `ws` as the bench uses, with types: it brings none.
import type { EventEmitter } from "node:events";
import type { Server } from "node:http";
// @ts-expect-error ws ships no types.
import * as ws from "ws";

export interface Socket extends EventEmitter {
	readonly bufferedAmount: number;
	send(data: string | Uint8Array, options?: { binary: boolean }): void;
	close(code?: number): void;
	on(event: "message", listener: (data: Uint8Array) => void): this;
	on(event: "close", listener: (code: number, reason: Uint8Array) => void): this;
	on(event: "error", listener: (error: Error) => void): this;
}

export interface SocketServer {
	readonly clients: Set<Socket>;
	on(event: "connection", listener: (socket: Socket, request: { url?: string }) => void): this;
}

type Client = new (url: string, options?: { headers?: Record<string, string>; perMessageDeflate?: boolean }) => Socket;
type Listener = new (options: { server: Server; perMessageDeflate?: boolean }) => SocketServer;

export const WebSocket = ws.WebSocket as Client;
export const WebSocketServer = ws.WebSocketServer as Listener;
