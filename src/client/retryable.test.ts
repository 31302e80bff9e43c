// Whether a call is tried again, and when: with a hand-moved clock, and over a real connection that fails in each way.
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Outage } from "../contracts/wire/outage.ts";
import { ProblemError, readRetryAfter } from "./call-failure.ts";
import { createClient } from "./client.ts";
import { isRetryable, retryable, repeatDefaults, waitMs } from "./retryable.ts";
import type { RepeatPolicy } from "./retryable.ts";

function problemOf(status: number, retryAfter?: string): ProblemError {
	const headers = retryAfter === undefined ? {} : { "retry-after": retryAfter };
	return new ProblemError(new Response(null, { status, headers }), { code: "busy", detail: "busy" });
}

/** Time passes only by sleeping. */
function handMoved(random: number): { policy: RepeatPolicy; slept: number[] } {
	const slept: number[] = [];
	let now = 0;
	const sleep = async (ms: number) => {
		slept.push(ms);
		now += ms;
	};
	return { policy: { ...repeatDefaults, random: () => random, now: () => now, sleep }, slept };
}

describe("deciding", () => {
	it.each([
		[400, false, false],
		[401, false, false],
		[404, false, false],
		[409, false, false],
		[422, false, false],
		[408, true, true],
		[429, true, true],
		[500, true, false],
		[502, true, false],
		[503, true, true],
		[504, true, false],
	])("[C1] %i is repeated when doing it twice is harmless: %s, else: %s", (status, idempotent, other) => {
		expect([isRetryable(problemOf(status), true), isRetryable(problemOf(status), false)]).toEqual([idempotent, other]);
	});

	it("[C2] what may have reached the server is repeated only if that is harmless, what cannot have, always", () => {
		const sent = new Outage("broke off");
		const unsent = new Outage("refused", { isSafeToRepeat: true });
		expect([isRetryable(sent, true), isRetryable(sent, false)]).toEqual([true, false]);
		expect([isRetryable(unsent, true), isRetryable(unsent, false)]).toEqual([true, true]);
		expect(isRetryable(new TypeError("our bug"), true)).toBe(false);
	});

	it("[C3] the wait is random below a bound that doubles, and comes on top of Retry-After", () => {
		const policy = { initialMs: 100, maxMs: 400, random: () => 0.5 };
		expect([1, 2, 3, 4].map((tried) => waitMs(problemOf(503), tried, policy))).toEqual([50, 100, 200, 200]);
		expect(waitMs(problemOf(503, "7"), 1, policy)).toBe(7_050);
	});

	it("[C4] Retry-After is read as seconds or as a date, and nonsense as absent", () => {
		const now = Date.parse("2026-01-01T00:00:00Z");
		const read = ["3", "Thu, 01 Jan 2026 00:00:09 GMT", "soon", null].map((text) => readRetryAfter(text, now));
		expect(read).toEqual([3, 9, null, null]);
	});

	it("[C5] no try begins after the deadline, and the last failure is what is thrown", async () => {
		const { policy, slept } = handMoved(0.999);
		const failure = problemOf(503);
		const call = () => Promise.reject(failure);
		const work = retryable(call, { policy: { ...policy, deadlineMs: 1_000 }, idempotent: true });
		await expect(work).rejects.toBe(failure);
		expect(slept).toEqual([249, 499]);
	});

	it("[C6] a Retry-After past the deadline ends it at once", async () => {
		const { policy, slept } = handMoved(0);
		const work = retryable(() => Promise.reject(problemOf(429, "3600")), { policy, idempotent: true });
		await expect(work).rejects.toMatchObject({ status: 429, retryAfterSeconds: 3_600 });
		expect(slept).toEqual([]);
	});

	it("[C7] an abort ends the wait with its own reason", async () => {
		const stop = new AbortController();
		const work = retryable(() => Promise.reject(problemOf(503)), {
			policy: { ...repeatDefaults, initialMs: 1_000_000, maxMs: 1_000_000, deadlineMs: 2_000_000, random: () => 0.9 },
			idempotent: true,
			signal: stop.signal,
			onWait: () => stop.abort(new Error("enough")),
		});
		await expect(work).rejects.toThrow("enough");
	});
});

describe("calling", () => {
	let server: Server;
	afterEach(() => {
		server.closeAllConnections();
		server.close();
	});

	/** `deadlineMs`: for how long the client tries a call again. */
	async function serve(
		answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
		deadlineMs = repeatDefaults.deadlineMs,
	) {
		let count = 0;
		const requests: IncomingMessage[] = [];
		server = createServer((request, response) => {
			requests.push(request);
			request.resume().on("end", () => answer(request, response, ++count));
		});
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
		return { client: createClient({ url, token: "t", retry: { initialMs: 1, maxMs: 2, deadlineMs } }), requests };
	}

	const repository = { owner: "acme", repo: "web" };

	it("[C8] a submit that broke off is sent again with the same key, made for it when none was given", async () => {
		const { client, requests } = await serve((request, response, count) => {
			if (count === 1) request.socket.destroy();
			else
				response
					.writeHead(count === 2 ? 503 : 200, { "idempotency-replayed": "true" })
					.end('{"id":"r1","state":"accepted"}');
		});
		const submitted = await client.runs.submit(repository, { jobs: [{ key: "a", run: "true" }] });
		expect(submitted).toMatchObject({ run: { id: "r1" }, replayed: true, spilled: false });
		const keys = requests.map(({ headers }) => headers["idempotency-key"]);
		expect(keys).toHaveLength(3);
		expect(new Set(keys).size).toBe(1);
	});

	it("[C9] a registration and a token that broke off are made again under the key of the first try", async () => {
		const { client, requests } = await serve((request, response) => {
			if (requests.length % 2 === 1) request.socket.destroy();
			else
				response
					.writeHead(200, { "idempotency-replayed": "true" })
					.end('{"id":"x1","token":"t","heartbeatSeconds":10}');
		});
		const registered = await client.registerRunner({ owner: "acme", pool: "default" }, { name: "a" });
		const made = await client.tokens.create({ owner: "acme", name: "x", scopes: ["read"] });
		expect([registered.id, made.id, requests.length]).toEqual(["x1", "x1", 4]);
		const keys = requests.map(({ headers }) => String(headers["idempotency-key"]));
		expect([keys[0] === keys[1], keys[2] === keys[3], keys[1] === keys[2]]).toEqual([true, true, false]);
		expect(keys[0]).toMatch(/^[\w-]{36}$/);
	});

	it("[C2] the redrive of one letter that broke off is not sent again: the first may have taken it", async () => {
		const { client, requests } = await serve((request) => request.socket.destroy());
		await expect(client.deadLetters.redrive("dl1")).rejects.toThrow(Outage);
		expect(requests).toHaveLength(1);
	});

	it("[C10] a problem is thrown with its facts, and a page that is no problem as an outage with its status", async () => {
		const body = { code: "malformed", detail: "no", errors: [{ path: "jobs", message: "missing" }], requestId: "q" };
		const { client } = await serve((_request, response, count) => {
			if (count === 1) response.writeHead(400).end(JSON.stringify(body));
			else response.writeHead(403).end("<html>go away</html>");
		}, 100);
		await expect(client.repositories.get(repository)).rejects.toMatchObject({ status: 400, ...body });
		await expect(client.repositories.get(repository)).rejects.toMatchObject({
			name: "Outage",
			message: expect.stringContaining("403 Forbidden"),
		});
	});

	it("[C11] a range of a log is asked for and told by offsets", async () => {
		const { client, requests } = await serve((_request, response) => {
			response.writeHead(206, { "content-range": "bytes 3-5/9" }).end("def");
		});
		const { from, length, body } = await client.attempts.log(repository, { job: "j", attempt: 1 }, { from: 3, to: 6 });
		expect([from, length, await new Response(body).text()]).toEqual([3, 9, "def"]);
		expect(requests[0]?.headers.range).toBe("bytes=3-5");
	});
});
