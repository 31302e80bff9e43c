// The server as a runner sees it, over a real loopback connection: it can be closed in the middle, come back on the same
// port, refuse, and forget part of a log. Tests wait on `until`, which is looked at again after every request.
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Grant } from "../../contracts/http/runner.ts";
// @ts-expect-error ws ships no types, and its users here are few lines.
import { WebSocketServer } from "ws";
import { FakeLease } from "./fake-server-lease.ts";
import { FakeUploadSocket, FakeSession } from "./fake-server-sockets.ts";
import type { ServerSocket } from "./fake-server-sockets.ts";

export interface FakeCall {
	method: string;
	/** With its query. */
	path: string;
	token: string;
	headers: IncomingMessage["headers"];
	body: Buffer;
}

export interface FakeAnswer {
	status: number;
	headers?: Record<string, string>;
	json?: unknown;
	/** As it is, in place of JSON. */
	text?: string;
	/** The connection is reset before anything is done, or in the middle of an answer; `lost`: after it was done. */
	fault?: "reset" | "torn" | "lost";
}

/** Null lets the call through. */
type Interceptor = (call: FakeCall) => FakeAnswer | null;

export class FakeServer {
	readonly calls: FakeCall[] = [];
	readonly leases = new Map<string, FakeLease>();
	/** Tokens of registered runners; delete one to forget the runner. */
	readonly runners = new Set<string>();
	readonly registrations: unknown[] = [];
	heartbeatSeconds = 1;
	draining = false;
	uploadInterval = "0";
	/** Whether it is a server that has them; else an upgrade is refused. */
	hasSessions = false;
	hasUploadSockets = false;
	/** In the order in which they were opened; the last one gets the grants. */
	readonly sessions: FakeSession[] = [];
	readonly uploadSockets: FakeUploadSocket[] = [];
	intercept: Interceptor = () => null;
	#grants: Grant[] = [];
	#server: Server | null = null;
	#port = 0;
	#watchers: (() => void)[] = [];
	readonly #sockets = new WebSocketServer({ noServer: true });
	readonly #upgraded: Duplex[] = [];

	get url(): string {
		return `http://127.0.0.1:${this.#port}`;
	}

	/** On the same port as before, if there was one. */
	async open(): Promise<void> {
		if (this.#server) return;
		const server = createServer((request, response) => void this.#serve(request, response));
		server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
		await new Promise<void>((resolve, reject) => {
			server.once("error", reject);
			server.listen(this.#port, "127.0.0.1", resolve);
		});
		this.#port = (server.address() as AddressInfo).port;
		this.#server = server;
	}

	/** Every connection is cut, whatever is on its way. */
	async close(): Promise<void> {
		const server = this.#server;
		this.#server = null;
		if (!server) return;
		const closed = new Promise((resolve) => server.close(resolve));
		server.closeAllConnections();
		for (const socket of this.#upgraded.splice(0)) socket.destroy();
		this.changed();
		await closed;
	}

	/** The job waits until a runner asks. */
	offer(grant: Grant): FakeLease {
		const lease = new FakeLease(grant);
		this.leases.set(grant.lease.id, lease);
		const session = this.sessions.at(-1);
		if (session?.isWaiting) session.send({ type: "grant", grant });
		else this.#grants.push(grant);
		this.changed();
		return lease;
	}

	/** Resolves as soon as `condition` holds. */
	async until(condition: () => boolean): Promise<void> {
		while (!condition()) await new Promise<void>((resolve) => this.#watchers.push(resolve));
	}

	changed(): void {
		for (const watcher of this.#watchers.splice(0)) watcher();
	}

	callsTo(path: string): FakeCall[] {
		return this.calls.filter((call) => call.path === path);
	}

	#upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
		const call = callOf(request, Buffer.alloc(0));
		this.calls.push(call);
		this.#upgraded.push(socket);
		// Whoever asked may be killed before it has the answer.
		socket.on("error", () => {});
		const isSession = this.hasSessions && call.path === "/v1/runner/session" && this.runners.has(call.token);
		const lease = this.hasUploadSockets && call.path === "/v1/lease/log/feed" ? this.#leaseOf(call) : undefined;
		if (this.intercept(call) !== null || !(isSession || lease)) {
			socket.end("HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
			this.changed();
			return;
		}
		this.#sockets.handleUpgrade(request, socket, head, (webSocket: ServerSocket) => {
			if (lease) this.uploadSockets.push(new FakeUploadSocket(webSocket, lease, () => this.changed()));
			else this.sessions.push(new FakeSession(webSocket, (session) => this.#heard(session)));
			this.changed();
		});
	}

	#heard(session: FakeSession): void {
		this.#renew(session.leases);
		if (session === this.sessions.at(-1) && session.isWaiting) {
			for (const grant of this.#grants.splice(0)) session.send({ type: "grant", grant });
		}
		this.changed();
	}

	#leaseOf(call: FakeCall): FakeLease | undefined {
		return [...this.leases.values()].find(({ grant }) => grant.lease.token === call.token);
	}

	async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const chunks: Buffer[] = [];
		try {
			for await (const chunk of request) chunks.push(chunk);
		} catch {
			return;
		}
		const call = callOf(request, Buffer.concat(chunks));
		this.calls.push(call);
		this.changed();
		const { status, headers = {}, json, text, fault } = this.intercept(call) ?? (await this.#answer(call, response));
		if (fault !== undefined) {
			if (fault === "lost") await this.#answer(call, response);
			if (fault === "torn") response.writeHead(200, { "content-length": "1000" }).write("{");
			return void request.socket.destroy();
		}
		const type = status >= 400 ? "application/problem+json" : "application/json";
		response.writeHead(status, { "content-type": type, ...headers });
		response.end(json === undefined ? text : JSON.stringify(json));
		this.changed();
	}

	async #answer(call: FakeCall, response: ServerResponse): Promise<FakeAnswer> {
		if (/^\/v1\/pools\/[^/]+\/[^/]+\/runners$/.test(call.path)) return this.#register(call);
		if (call.path.startsWith("/v1/runner/")) {
			if (!this.runners.has(call.token)) return problem(401, "token-unknown");
			return call.path === "/v1/runner/acquire" ? this.#acquire(call, response) : this.#heartbeat(call);
		}
		const lease = this.#leaseOf(call);
		if (!lease) return problem(404, "not-found");
		const answer = lease.state === "lost" ? problem(409, "lease-stale") : this.#leaseCall(call, lease);
		return { ...answer, headers: { "lease-state": lease.state, ...answer.headers } };
	}

	#register(call: FakeCall): FakeAnswer {
		this.registrations.push(JSON.parse(call.body.toString()));
		const number = this.registrations.length;
		const token = `token-of-runner-${number}`;
		this.runners.add(token);
		const sessionUrl = `${this.url}/v1/runner/session`;
		return {
			status: 201,
			json: { id: `runner-${number}`, token, sessionUrl, heartbeatSeconds: this.heartbeatSeconds },
		};
	}

	async #acquire(call: FakeCall, response: ServerResponse): Promise<FakeAnswer> {
		this.#renew(JSON.parse(call.body.toString()).leases);
		// A poll that was given up must not swallow a grant.
		await this.until(() => this.#grants.length > 0 || response.closed);
		if (response.closed) return { status: 204 };
		return { status: 200, json: this.#grants.shift() };
	}

	#heartbeat(call: FakeCall): FakeAnswer {
		const leases = this.#renew(JSON.parse(call.body.toString()).leases);
		const states = leases.map(({ grant, state }) => ({ id: grant.lease.id, state, graceSeconds: 0.2 }));
		return { status: 200, json: { leases: states, draining: this.draining } };
	}

	#renew(ids: string[]): FakeLease[] {
		const named = ids.flatMap((id) => this.leases.get(id) ?? []);
		for (const lease of named) lease.renewals++;
		return named;
	}

	#leaseCall(call: FakeCall, lease: FakeLease): FakeAnswer {
		switch (call.path) {
			case "/v1/lease/start":
				lease.starts++;
				return { status: 200, json: { job: {} } };
			case "/v1/lease/log":
				return this.#append(call, lease);
			case "/v1/lease/steps":
				lease.steps = JSON.parse(call.body.toString()).steps;
				return { status: 204 };
			case "/v1/lease/finish":
				lease.finish = JSON.parse(call.body.toString());
				return { status: 200, json: { job: {} } };
			default:
				return problem(404, "not-found");
		}
	}

	#append(call: FakeCall, lease: FakeLease): FakeAnswer {
		const offset = Number(call.headers["upload-offset"]);
		if (!lease.append(offset, call.body)) {
			return problem(409, "log-gap", { "upload-offset": String(lease.log.length) });
		}
		const headers = { "upload-offset": String(lease.log.length), "upload-interval": this.uploadInterval };
		return { status: 204, headers };
	}
}

function callOf(request: IncomingMessage, body: Buffer): FakeCall {
	const token = (request.headers.authorization ?? "").replace("Bearer ", "");
	return { method: request.method ?? "", path: request.url ?? "", token, headers: request.headers, body };
}

export function problem(status: number, code: string, headers: Record<string, string> = {}): FakeAnswer {
	return { status, headers, json: { type: "about:blank", title: code, status, code, detail: code, requestId: "test" } };
}
