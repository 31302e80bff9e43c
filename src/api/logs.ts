// Logs: the raw bytes, whole or in part, and the live view, for one attempt or for a job through all of its attempts.
import type { Context, Hono } from "hono";
import type { StreamToken } from "../contracts/wire/stream-token.ts";
import { logMessage } from "../contracts/http/log-stream.ts";
import { logOffsetHeader } from "../contracts/wire/log-output.ts";
import { locateJob } from "../operations/run-places.ts";
import { tokenEndedCloseCode } from "../contracts/wire/close-code.ts";
import { logViewRequest, readNoLogView } from "../contracts/wire/log-view-request.ts";
import type { LogName } from "../contracts/wire/object-name.ts";
import { isUpgrade } from "../contracts/wire/upgrade.ts";
import { orThrow, ProblemAnswer } from "./answer.ts";
import { readJob as loadJob } from "../operations/archived-run.ts";
import type { ApiEnv } from "./context.ts";
import { documentJob } from "./document.ts";
import { eventStream } from "./event-stream.ts";
import type { StreamEvent } from "./event-stream.ts";
import { answerBytes, answerLines, answerTail, findTail, readForm, readTail, tailLinesMax } from "./log-bytes.ts";
import { jobLogMessages, logMessages, sendAll } from "./log-live.ts";
import type { JobLogMessage } from "./log-live.ts";
import { findLogOrEmpty, pastEnd, readLogName, readWatchedLogName } from "./log-name.ts";
import { standingOf, streamTokenOf } from "./stream-standing.ts";
import { badQuery } from "./request.ts";
import { belowJob, readJobName } from "./run-place.ts";
import type { Services } from "./services.ts";
import { admitWatcher, ticketQuery } from "./tickets.ts";

documentJob({
	id: "getLog",
	method: "get",
	below: "/attempts/{attempt}/log",
	summary: "The log's bytes, or a part of them",
	query: {
		tail: `only the last lines, at most ${tailLinesMax}; \`${logOffsetHeader}\` says where they begin`,
		timestamps: "1: before each line the time it came; no ranges then",
		format: "ndjson: each line as JSON with `offset`, `time`, `step`, and `text` without escape sequences",
		download: "1: as a file to be saved",
	},
	headers: { Range: "one byte range; of an open log, of the bytes there are now" },
	answers: { 200: "The bytes, text/plain", 206: "The range", 416: "The range begins past the end" },
});
documentJob({
	id: "watchLog",
	method: "get",
	below: "/attempts/{attempt}/log/live",
	summary: "What is stored, then what comes, until the log ends: WebSocket if asked to upgrade, else SSE",
	query: { from: "offset of the first byte wanted", ...ticketQuery },
	headers: { "Last-Event-ID": "SSE: the offset to go on from" },
	answers: {
		101: `One message per frame; closes with ${tokenEndedCloseCode} when the token has ended`,
		200: logMessage,
	},
});
documentJob({
	id: "watchJobLog",
	method: "get",
	below: "/log/live",
	summary: "The live log of the present attempt, and of each one after it until the job is finished",
	query: ticketQuery,
	headers: { "Last-Event-ID": "SSE: `attempt:offset` to go on from" },
	answers: {
		101: `One message per frame; closes with ${tokenEndedCloseCode} when the token has ended`,
		200: logMessage,
	},
});

export function addLogRoutes(app: Hono<ApiEnv>): void {
	app.on("GET", belowJob("/attempts/:attempt/log"), async (c) => {
		const name = await readLogName(c, "readLog");
		const services = c.get("services");
		const [tail, form] = [readTail(c), readForm(c)];
		const answer = { services, name, log: await findLogOrEmpty(services, name) };
		if (tail === null && form === "raw") return answerBytes(c, answer);
		const range = tail === null ? { from: 0, to: answer.log.length } : await findTail(answer, tail);
		return form === "raw" ? answerTail(c, answer, range) : answerLines(c, answer, { range, form });
	});

	app.on("GET", belowJob("/attempts/:attempt/log/live"), async (c) => {
		const { name, caller } = await readWatchedLogName(c);
		const services = c.get("services");
		const standing = standingOf(services, caller);
		const from = readFrom(c);
		const log = await findLogOrEmpty(services, name);
		if (from > log.length) throw pastEnd(log.length);
		if (!isUpgrade(c.req.raw)) {
			const gone = new AbortController();
			return eventStream(offsetEvents(logMessages(services, name, { from, gone: gone.signal })), gone, standing);
		}
		const live = log.sealed ? null : await watchObject(services, name, { from, token: streamTokenOf(caller) });
		if (live) return live;
		const { response, socket } = services.acceptSocket();
		services.later(sendAll(socket, standing, (gone) => logMessages(services, name, { from, gone })));
		return response;
	});

	app.on("GET", belowJob("/log/live"), async (c) => {
		const { repository, caller } = await admitWatcher(c, "watchJobLog");
		const services = c.get("services");
		const job = orThrow(await locateJob(services, repository, readJobName(c)));
		const name = { ...repository, job };
		const standing = standingOf(services, caller);
		orThrow(await loadJob(services, repository, job));
		if (!isUpgrade(c.req.raw)) {
			const gone = new AbortController();
			const place = readPlace(c);
			return eventStream(placeEvents(jobLogMessages(services, name, { place, gone: gone.signal })), gone, standing);
		}
		const { response, socket } = services.acceptSocket();
		const messages = (gone: AbortSignal) => messagesOf(jobLogMessages(services, name, { place: null, gone }));
		services.later(sendAll(socket, standing, messages));
		return response;
	});
}

function readFrom(c: Context<ApiEnv>): number {
	const text = c.req.header("last-event-id") ?? c.req.query("from") ?? "0";
	if (/^[0-9]{1,15}$/.test(text)) return Number(text);
	throw badQuery("from", "must be an offset in bytes");
}

/** Anything but what an event's id was is as good as none: the log is shown from its beginning. */
function readPlace(c: Context<ApiEnv>): { attempt: number; offset: number } | null {
	const match = /^([1-9][0-9]{0,5}):([0-9]{1,15})$/.exec(c.req.header("last-event-id") ?? "");
	return match && { attempt: Number(match[1]), offset: Number(match[2]) };
}

/** The object's own socket, passed through; null when the log has moved to the archive meanwhile. */
async function watchObject(
	services: Services,
	name: LogName,
	{ from, token }: { from: number; token: StreamToken | null },
): Promise<Response | null> {
	const response = await services.log(name).fetch(logViewRequest({ from, hasBegun: true, token }));
	switch (readNoLogView(response)) {
		case "log-elsewhere":
			return null;
		case "past-end":
			throw pastEnd(from);
		case "viewers-max": {
			const detail = "As many watch this log as may.";
			throw new ProblemAnswer({ status: 503, code: "log-viewers-max", detail, retryAfterSeconds: 10 });
		}
		case null:
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
