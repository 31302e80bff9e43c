// The viewer against a WebSocket server that drops, repeats and refuses.
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
// @ts-expect-error ws ships no types, and its users here are two lines.
import { WebSocketServer } from "ws";
import type { LogMessage } from "../contracts/http/streams/log-stream.ts";
import { idleProxy } from "../testing/idle-proxy.ts";
import { viewLog } from "./log-viewer.ts";
import type { LogEvent, ViewLogOptions } from "./log-viewer.ts";

interface Visit {
	path: string;
	authorization: string | undefined;
	send(...messages: LogMessage[]): void;
	close(code?: number): void;
	cut(): void;
	/** Each ping of the viewer's, which is answered if `answer` says so. */
	onPing(answer: (ping: number) => boolean): void;
}

interface ServerSocket {
	send(text: string): void;
	close(code: number): void;
	terminate(): void;
	on(event: "message", listener: (data: Buffer) => void): void;
}

let server: Server;
afterEach(() => {
	server.closeAllConnections();
	server.close();
});

/** One function per visit, in order; a visit too many is refused. An ordinary request for the job gets `jobStatus`. */
async function serve(visits: ((visit: Visit) => void)[], jobStatus = 200, away = { after: 0, times: 0 }) {
	const seen: Visit[] = [];
	const sockets = new WebSocketServer({ noServer: true });
	server = createServer((_request, response) => {
		const isAway = away.times > 0 && seen.length >= away.after;
		response.writeHead(isAway ? 503 : jobStatus);
		response.end(JSON.stringify({ id: "j", state: "running", code: "busy", detail: "Not now." }));
	});
	server.on("upgrade", (request, socket, head) => {
		if (away.times > 0 && seen.length >= away.after) {
			away.times--;
			return socket.end("HTTP/1.1 503 Service Unavailable\r\n\r\n");
		}
		const answer = visits[seen.length];
		if (!answer) return socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
		sockets.handleUpgrade(request, socket, head, (webSocket: ServerSocket) => {
			const visit: Visit = {
				path: request.url ?? "",
				authorization: request.headers.authorization,
				send: (...messages) => {
					for (const message of messages) webSocket.send(JSON.stringify(message));
				},
				close: (code = 1_000) => webSocket.close(code),
				cut: () => webSocket.terminate(),
				onPing: (answer) => {
					let pings = 0;
					webSocket.on("message", (data) => {
						if (String(data) === "ping" && answer(++pings)) webSocket.send("pong");
					});
				},
			};
			seen.push(visit);
			answer(visit);
		});
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function view(url: string, options: Partial<ViewLogOptions> = {}) {
	const events: LogEvent[] = [];
	const retry = { initialMs: 1, maxMs: 2, deadlineMs: 0 };
	for await (const event of viewLog({
		url,
		token: "t",
		retry,
		repository: { owner: "a", repo: "b" },
		job: "j",
		...options,
	})) {
		events.push(event);
	}
	return { events, bytes: Buffer.concat(events.flatMap((event) => (event.type === "output" ? [event.bytes] : []))) };
}

function text(offset: number, words: string): LogMessage {
	return { type: "output", offset, next: offset + Buffer.byteLength(words), text: words };
}
const end: LogMessage = { type: "end", length: 6, sha256: null, outcome: "passed", state: "sealed" };

describe("viewLog", () => {
	it("[C12] every byte comes once and in order, whatever is cut, and each return names the offset reached", async () => {
		const { url, seen } = await serve([
			(visit) => {
				visit.send(text(0, "äb"));
				visit.close(4_008);
			},
			// Begins earlier than asked for: what was seen is passed over.
			(visit) => {
				visit.send(text(2, "bc"), {
					type: "output",
					offset: 4,
					next: 6,
					data: Buffer.from([0xff, 0]).toString("base64"),
				});
				visit.cut();
			},
			(visit) => {
				visit.send(end);
				visit.close();
			},
		]);
		const { events, bytes } = await view(url, { attempt: 2 });
		expect(bytes).toEqual(Buffer.from([0xc3, 0xa4, 0x62, 0x63, 0xff, 0]));
		expect(events.at(-1)).toEqual(end);
		expect(seen.map(({ path }) => path)).toEqual(
			[0, 3, 6].map((from) => `/v1/repos/a/b/jobs/j/attempts/2/log/live?from=${from}`),
		);
		expect(seen[0]?.authorization).toBe("Bearer t");
	});

	it("[C13] a job that ended without starting ends the following at once, without a message", async () => {
		const { url, seen } = await serve([(visit) => visit.close()]);
		expect((await view(url)).events).toEqual([]);
		expect(seen.map(({ path }) => path)).toEqual(["/v1/repos/a/b/jobs/j/log/live"]);
	});

	it("[C17] an absence of the server is sat through and told, and no byte is doubled", async () => {
		const away = { after: 1, times: 5 };
		const told: boolean[] = [];
		const { url } = await serve(
			[
				(visit) => {
					visit.send(text(0, "abc"));
					visit.cut();
				},
				(visit) => {
					visit.send(text(1, "bcdef"), end);
					visit.close();
				},
			],
			200,
			away,
		);
		const onAbsence = (failure: Error | null) => told.push(failure === null);
		const { bytes } = await view(url, { attempt: 2, onAbsence });
		expect(bytes.toString()).toBe("abcdef");
		expect(told).toEqual([true, ...Array<boolean>(5).fill(false), true]);
	});

	it("[C18] an absence is counted from the loss of the last connection, though that was quiet for long", async () => {
		let clock = 0;
		let opened = () => {};
		const lastsMs = (visit: Visit, ms: number) => {
			opened = () => {
				clock += ms;
				visit.cut();
			};
		};
		const { url } = await serve([
			(visit) => lastsMs(visit, 0),
			// Longer than an absence may be, and without a word.
			(visit) => lastsMs(visit, 600_000),
			(visit) => {
				visit.send(text(0, "abc"), end);
				visit.close();
			},
		]);
		const retry = { initialMs: 1, maxMs: 2, deadlineMs: 0, now: () => clock };
		const onAbsence = (failure: Error | null) => failure === null && opened();
		const { bytes } = await view(url, { attempt: 2, deadlineMs: 12_000, retry, onAbsence });
		expect(bytes.toString()).toBe("abc");
	});

	it("[C17] an absence that lasts too long is thrown", async () => {
		const { url } = await serve([], 200, { after: 0, times: 1_000_000 });
		await expect(view(url, { attempt: 2, deadlineMs: 20 })).rejects.toMatchObject({ status: 503 });
	});

	it("[C13] a job is followed from attempt to attempt; one that was cut is finished before the next", async () => {
		const one = text(0, "one");
		const two = text(0, "two");
		const { url, seen } = await serve([
			(visit) => {
				visit.send({ type: "attempt", number: 1 }, text(0, "on"));
				visit.cut();
			},
			(visit) => {
				visit.send(text(2, "e"), end);
				visit.close();
			},
			(visit) => {
				visit.send({ type: "attempt", number: 1 }, one, end, { type: "attempt", number: 2 }, two, end);
				visit.close();
			},
		]);
		const { events, bytes } = await view(url);
		expect(bytes.toString()).toBe("onetwo");
		expect(events.map(({ type }) => type)).toEqual(["attempt", "output", "output", "end", "attempt", "output", "end"]);
		expect(seen[1]?.path).toBe("/v1/repos/a/b/jobs/j/attempts/1/log/live?from=2");
	});

	it("[C14] a log that is not to be had ends with the server's problem", async () => {
		const { url } = await serve([], 404);
		await expect(view(url, { attempt: 1 })).rejects.toMatchObject({ status: 404 });
	});

	it("[C15] bytes that are missing are never passed over in silence", async () => {
		const { url } = await serve([(visit) => visit.send(text(0, "ab"), text(3, "d"))]);
		await expect(view(url, { attempt: 1 })).rejects.toThrow(/skipped from 2 to 3/);
	});

	it("[C16] an abort ends the view with its reason", async () => {
		const stop = new AbortController();
		const { url } = await serve([() => stop.abort(new Error("enough"))]);
		await expect(view(url, { attempt: 1, signal: stop.signal })).rejects.toThrow("enough");
	});
});

it("[F14] a log that says nothing is kept through a proxy that cuts what is silent, by pings and their answers", async () => {
	const { seen, url } = await serve([
		(visit) => {
			visit.onPing((ping) => {
				if (ping < 8) return true;
				visit.send(text(0, "a"), end);
				visit.close();
				return false;
			});
		},
	]);
	const proxy = await idleProxy(url, { idleMs: 1_000 });
	try {
		const { bytes } = await view(proxy.url, { attempt: 1, pingMs: 200 });
		expect([bytes.toString(), seen.length, proxy.cut()]).toEqual(["a", 1, 0]);
	} finally {
		proxy.close();
	}
});

it("[F14] a server that answers no ping is left, and the log taken up again where it was", async () => {
	const { seen, url } = await serve([
		(visit) => {
			visit.send(text(0, "a"));
			visit.onPing(() => false);
		},
		(visit) => {
			visit.send(end);
			visit.close();
		},
	]);
	await view(url, { attempt: 1, pingMs: 50 });
	expect(seen.map(({ path }) => path.split("?")[1])).toEqual(["from=0", "from=1"]);
});
