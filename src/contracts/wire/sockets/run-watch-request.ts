// How the Worker asks a run's feed for the socket of a watcher, and what the feed answers when there is none. Objects are
// reached by the Worker alone, so what stands in the request is what the Worker has checked.
import type { Refusal } from "../../../domain/refusal.ts";
import { readRestsOn, restsOnQuery } from "./stream-token.ts";
import type { StreamRest } from "./stream-token.ts";
import { upgradeRequest } from "./upgrade.ts";

export interface RunWatchCall {
	/** The `seq` to go on from; null: the run's state comes first. */
	after: number | null;
	/** On which the socket rests; empty: on nothing that could end. */
	rests: readonly StreamRest[];
}

export function runWatchRequest({ after, rests }: RunWatchCall): Request {
	return upgradeRequest(`https://feed/?${after === null ? "" : `after=${after}`}${restsOnQuery(rests)}`);
}

/** `restsOn`: each as `parseRestsOn` reads it. */
export function readRunWatchRequest({ url }: { url: string }): { after: number | null; restsOn: string[] } {
	const query = new URL(url).searchParams;
	const after = query.get("after");
	return { after: after === null ? null : Number(after), restsOn: readRestsOn(query) };
}

/** There is no such run, as the refusal says; what came after `after` is not kept; as many watchers as may are there. */
export type NoRunWatch = { why: "refused"; refusal: Refusal } | { why: "events-compacted" | "watchers-max" };

export function noRunWatch(no: NoRunWatch): Response {
	switch (no.why) {
		case "refused":
			return Response.json(no.refusal, { status: 404 });
		case "events-compacted":
			return new Response(null, { status: 410 });
		case "watchers-max":
			return new Response(null, { status: 503 });
	}
}

/** Null: the answer is the watcher's socket. */
export async function readNoRunWatch(response: Response): Promise<NoRunWatch | null> {
	switch (response.status) {
		case 404:
			return { why: "refused", refusal: (await response.json()) as Refusal };
		case 410:
			return { why: "events-compacted" };
		case 503:
			return { why: "watchers-max" };
		default:
			return null;
	}
}
