// Logs: the raw bytes, whole or in part, and the live view, for one attempt or for a job through all of its attempts.
import type { Context, Hono } from "hono";
import { logMessage } from "../../../contracts/http/streams/log-stream.ts";
import type { LogEnd, LogMessage, LogOutput } from "../../../contracts/http/streams/log-stream.ts";
import { logOffsetHeader } from "../../../contracts/wire/log-output.ts";
import { isUpgrade } from "../../../contracts/wire/sockets/upgrade.ts";
import type { JobLogMessage } from "../../../operations/logs/log-messages.ts";
import { readLog, watchJobLog, watchLog, watchLogBySocket } from "../../../operations/logs/logs.ts";
import type { Watch } from "../../../operations/logs/logs.ts";
import { orThrow } from "../answer.ts";
import { admitToRepository } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { shownEvents, shownSocket, shownText } from "../document/answers.ts";
import { documentJob, documentShape, problemAnswer } from "../document/document.ts";
import { eventStream } from "./event-stream.ts";
import type { StreamEnd, StreamEvent } from "./event-stream.ts";
import { answerBytes, answerLines, answerTail, findTail, readForm, readTail, tailLinesMax } from "./log-bytes.ts";
import { readLogCall } from "./log-name.ts";
import { badQuery } from "../requests/request.ts";
import { belowJob, readJobName } from "../requests/run-place.ts";
import type { Services } from "../services.ts";
import { sendAll } from "./socket-messages.ts";
import { perFrame, standingOf } from "./stream-standing.ts";
import type { StreamStanding } from "./stream-standing.ts";
import { admitWatcher, ticketQuery } from "../routes/tickets.ts";

documentShape("LogMessage", logMessage);
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
	answers: {
		200: shownText(["text/plain", "application/x-ndjson"], "The bytes, or with `format` each line as JSON"),
		206: shownText(["text/plain"], "The range"),
		304: "The caller has these bytes",
		410: problemAnswer("The log has outlived its retention"),
		416: problemAnswer("The range begins past the end"),
	},
});
documentJob({
	id: "watchLog",
	method: "get",
	below: "/attempts/{attempt}/log/live",
	summary:
		"What is stored, then what comes, until the log ends: WebSocket if asked to upgrade, else SSE, whose last event is `complete`",
	query: { from: "offset of the first byte wanted", ...ticketQuery },
	headers: { "Last-Event-ID": "SSE: the offset to go on from" },
	answers: {
		101: shownSocket("LogMessage", perFrame),
		200: shownEvents("LogMessage", "The log as it comes; `token-ended` ends it with the token"),
	},
});
documentJob({
	id: "watchJobLog",
	method: "get",
	below: "/log/live",
	summary:
		"The live log of the present attempt, and of each one after it until the job is finished; one that never started has an `end` with the state `none`. The last event of SSE is `complete`",
	query: ticketQuery,
	headers: { "Last-Event-ID": "SSE: `attempt:offset` to go on from" },
	answers: {
		101: shownSocket("LogMessage", perFrame),
		200: shownEvents("LogMessage", "The log as it comes; `token-ended` ends it with the token"),
	},
});

export function addLogRoutes(app: Hono<ApiEnv>): void {
	app.on("GET", belowJob("/attempts/:attempt/log"), async (c) => {
		const { repository, caller } = admitToRepository(c, "getLog");
		const call = readLogCall(c, repository);
		const services = c.get("services");
		// Both before the log is looked for: a malformed question costs no call to an object.
		const [tail, form] = [readTail(c), readForm(c)];
		const answer = { services, ...orThrow(await readLog(services, caller, call)) };
		if (tail === null && form === "raw") return answerBytes(c, answer);
		const range = tail === null ? { from: 0, to: answer.log.length } : await findTail(answer, tail);
		return form === "raw" ? answerTail(c, answer, range) : answerLines(c, answer, { range, form });
	});

	app.on("GET", belowJob("/attempts/:attempt/log/live"), async (c) => {
		const { repository, caller } = await admitWatcher(c, "watchLog");
		const call = { ...readLogCall(c, repository), from: readFrom(c) };
		const services = c.get("services");
		const standing = standingOf(services, caller, repository);
		if (isUpgrade(c.req.raw)) {
			// A live log's own object takes the socket, and the Worker has no part in it any more. A sealed one has no such
			// object: the Worker reads the archive and sends it on a socket of its own.
			const live = orThrow(await watchLogBySocket(services, caller, call));
			return live ?? sendOnSocket(services, standing, orThrow(await watchLog(services, caller, call)));
		}
		const watch = orThrow(await watchLog(services, caller, call));
		const gone = new AbortController();
		return eventStream(offsetEvents(watch(gone.signal)), gone, standing);
	});

	app.on("GET", belowJob("/log/live"), async (c) => {
		const { repository, caller } = await admitWatcher(c, "watchJobLog");
		const services = c.get("services");
		const standing = standingOf(services, caller, repository);
		const isSocket = isUpgrade(c.req.raw);
		// A log of all attempts is in many objects, so the Worker holds this socket. It begins at the beginning: only SSE
		// has a place to come back by, and a browser cannot give a socket one in a header.
		const call = { repository, job: readJobName(c), place: isSocket ? null : readPlace(c) };
		const watch = orThrow(await watchJobLog(services, caller, call));
		if (isSocket) return sendOnSocket(services, standing, (gone) => messagesOf(watch(gone)));
		const gone = new AbortController();
		return eventStream(placeEvents(watch(gone.signal)), gone, standing);
	});
}

function sendOnSocket(services: Services, standing: StreamStanding, watch: Watch<LogMessage>): Response {
	const { response, socket } = services.acceptSocket();
	// The answer goes out first; the runtime keeps the sending alive until the log or its viewer ends.
	services.later(sendAll(socket, standing, watch));
	return response;
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

/**
 * The id of an event is where the next one begins, so a browser that comes back by `Last-Event-ID` gets no byte twice and
 * none less.
 */
async function* offsetEvents(messages: AsyncIterable<LogOutput | LogEnd>): AsyncGenerator<StreamEvent, StreamEnd> {
	for await (const message of messages) {
		yield { id: String(message.type === "end" ? message.length : message.next), data: JSON.stringify(message) };
	}
	return "complete";
}

/** As `offsetEvents`, with the attempt in the id: an offset alone would name a byte of each attempt. */
async function* placeEvents(messages: AsyncGenerator<JobLogMessage>): AsyncGenerator<StreamEvent, StreamEnd> {
	for await (const { attempt, message } of messages) {
		yield { id: `${attempt}:${placeAfter(message)}`, data: JSON.stringify(message) };
	}
	return "complete";
}

/** Where a viewer goes on that has had this message: at 0 of an attempt that it has only heard of. */
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
