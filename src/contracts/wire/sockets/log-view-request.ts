// How the Worker asks a log's object for the socket of a viewer, and what the object answers when there is none. Objects are
// reached by the Worker alone, so what stands in the request is what the Worker has checked.
import { readRestsOn, restsOnQuery } from "./stream-token.ts";
import type { StreamRest } from "./stream-token.ts";
import { upgradeRequest } from "./upgrade.ts";

export interface LogViewCall {
	/** The offset of the first byte that the viewer wants. */
	from: number;
	/** The attempt is known to have started: an empty object is one that waits for its first byte. */
	hasBegun: boolean;
	/** On which the socket rests; empty: on nothing that could end. */
	rests: readonly StreamRest[];
}

export function logViewRequest({ from, hasBegun, rests }: LogViewCall): Request {
	return upgradeRequest(`https://log/?from=${from}&begun=${hasBegun ? 1 : 0}${restsOnQuery(rests)}`);
}

/** `restsOn`: each as `parseRestsOn` reads it. */
export function readLogViewRequest({ url }: { url: string }): {
	from: number;
	hasBegun: boolean;
	restsOn: string[];
} {
	const query = new URL(url).searchParams;
	return { from: Number(query.get("from")), hasBegun: query.get("begun") === "1", restsOn: readRestsOn(query) };
}

/** Nothing of the log is in its object; `from` is past the log's end; as many viewers as may are there. */
export type NoLogView = "log-elsewhere" | "past-end" | "viewers-max";

const statuses: Record<NoLogView, number> = { "log-elsewhere": 404, "past-end": 416, "viewers-max": 503 };

export function noLogView(why: NoLogView): Response {
	return new Response(null, { status: statuses[why] });
}

/** Null: the answer is the viewer's socket. */
export function readNoLogView({ status }: { status: number }): NoLogView | null {
	const found = Object.entries(statuses).find(([, each]) => each === status);
	return found ? (found[0] as NoLogView) : null;
}
