// A run's events: its state, then every change, to whoever watches. Served by an object of their own, so that no number of
// watchers is felt by the repository.
import type { Context, Hono } from "hono";
import { runEvent } from "../contracts/http/run-events.ts";
import type { RunEvent } from "../contracts/http/run-events.ts";
import { tokenEndedCloseCode } from "../contracts/wire/close-code.ts";
import { readNoRunWatch, runWatchRequest } from "../contracts/wire/run-watch-request.ts";
import { isUpgrade } from "../contracts/wire/upgrade.ts";
import { refuse } from "../domain/refusal.ts";
import { locateRun } from "../operations/run-places.ts";
import { orThrow, ProblemAnswer } from "./answer.ts";
import type { ApiEnv } from "./context.ts";
import { document } from "./document.ts";
import { eventStream } from "./event-stream.ts";
import type { StreamEvent } from "./event-stream.ts";
import { badQuery } from "./request.ts";
import { readRunName } from "./run-place.ts";
import { standingOf, streamTokenOf } from "./stream-standing.ts";
import { admitWatcher, ticketQuery } from "./tickets.ts";

document({
	id: "watchRun",
	method: "get",
	path: "/v1/repos/{owner}/{repo}/runs/{run}/events",
	summary: "The run, then every change in it: WebSocket if asked to upgrade, else SSE",
	query: { after: "the last `seq` seen: only what came after it, without the snapshot", ...ticketQuery },
	headers: { "Last-Event-ID": "SSE: as `after`" },
	answers: {
		101: `One message per frame; closes with ${tokenEndedCloseCode} when the token has ended`,
		200: runEvent,
		410: "What came after that `seq` is not kept any more",
	},
});

export function addEventRoutes(app: Hono<ApiEnv>): void {
	app.get("/v1/repos/:owner/:repo/runs/:run/events", async (c) => {
		const { repository, caller } = await admitWatcher(c, "watchRun");
		const services = c.get("services");
		const run = orThrow(await locateRun(services, repository, readRunName(c)));
		const after = readAfter(c);
		const isSocket = isUpgrade(c.req.raw);
		// The Worker itself looks after the token of a stream that ends here.
		const request = runWatchRequest({ after, token: isSocket ? streamTokenOf(caller) : null });
		const response = await checked(await services.feed({ ...repository, run }).fetch(request));
		if (isSocket) return response;
		const gone = new AbortController();
		return eventStream(eventsOf(services.readSocket(response, gone.signal)), gone, standingOf(services, caller));
	});
}

function readAfter(c: Context<ApiEnv>): number | null {
	const text = c.req.header("last-event-id") ?? c.req.query("after");
	if (text === undefined) return null;
	if (/^[0-9]{1,15}$/.test(text)) return Number(text);
	throw badQuery("after", "must be the `seq` of an event");
}

async function checked(response: Response): Promise<Response> {
	const no = await readNoRunWatch(response);
	switch (no?.why) {
		case undefined:
			return response;
		case "refused":
			return orThrow(refuse(no.refusal));
		case "events-compacted": {
			const detail = "What came after that event is not kept any more: ask without `after` for the present state.";
			throw new ProblemAnswer({ status: 410, code: "events-compacted", detail });
		}
		case "watchers-max": {
			const detail = "As many watch this run as may.";
			throw new ProblemAnswer({ status: 503, code: "run-watchers-max", detail, retryAfterSeconds: 10 });
		}
	}
}

async function* eventsOf(texts: AsyncIterable<string>): AsyncGenerator<StreamEvent, void> {
	for await (const data of texts) yield { id: String((JSON.parse(data) as RunEvent).seq), data };
}
