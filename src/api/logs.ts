// Logs: the raw bytes, whole or in part, and the live view, for one attempt or for a job through all of its attempts.
import type { Context, Hono } from "hono";
import { logMessage, logOffsetHeader } from "../contracts/log-stream.ts";
import { parseJobId } from "../domain/ids.ts";
import { logBlockBytes } from "../domain/limits.ts";
import { parseRange, searchBack, tailSearch } from "../domain/log-range.ts";
import type { ByteRange } from "../domain/log-range.ts";
import { refuse } from "../domain/refusal.ts";
import { orThrow, ProblemAnswer } from "./answer.ts";
import { authorizeRepository } from "./auth.ts";
import type { ApiEnv } from "./context.ts";
import { document } from "./document.ts";
import { eventStream } from "./event-stream.ts";
import type { StreamEvent } from "./event-stream.ts";
import { jobLogMessages, logMessages, sendAll, settled } from "./log-live.ts";
import type { JobLogMessage } from "./log-live.ts";
import { findLog, loadAttempt, readLog } from "./log-source.ts";
import type { LogSource } from "./log-source.ts";
import { malformed } from "./request.ts";
import type { LogName, Services } from "./services.ts";

/** Lines of one `?tail=`, and bytes searched for them: beyond that a range is the better question. */
const tailLinesMax = 10_000;
const tailBytesMax = 8 * 1024 * 1024;

const jobPath = "/v1/repos/{owner}/{repo}/jobs/{job}";
const attemptPath = `${jobPath}/attempts/{attempt}`;

document({
	method: "get",
	path: `${attemptPath}/log`,
	summary: "The log's bytes, or a part of them",
	query: { tail: `only the last lines, at most ${tailLinesMax}; \`${logOffsetHeader}\` says where they begin` },
	headers: { Range: "one byte range; of an open log, of the bytes there are now" },
	answers: { 200: "The bytes, text/plain", 206: "The range", 416: "The range begins past the end" },
});
document({
	method: "get",
	path: `${attemptPath}/log/live`,
	summary: "What is stored, then what comes, until the log ends: WebSocket if asked to upgrade, else SSE",
	query: { from: "offset of the first byte wanted" },
	headers: { "Last-Event-ID": "SSE: the offset to go on from" },
	answers: { 101: "One message per frame", 200: logMessage },
});
document({
	method: "get",
	path: `${jobPath}/log/live`,
	summary: "The live log of the present attempt, and of each one after it until the job is finished",
	headers: { "Last-Event-ID": "SSE: `attempt:offset` to go on from" },
	answers: { 101: "One message per frame", 200: logMessage },
});

export function addLogRoutes(app: Hono<ApiEnv>): void {
	app.get("/v1/repos/:owner/:repo/jobs/:job/attempts/:attempt/log", async (c) => {
		const name = readLogName(c);
		const services = c.get("services");
		const log = (await findLog(services, name)) ?? (await emptyLog(services, name));
		const lines = readTail(c);
		if (lines !== null) return answerTail(c, { services, name, log, lines });
		return answerBytes(c, { services, name, log });
	});

	app.get("/v1/repos/:owner/:repo/jobs/:job/attempts/:attempt/log/live", async (c) => {
		const name = readLogName(c);
		const services = c.get("services");
		const from = readFrom(c);
		const log = (await findLog(services, name)) ?? (await emptyLog(services, name));
		if (from > log.length) throw pastEnd(log.length);
		if (!isUpgrade(c)) {
			const gone = new AbortController();
			return eventStream(offsetEvents(logMessages(services, name, { from, gone: gone.signal })), gone);
		}
		const live = log.sealed ? null : await watchObject(services, name, from);
		if (live) return live;
		const { response, socket } = services.acceptSocket();
		services.later(sendAll(socket, logMessages(services, name, { from, gone: socket.gone })));
		return response;
	});

	app.get("/v1/repos/:owner/:repo/jobs/:job/log/live", async (c) => {
		const { owner, repo } = authorizeRepository(c, "read");
		const job = readJob(c);
		const services = c.get("services");
		const name = { owner, repo, job };
		orThrow(await services.repo({ owner, repo }).job(job));
		if (!isUpgrade(c)) {
			const gone = new AbortController();
			const place = readPlace(c);
			return eventStream(placeEvents(jobLogMessages(services, name, { place, gone: gone.signal })), gone);
		}
		const { response, socket } = services.acceptSocket();
		const messages = jobLogMessages(services, name, { place: null, gone: socket.gone });
		services.later(sendAll(socket, messagesOf(messages)));
		return response;
	});
}

function readLogName(c: Context<ApiEnv>): LogName {
	const { owner, repo } = authorizeRepository(c, "read");
	const job = readJob(c);
	const attempt = c.req.param("attempt") ?? "";
	if (!/^[1-9][0-9]{0,5}$/.test(attempt)) orThrow(refuse({ code: "attempt-unknown" }));
	return { owner, repo, job, attempt: Number(attempt) };
}

function readJob(c: Context<ApiEnv>): string {
	const job = c.req.param("job") ?? "";
	return parseJobId(job) ? job : orThrow(refuse({ code: "job-unknown" }));
}

function readFrom(c: Context<ApiEnv>): number {
	const text = c.req.header("last-event-id") ?? c.req.query("from") ?? "0";
	if (/^[0-9]{1,15}$/.test(text)) return Number(text);
	throw malformed("The query is not as it should be.", [{ path: "from", message: "must be an offset in bytes" }]);
}

/** Anything but what an event's id was is as good as none: the log is shown from its beginning. */
function readPlace(c: Context<ApiEnv>): { attempt: number; offset: number } | null {
	const match = /^([1-9][0-9]{0,5}):([0-9]{1,15})$/.exec(c.req.header("last-event-id") ?? "");
	return match && { attempt: Number(match[1]), offset: Number(match[2]) };
}

function readTail(c: Context<ApiEnv>): number | null {
	const text = c.req.query("tail");
	if (text === undefined) return null;
	const lines = /^[0-9]{1,6}$/.test(text) ? Number(text) : Number.NaN;
	if (lines <= tailLinesMax) return lines;
	throw malformed("The query is not as it should be.", [{ path: "tail", message: `must be 0 to ${tailLinesMax}` }]);
}

function isUpgrade(c: Context<ApiEnv>): boolean {
	return c.req.header("upgrade")?.toLowerCase() === "websocket";
}

/** An attempt that has started and printed nothing has an empty log; one whose log has gone has none. Throws 404 and 410. */
async function emptyLog(services: Services, name: LogName): Promise<LogSource> {
	const attempt = await loadAttempt(services, name);
	if (settled(attempt.log.state) === null) return { length: 0, sealed: null };
	throw new ProblemAnswer({ status: 410, code: "log-deleted", detail: "The log has outlived its retention." });
}

function pastEnd(length: number): ProblemAnswer {
	return new ProblemAnswer({
		status: 416,
		code: "range-past-end",
		detail: `The log has ${length} bytes.`,
		headers: { "Content-Range": `bytes */${length}` },
	});
}

interface LogAnswer {
	services: Services;
	name: LogName;
	log: LogSource;
}

function answerBytes(c: Context<ApiEnv>, { services, name, log }: LogAnswer): Response {
	const etag = log.sealed?.record.sha256 ? `"${log.sealed.record.sha256}"` : null;
	if (etag !== null && c.req.header("if-none-match") === etag) {
		return new Response(null, { status: 304, headers: { ETag: etag } });
	}
	const isSame = (c.req.header("if-range") ?? etag) === etag;
	const range = isSame ? parseRange(c.req.header("range") ?? null, log.length) : "whole";
	if (range === "unsatisfiable") throw pastEnd(log.length);
	const { from, to } = range === "whole" ? { from: 0, to: log.length } : range;
	const headers = {
		...bytesHeaders(log, { from, to }),
		...(etag === null ? {} : { ETag: etag }),
		...(range === "whole" ? {} : { "Content-Range": `bytes ${from}-${to - 1}/${log.length}` }),
	};
	const body =
		c.req.method === "HEAD" ? null : streamOf(readLog(services, name, { from, to, ...sealedOf(log) }), to - from);
	return new Response(body, { status: range === "whole" ? 200 : 206, headers });
}

/** [L12] Found from the end, block by block; past `tailBytesMax` the tail begins in the middle of a line. */
async function answerTail(
	c: Context<ApiEnv>,
	{ services, name, log, lines }: LogAnswer & { lines: number },
): Promise<Response> {
	let search = tailSearch(lines, log.length);
	while (!search.done && log.length - search.start < tailBytesMax) {
		const from = Math.max(0, Math.ceil(search.start / logBlockBytes) - 1) * logBlockBytes;
		const chunks = readLog(services, name, { from, to: search.start, ...sealedOf(log) });
		search = searchBack(search, await joined(chunks, search.start - from), log.length);
	}
	const range = { from: search.start, to: log.length };
	const headers = { ...bytesHeaders(log, range), [logOffsetHeader]: String(search.start) };
	const body = readLog(services, name, { ...range, ...sealedOf(log) });
	return new Response(c.req.method === "HEAD" ? null : streamOf(body, range.to - range.from), { headers });
}

function sealedOf({ sealed }: LogSource): Pick<LogSource, "sealed"> {
	return { sealed };
}

/** `nosniff`: what a job prints is never to be run by whoever looks at it. */
function bytesHeaders({ sealed }: LogSource, { from, to }: ByteRange): Record<string, string> {
	return {
		"Content-Type": "text/plain; charset=utf-8",
		"Content-Length": String(to - from),
		"Accept-Ranges": "bytes",
		"Cache-Control": sealed ? "private, max-age=3600" : "no-store",
		"X-Content-Type-Options": "nosniff",
	};
}

async function joined(chunks: AsyncIterable<Uint8Array>, length: number): Promise<Uint8Array> {
	const bytes = new Uint8Array(length);
	let at = 0;
	for await (const chunk of chunks) {
		bytes.set(chunk, at);
		at += chunk.length;
	}
	return bytes;
}

/** Pulled by the reader, so at most one chunk of a log is in memory here. */
function streamOf(chunks: AsyncGenerator<Uint8Array, void>, length: number): ReadableStream<Uint8Array> {
	const source = {
		type: "bytes" as const,
		// workerd's own: without it the answer is chunked and loses its Content-Length. Elsewhere it means nothing.
		expectedLength: length,
		async pull(controller: ReadableByteStreamController) {
			const { done, value } = await chunks.next();
			if (!done) return controller.enqueue(value as Uint8Array<ArrayBuffer>);
			controller.close();
			controller.byobRequest?.respond(0);
		},
		async cancel() {
			await chunks.return();
		},
	};
	return new ReadableStream(source, { highWaterMark: 0 });
}

/** The object's own socket, passed through; null when the log has moved to the archive meanwhile. */
async function watchObject(services: Services, name: LogName, from: number): Promise<Response | null> {
	const url = `https://log/?from=${from}&begun=1`;
	const response = await services.log(name).fetch(new Request(url, { headers: { Upgrade: "websocket" } }));
	switch (response.status) {
		case 404:
			return null;
		case 416:
			throw pastEnd(from);
		case 503: {
			const detail = "As many watch this log as may.";
			throw new ProblemAnswer({ status: 503, code: "log-viewers-max", detail, retryAfterSeconds: 10 });
		}
		default:
			return response;
	}
}

async function* offsetEvents(messages: ReturnType<typeof logMessages>): AsyncGenerator<StreamEvent, void> {
	for await (const message of messages) {
		yield { id: String(message.type === "end" ? message.length : message.next), data: JSON.stringify(message) };
	}
}

async function* placeEvents(messages: AsyncGenerator<JobLogMessage>): AsyncGenerator<StreamEvent, void> {
	for await (const { attempt, message } of messages) {
		yield { id: `${attempt}:${placeAfter(message)}`, data: JSON.stringify(message) };
	}
}

function placeAfter(message: JobLogMessage["message"]): number {
	switch (message.type) {
		case "attempt":
			return 0;
		case "output":
			return message.next;
		case "end":
			return message.length;
	}
}

async function* messagesOf(messages: AsyncGenerator<JobLogMessage>): AsyncGenerator<JobLogMessage["message"], void> {
	for await (const { message } of messages) yield message;
}
