// Logs through the front door: bytes, ranges, tails, and the live view over SSE and WebSocket, before, while and after sealing.
import { env, exports } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { orThrow } from "../../src/doors/http/answer.ts";
import { outputBytes } from "../../src/contracts/wire/log-output.ts";
import type { LogMessage } from "../../src/contracts/http/streams/log-stream.ts";
import type { LeaseIdentity } from "../../src/contracts/objects/objects.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { appendBytesMax } from "../../src/domain/limits.ts";
import { archiveKey } from "./archive.ts";
import { forgetCached } from "./archive-cache.ts";
import { LogObject } from "./log-object.ts";
import {
	eventually,
	joined,
	logOf,
	noise,
	repoOf,
	sealNow,
	sha256,
	someLog,
	startLease,
	Viewer,
} from "./log-fixture.ts";

const text = new TextEncoder();
let lease: LeaseIdentity;
let bytes: Uint8Array;

afterEach(() => {
	vi.restoreAllMocks();
});

beforeEach(async () => {
	lease = await startLease();
	bytes = someLog(seededRandom(21), 400_000);
});

function front(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> {
	const { owner, repo, job } = lease;
	const url = `https://spillway.test/v1/repos/${owner}/${repo}/jobs/${job}${path}`;
	const authorization = `Bearer ${env.SPILLWAY_OPERATOR_TOKEN}`;
	return exports.default.fetch(new Request(url, { method, headers: { authorization, ...headers } }));
}

async function finish(length: number): Promise<void> {
	const report = {
		outcome: "passed" as const,
		exitCode: 0,
		signal: null,
		reason: null,
		steps: [],
		logLength: length,
		logSha256: null,
		retryAfterSeconds: null,
	};
	orThrow(await repoOf(lease).finish(lease, report));
	await sealed();
}

async function sealed(): Promise<void> {
	await eventually(async () => (await env.ARCHIVE.head(archiveKey(lease))) !== null);
	await sealNow(lease);
}

async function bodyOf(response: Response): Promise<Uint8Array> {
	return new Uint8Array(await response.arrayBuffer());
}

interface Event {
	id: string;
	message: LogMessage;
}

/** Events until the stream ends, or until one satisfies `isLast`; then the reader leaves. */
async function eventsOf(response: Response, isLast: (message: LogMessage) => boolean = () => false): Promise<Event[]> {
	const reader = readerOf(response);
	const events = await nextEvents(reader, isLast);
	await reader.cancel();
	return events;
}

function readerOf({ body }: Response): ReadableStreamDefaultReader<Uint8Array> {
	if (body === null) throw new Error("no events");
	return body.getReader();
}

/** The server sends one event in one chunk, and a character is never cut; a client must not count on the former. */
async function nextEvents(
	reader: ReadableStreamDefaultReader<Uint8Array>,
	isLast: (message: LogMessage) => boolean,
): Promise<Event[]> {
	const events: Event[] = [];
	let held = "";
	for (let read = await reader.read(); !read.done; read = await reader.read()) {
		held += new TextDecoder().decode(read.value);
		for (let cut = held.indexOf("\n\n"); cut >= 0; cut = held.indexOf("\n\n")) {
			const match = /^id: (.*)\ndata: (.*)$/.exec(held.slice(0, cut));
			held = held.slice(cut + 2);
			if (match) events.push({ id: match[1] ?? "", message: JSON.parse(match[2] ?? "") });
		}
		const last = events.at(-1);
		if (last && isLast(last.message)) break;
	}
	return events;
}

function outputOf(events: Event[]): Uint8Array {
	return joined(events.flatMap(({ message }) => (message.type === "output" ? [outputBytes(message)] : [])));
}

const socket = { upgrade: "websocket" };
const sse = { accept: "text/event-stream" };

describe("bytes", () => {
	it("[L16] a sealed log is read without its object, in whatever way", async () => {
		await logOf(lease).append(lease, 0, bytes);
		await finish(bytes.length);
		const calls = (["fetch", "read", "status"] as const).map((method) =>
			vi.spyOn(LogObject.prototype, method).mockRejectedValue(new Error("a sealed log needs no object")),
		);
		expect(await bodyOf(await front("/attempts/1/log"))).toEqual(bytes);
		expect(await bodyOf(await front("/attempts/1/log", { range: "bytes=7-99999" }))).toEqual(
			bytes.subarray(7, 100_000),
		);
		const asked = ["?tail=3", "?timestamps=1", "?format=ndjson", "/search?q=x", "/live?from=5"];
		for (const path of asked) {
			const response = await front(`/attempts/1/log${path}`, path.startsWith("/live") ? sse : {});
			expect([path, response.status]).toEqual([path, 200]);
			await bodyOf(response);
		}
		const watched = await front("/attempts/1/log/live", socket);
		expect(watched.status).toBe(101);
		const viewer = Viewer.of(watched);
		await viewer.closed();
		expect(viewer.bytes()).toEqual(bytes);
		expect(calls.flatMap(({ mock }) => mock.calls)).toEqual([]);
	});

	it("[L11] a range is answered exactly, of an open log and of a sealed one", async () => {
		await logOf(lease).append(lease, 0, bytes);
		for (const state of ["live", "sealed"]) {
			if (state === "sealed") await finish(bytes.length);
			const whole = await front("/attempts/1/log");
			expect(whole.status).toBe(200);
			expect(await bodyOf(whole)).toEqual(bytes);
			const part = await front("/attempts/1/log", { range: "bytes=1000-299999" });
			expect(part.status).toBe(206);
			expect(part.headers.get("content-range")).toBe(`bytes 1000-299999/${bytes.length}`);
			expect(await bodyOf(part)).toEqual(bytes.subarray(1_000, 300_000));
			expect(await bodyOf(await front("/attempts/1/log", { range: "bytes=-5" }))).toEqual(bytes.subarray(-5));
			const past = await front("/attempts/1/log", { range: `bytes=${bytes.length}-` });
			expect(past.status).toBe(416);
			expect(past.headers.get("content-range")).toBe(`bytes */${bytes.length}`);
			expect(await past.json()).toMatchObject({ code: "range-past-end", status: 416 });
			const head = await front("/attempts/1/log", {}, "HEAD");
			expect([head.status, head.headers.get("content-length")]).toEqual([200, String(bytes.length)]);
			const etag = state === "sealed" ? `"${sha256(bytes)}"` : null;
			expect(head.headers.get("etag")).toBe(etag);
			const stale = { range: "bytes=0-4", "if-range": '"other"' };
			expect((await front("/attempts/1/log", stale)).status).toBe(200);
		}
	});

	it("[L44] where lines begin, of a log that grows and of a sealed one, so that each line is found by one range", async () => {
		const numbers = (from: number, to: number) =>
			Array.from({ length: to - from }, (_, at) => `line ${from + at} ${"x".repeat((from + at) % 90)}\n`).join("");
		const log = text.encode(`${numbers(0, 9_000)}begun`);
		const half = text.encode(numbers(0, 4_000)).length + 3;
		interface Index {
			length: number;
			lines: number;
			isInLine: boolean;
			isFinal: boolean;
			blocks: { offset: number; line: number }[];
		}
		const index = async () => (await (await front("/attempts/1/log/index")).json()) as Index;
		await logOf(lease).append(lease, 0, log.subarray(0, half));
		expect(await index()).toMatchObject({ length: half, lines: 4_001, isInLine: true, isFinal: false });
		await logOf(lease).append(lease, half, log.subarray(half));
		for (const isFinal of [false, true]) {
			if (isFinal) await finish(log.length);
			const { blocks, ...rest } = await index();
			expect(rest).toEqual({ length: log.length, lines: 9_001, isInLine: true, isFinal });
			expect(blocks.length).toBeGreaterThan(1);
			for (const { offset, line } of blocks) {
				const range = `bytes=${offset}-${offset + 200}`;
				const found = new TextDecoder().decode(await bodyOf(await front("/attempts/1/log", { range })));
				expect(found.startsWith(`line ${line - 1} `)).toBe(true);
			}
		}
	});

	it("[L12] the last lines, wherever they are", async () => {
		const lines = Array.from({ length: 30_000 }, (_, at) => `line ${at} ${"x".repeat(at % 40)}\n`);
		const log = text.encode(lines.join(""));
		await logOf(lease).append(lease, 0, log);
		for (const state of ["live", "sealed"]) {
			if (state === "sealed") await finish(log.length);
			for (const count of [0, 1, 3, 9_999]) {
				const tail = await front(`/attempts/1/log?tail=${count}`);
				const expected = count === 0 ? "" : lines.slice(-count).join("");
				expect(await tail.text()).toBe(expected);
				expect(tail.headers.get("log-offset")).toBe(String(log.length - expected.length));
			}
		}
		expect((await front("/attempts/1/log?tail=10001")).status).toBe(400);
	});

	it("[L17] an attempt that printed nothing has an empty log; one that is unknown has none", async () => {
		expect(await (await front("/attempts/1/log")).text()).toBe("");
		const unknown = await front("/attempts/2/log");
		expect([unknown.status, await unknown.json()]).toMatchObject([404, { code: "attempt-unknown" }]);
		expect((await front("/attempts/x/log/live")).status).toBe(404);
		await finish(0);
		expect((await front("/attempts/1/log")).headers.get("content-length")).toBe("0");
		await env.ARCHIVE.delete(archiveKey(lease));
		await forgetCached(caches.default, archiveKey(lease));
		expect((await front("/attempts/1/log")).status).toBe(410);
	});
});

describe("live", () => {
	it("[L16] SSE: history, then what comes, then the end; an event's id resumes", async () => {
		await logOf(lease).append(lease, 0, bytes.subarray(0, 300_000));
		const first = await front("/attempts/1/log/live", sse);
		expect(first.headers.get("content-type")).toBe("text/event-stream");
		const seen = await eventsOf(first, (message) => message.type === "output" && message.next > 100_000);
		const place = seen.at(-1)?.id ?? "";
		const rest = eventsOf(await front("/attempts/1/log/live", { "last-event-id": place }));
		await logOf(lease).append(lease, 300_000, bytes.subarray(300_000));
		await finish(bytes.length);
		const events = await rest;
		expect([...outputOf(seen), ...outputOf(events)]).toEqual([...bytes]);
		expect(events.at(-1)).toMatchObject({ id: String(bytes.length), message: { type: "end", state: "sealed" } });
		const { attempts } = orThrow(await repoOf(lease).job(lease.job));
		expect(attempts[0]?.log).toEqual({ state: "sealed", length: bytes.length, sha256: sha256(bytes), missing: [] });
	});

	it("[L16] a sealed log is shown live without its object, over SSE and WebSocket alike", async () => {
		await logOf(lease).append(lease, 0, bytes);
		await finish(bytes.length);
		const events = await eventsOf(await front("/attempts/1/log/live?from=7", sse));
		expect(outputOf(events)).toEqual(bytes.subarray(7));
		const viewer = Viewer.of(await front("/attempts/1/log/live?from=7", socket));
		await viewer.closed();
		expect(viewer.bytes(7)).toEqual(bytes.subarray(7));
		expect(viewer.closeCode).toBe(1_000);
		expect(viewer.messages.at(-1)).toEqual(events.at(-1)?.message);
		expect(viewer.end).toMatchObject({ sha256: sha256(bytes), outcome: "passed" });
	});

	it("[L18] a reader that stops for a while loses nothing and holds up nobody", async () => {
		const many = noise(seededRandom(22), 3 * appendBytesMax);
		const slow = readerOf(await front("/attempts/1/log/live", sse));
		await logOf(lease).append(lease, 0, many.subarray(0, 10));
		const quick = Viewer.of(await front("/attempts/1/log/live", socket));
		const seen = await nextEvents(slow, () => true);
		for (let at = 10; at < many.length; at += appendBytesMax) {
			orThrow(await logOf(lease).append(lease, at, many.subarray(at, at + appendBytesMax)));
		}
		await quick.reached(many.length);
		expect(sha256(quick.bytes())).toBe(sha256(many));
		await finish(many.length);
		seen.push(...(await nextEvents(slow, () => false)));
		const places = seen.flatMap(({ message }) => (message.type === "output" ? [message] : []));
		expect(places.map(({ offset }) => offset)).toEqual([0, ...places.slice(0, -1).map(({ next }) => next)]);
		expect(sha256(outputOf(seen))).toBe(sha256(many));
		expect(seen.at(-1)?.message).toMatchObject({ type: "end", length: many.length });
	});

	it("[L17] a place past the end is refused before the upgrade", async () => {
		await logOf(lease).append(lease, 0, text.encode("abc"));
		expect((await front("/attempts/1/log/live?from=4", socket)).status).toBe(416);
		expect((await front("/attempts/1/log/live?from=-1", socket)).status).toBe(400);
		expect((await front("/attempts/1/log/live?from=4", sse)).status).toBe(416);
		const viewer = Viewer.of(await front("/attempts/1/log/live?from=3", socket));
		await logOf(lease).append(lease, 3, text.encode("def"));
		await viewer.reached(6);
		expect(viewer.outputs[0]).toEqual({ type: "output", offset: 3, next: 6, text: "def" });
	});

	it("[L16] who watches an attempt that has printed nothing waits for its first byte", async () => {
		const viewer = Viewer.of(await front("/attempts/1/log/live", socket));
		const events = front("/attempts/1/log/live", sse).then((response) => eventsOf(response));
		await logOf(lease).append(lease, 0, text.encode("abc"));
		await viewer.reached(3);
		await finish(3);
		await viewer.closed();
		expect(viewer.end).toMatchObject({ length: 3 });
		expect(outputOf(await events)).toEqual(text.encode("abc"));
	});

	it("[L19] a job is followed from attempt to attempt until it is finished", async () => {
		const viewer = Viewer.of(await front("/log/live", socket));
		const events = front("/log/live", sse).then((response) => eventsOf(response));
		await logOf(lease).append(lease, 0, text.encode("one"));
		await repoOf(lease).expire([lease], 30_000);
		await viewer.until(() => viewer.end !== undefined);
		expect(viewer.end).toMatchObject({ state: "partial", outcome: "lost" });
		const second = await again();
		await logOf(second).append(second, 0, text.encode("two"));
		lease = second;
		await finish(3);
		await viewer.closed();
		const types = viewer.messages.map((message) => (message.type === "attempt" ? message.number : message.type));
		expect(types).toEqual([1, "output", "end", 2, "output", "end"]);
		const ids = (await events).map(({ id }) => id);
		expect(ids).toEqual(["1:0", "1:3", "1:3", "2:0", "2:3", "2:3"]);
		const resumed = await eventsOf(await front("/log/live", { ...sse, "last-event-id": "2:1" }));
		expect(resumed.map(({ id }) => id)).toEqual(["2:0", "2:3", "2:3"]);
		expect(outputOf(resumed)).toEqual(text.encode("wo"));
	});
});

/** The job's next attempt, once its backoff is over. */
async function again(): Promise<LeaseIdentity> {
	const call = { runner: { id: "n2", name: "another" }, pool: "default", shard: 0, labels: [], free: 1 };
	let next: LeaseIdentity | undefined;
	await eventually(async () => {
		next = (await repoOf(lease).claim(call)).grants[0]?.claim;
		return next !== undefined;
	});
	if (!next) throw new Error("the job was not granted again");
	orThrow(await repoOf(lease).start(next));
	return next;
}
