// An HTTP server on a free port of this machine that counts what is asked of it, and can be made to fail on any path.
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** `silent`: no answer ever. `huge`: an answer without an end. `broken`: one that breaks off. `elsewhere`: a redirect. */
export type PathFault = "silent" | "huge" | "broken" | "elsewhere" | { status: number; body?: string };

export interface Asked {
	method: string;
	path: string;
	query: URLSearchParams;
	headers: IncomingMessage["headers"];
	form: URLSearchParams;
}

export interface Told {
	status?: number;
	json?: unknown;
	location?: string;
}

export class LocalServer {
	readonly url: string;
	/** By path. */
	readonly faults = new Map<string, PathFault>();
	readonly asked: Asked[] = [];
	readonly #server: ReturnType<typeof createServer>;

	private constructor(server: ReturnType<typeof createServer>) {
		this.#server = server;
		this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	}

	static async open(answer: (asked: Asked) => Told | Promise<Told>): Promise<LocalServer> {
		const server = createServer((request, response) => {
			local.#take(request, response, answer).catch((error: unknown) => response.destroy(error as Error));
		});
		server.listen(0, "127.0.0.1");
		await once(server, "listening");
		const local: LocalServer = new LocalServer(server);
		return local;
	}

	/** How often this path was asked for. */
	count(path: string): number {
		return this.asked.filter((each) => each.path === path).length;
	}

	async close(): Promise<void> {
		this.#server.close();
		this.#server.closeAllConnections();
		await once(this.#server, "close");
	}

	async #take(request: IncomingMessage, response: ServerResponse, answer: (asked: Asked) => Told | Promise<Told>) {
		const { pathname: path, searchParams: query } = new URL(request.url ?? "/", "http://local.invalid");
		let body = "";
		for await (const piece of request.setEncoding("utf8")) body += piece;
		const { method = "GET", headers } = request;
		const asked = { method, path, query, headers, form: new URLSearchParams(body) };
		this.asked.push(asked);
		const fault = this.faults.get(path);
		if (fault !== undefined) return answerBadly(response, fault);
		const { status = 200, json, location } = await answer(asked);
		response.writeHead(status, {
			...(location === undefined ? {} : { location }),
			...(json === undefined ? {} : { "content-type": "application/json" }),
		});
		response.end(json === undefined ? "" : JSON.stringify(json));
	}
}

function answerBadly(response: ServerResponse, fault: PathFault): void {
	if (fault === "silent") return;
	if (fault === "elsewhere") {
		response.writeHead(307, { location: "http://127.0.0.1:1/" }).end();
		return;
	}
	if (typeof fault === "object") {
		response.writeHead(fault.status, { "content-type": "application/json" }).end(fault.body ?? "{}");
		return;
	}
	response.writeHead(200, { "content-type": "application/json" });
	response.write('{"keys":[');
	if (fault === "broken") {
		response.flushHeaders();
		setImmediate(() => response.destroy());
		return;
	}
	const piece = `"${"x".repeat(65_533)}",`;
	const more = () => {
		while (!response.destroyed && response.write(piece));
	};
	response.on("drain", more);
	more();
}
