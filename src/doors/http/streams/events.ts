// A run's events: its state, then every change, to whoever watches. Served by an object of their own, so that no number of
// watchers is felt by the repository.
import type { Context, Hono } from "hono";
import { runEvent } from "../../../contracts/http/streams/run-events.ts";
import { isUpgrade } from "../../../contracts/wire/sockets/upgrade.ts";
import { watchRunBySocket, watchRunEvents } from "../../../operations/logs/logs.ts";
import { orThrow } from "../answer.ts";
import type { ApiEnv } from "../context.ts";
import { shownEvents, shownSocket } from "../document/answers.ts";
import { document, documentShape, problemAnswer } from "../document/document.ts";
import { eventStream } from "./event-stream.ts";
import type { StreamEnd, StreamEvent } from "./event-stream.ts";
import { badQuery } from "../requests/request.ts";
import { readRunName } from "../requests/run-place.ts";
import { perFrame, standingOf } from "./stream-standing.ts";
import { admitWatcher, ticketQuery } from "../routes/tickets.ts";

documentShape("RunEvent", runEvent);
document({
	id: "watchRun",
	method: "get",
	path: "/v1/repos/{owner}/{repo}/runs/{run}/events",
	summary: "The run, then every change in it: WebSocket if asked to upgrade, else SSE",
	query: { after: "the last `seq` seen: only what came after it, without the snapshot", ...ticketQuery },
	headers: { "Last-Event-ID": "SSE: as `after`" },
	answers: {
		101: shownSocket("RunEvent", perFrame),
		200: shownEvents(
			"RunEvent",
			"The run, then every change in it; `id` is its `seq`. `token-ended` ends it with the token",
		),
		410: problemAnswer("What came after that `seq` is not kept any more"),
	},
});

export function addEventRoutes(app: Hono<ApiEnv>): void {
	app.get("/v1/repos/:owner/:repo/runs/:run/events", async (c) => {
		const { repository, caller } = await admitWatcher(c, "watchRun");
		const services = c.get("services");
		const call = { repository, run: readRunName(c), after: readAfter(c) };
		if (isUpgrade(c.req.raw)) return orThrow(await watchRunBySocket(services, caller, call));
		const watch = orThrow(await watchRunEvents(services, caller, call));
		const gone = new AbortController();
		return eventStream(eventsOf(watch(gone.signal)), gone, standingOf(services, caller, repository));
	});
}

function readAfter(c: Context<ApiEnv>): number | null {
	const text = c.req.header("last-event-id") ?? c.req.query("after");
	if (text === undefined) return null;
	if (/^[0-9]{1,15}$/.test(text)) return Number(text);
	throw badQuery("after", "must be the `seq` of an event");
}

/** A run may be retried after its end, so it is never complete: this ends when the feed's object is lost. */
async function* eventsOf(events: AsyncIterable<{ seq: number; text: string }>): AsyncGenerator<StreamEvent, StreamEnd> {
	for await (const { seq, text } of events) yield { id: String(seq), data: text };
	return "cut";
}
