// A log as one answer: its bytes or a range of them, its last lines, each line with its time, or each line as JSON.
import type { Context } from "hono";
import { timeText } from "../../../contracts/wire/time-text.ts";
import { logOffsetHeader } from "../../../contracts/wire/log-output.ts";
import type { StepRecord } from "../../../domain/job/job.ts";
import { logBlockBytes } from "../../../domain/limits.ts";
import { LineSplitter, LineTexts, stepAt } from "../../../domain/log/log-lines.ts";
import type { LogLine } from "../../../domain/log/log-lines.ts";
import { parseRange, searchBack, tailSearch } from "../../../domain/log/log-range.ts";
import type { ByteRange } from "../../../domain/log/log-range.ts";
import { LineStamper } from "../../../domain/log/log-stamp.ts";
import type { LogChunk } from "../../../domain/log/log-time.ts";
import { refuse } from "../../../domain/refusal.ts";
import type { ApiEnv } from "../context.ts";
import { orThrow } from "../answer.ts";
import { bytesOf, logChunks, stepsOf } from "../../../operations/logs/log-source.ts";
import type { LogSource } from "../../../operations/logs/log-source.ts";
import { badQuery } from "../requests/request.ts";
import type { Services } from "../services.ts";
import type { LogName } from "../../../contracts/wire/object-name.ts";

/** Lines of one `?tail=`, and bytes searched for them: beyond that a range is the better question. */
export const tailLinesMax = 10_000;
const tailBytesMax = 8 * 1024 * 1024;
/** A sealed log never changes; it may only be deleted, which a browser may then learn a day late. */
const sealedKeptSeconds = 86_400;

export interface LogAnswer {
	services: Services;
	name: LogName;
	log: LogSource;
}

/** How lines are written: as they are, with their times before them, or one JSON object each. */
export type LineForm = "raw" | "stamped" | "ndjson";

export function readForm(c: Context<ApiEnv>): LineForm {
	const format = c.req.query("format") ?? "raw";
	const timestamps = c.req.query("timestamps") ?? "0";
	if (format !== "raw" && format !== "ndjson") throw badQuery("format", "must be raw or ndjson");
	if (timestamps !== "0" && timestamps !== "1") throw badQuery("timestamps", "must be 0 or 1");
	if (format === "ndjson") return "ndjson";
	return timestamps === "1" ? "stamped" : "raw";
}

/** Null: no tail was asked for. 0 is one: no bytes, and the headers say how long the log is. */
export function readTail(c: Context<ApiEnv>): number | null {
	const text = c.req.query("tail");
	if (text === undefined) return null;
	const lines = /^[0-9]{1,6}$/.test(text) ? Number(text) : Number.NaN;
	if (lines <= tailLinesMax) return lines;
	throw badQuery("tail", `must be 0 to ${tailLinesMax}`);
}

export function answerBytes(c: Context<ApiEnv>, answer: LogAnswer): Response {
	const { log } = answer;
	const etag = log.sealed?.record.sha256 ? `"${log.sealed.record.sha256}"` : null;
	const headers = { ...commonHeaders(c, answer), "Accept-Ranges": "bytes", ...(etag === null ? {} : { ETag: etag }) };
	if (etag !== null && isKnown(c.req.header("if-none-match"), etag))
		return new Response(null, { status: 304, headers });
	// If-Range: a part of another version would not fit what the caller has, so it gets the whole. A log that is still open
	// has no version to compare with: with that header it is sent whole, too.
	const isSame = (c.req.header("if-range") ?? etag) === etag;
	const range = isSame ? parseRange(c.req.header("range") ?? null, log.length) : "whole";
	if (range === "unsatisfiable") return orThrow(refuse({ code: "range-past-end", length: log.length }));
	const { from, to } = range === "whole" ? { from: 0, to: log.length } : range;
	return answerPart(
		c,
		answer,
		{ from, to },
		{
			status: range === "whole" ? 200 : 206,
			headers: {
				...headers,
				...(range === "whole" ? {} : { "Content-Range": `bytes ${from}-${to - 1}/${log.length}` }),
			},
		},
	);
}

/** RFC 9110, 13.1.2: any of a list, compared weakly (a proxy that compresses weakens what it passes on). */
function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
	const known = (ifNoneMatch ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
	return known.includes(etag) || known.includes("*");
}

/** [L12] Found from the end, block by block; past `tailBytesMax` the tail begins in the middle of a line. */
export async function findTail({ services, name, log }: LogAnswer, lines: number): Promise<ByteRange> {
	let search = tailSearch(lines, log.length);
	while (!search.done && log.length - search.start < tailBytesMax) {
		// The block that ends where the search has come to: sealed logs are compressed block by block.
		const from = Math.max(0, Math.ceil(search.start / logBlockBytes) - 1) * logBlockBytes;
		const chunks = bytesOf(logChunks(services, name, { from, to: search.start, sealed: log.sealed }));
		search = searchBack(search, await joined(chunks, search.start - from), log.length);
	}
	return { from: search.start, to: log.length };
}

export function answerTail(c: Context<ApiEnv>, answer: LogAnswer, range: ByteRange): Response {
	const headers = { ...commonHeaders(c, answer), [logOffsetHeader]: String(range.from) };
	return answerPart(c, answer, range, { status: 200, headers });
}

function answerPart(
	c: Context<ApiEnv>,
	{ services, name, log }: LogAnswer,
	{ from, to }: ByteRange,
	{ status, headers }: { status: number; headers: Record<string, string> },
): Response {
	const chunks = bytesOf(logChunks(services, name, { from, to, sealed: log.sealed }));
	// A HEAD reads nothing: the length is known, and the chunks are pulled by nobody.
	const body = c.req.method === "HEAD" ? null : streamOf(chunks, to - from);
	return new Response(body, { status, headers: { ...headers, "Content-Length": String(to - from) } });
}

/** Of unknown length, so in chunks and without ranges. `range` begins at a line's first byte. */
export async function answerLines(
	c: Context<ApiEnv>,
	answer: LogAnswer,
	{ range, form }: { range: ByteRange; form: Exclude<LineForm, "raw"> },
): Promise<Response> {
	const { services, name, log } = answer;
	const chunks = logChunks(services, name, { ...range, sealed: log.sealed });
	const lines =
		form === "stamped" ? stamped(chunks, range.from) : asJson(chunks, range.from, await stepsOf(services, name, log));
	const headers = {
		...commonHeaders(c, answer),
		...(form === "ndjson" ? { "Content-Type": "application/x-ndjson" } : {}),
		[logOffsetHeader]: String(range.from),
	};
	return new Response(c.req.method === "HEAD" ? null : streamOf(lines, null), { headers });
}

async function* stamped(chunks: AsyncIterable<LogChunk>, from: number): AsyncGenerator<Uint8Array, void> {
	const stamper = new LineStamper(from, timeText);
	for await (const chunk of chunks) yield stamper.stamp(chunk);
}

async function* asJson(
	chunks: AsyncIterable<LogChunk>,
	from: number,
	steps: readonly StepRecord[],
): AsyncGenerator<Uint8Array, void> {
	// Which line of the log the first one is, nobody knows without reading all before it: no number is sent.
	const splitter = new LineSplitter({ offset: from, number: 1 });
	const texts = new LineTexts();
	for await (const chunk of chunks) yield encoded(splitter.push(chunk));
	const last = splitter.end();
	if (last !== null) yield encoded([last]);
	const end = texts.end();
	if (end !== null) yield new TextEncoder().encode(written(end));

	function encoded(lines: readonly LogLine[]): Uint8Array {
		const told = lines.flatMap((line) => texts.push(line) ?? []);
		return new TextEncoder().encode(told.map(written).join(""));
	}

	function written({ line: { offset, at }, text }: { line: LogLine; text: string }): string {
		return `${JSON.stringify({ offset, time: timeText(at), step: stepAt(steps, offset), text })}\n`;
	}
}

/**
 * What a job prints is a stranger's text. That no browser takes it for a page is said on every answer (`answer-headers.ts`).
 *
 * A sealed log is kept by the caller's own cache, for whoever showed the same credentials alone: without `Vary` the next person
 * at the same browser would get it from there.
 */
function commonHeaders(c: Context<ApiEnv>, { name, log }: LogAnswer): Record<string, string> {
	const download = c.req.query("download") ?? "0";
	if (download !== "0" && download !== "1") throw badQuery("download", "must be 0 or 1");
	const file = `${name.owner}-${name.repo}-${name.job}-${name.attempt}.log`;
	return {
		"Content-Type": "text/plain; charset=utf-8",
		...(log.sealed
			? { "Cache-Control": `private, max-age=${sealedKeptSeconds}, immutable`, Vary: "Authorization, Cookie" }
			: {}),
		...(download === "1" ? { "Content-Disposition": `attachment; filename="${file}"` } : {}),
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

/** Pulled by the reader, so at most one chunk of a log is in memory here. Null: nobody knows the length. */
function streamOf(chunks: AsyncGenerator<Uint8Array, void>, length: number | null): ReadableStream<Uint8Array> {
	const source = {
		type: "bytes" as const,
		// workerd's own: without it the answer is chunked and loses its Content-Length. Elsewhere it means nothing.
		...(length === null ? {} : { expectedLength: length }),
		async pull(controller: ReadableByteStreamController) {
			for (;;) {
				const { done, value } = await chunks.next();
				if (done) break;
				// A byte stream takes no empty chunk.
				if (value.length > 0) return controller.enqueue(value as Uint8Array<ArrayBuffer>);
			}
			controller.close();
			// By the standard a reader that waits with a buffer of its own hears of the end only by this.
			controller.byobRequest?.respond(0);
		},
		async cancel() {
			await chunks.return();
		},
	};
	return new ReadableStream(source, { highWaterMark: 0 });
}
