// Calls that take many times what others take: one caller has only a few of them under way at once, so that they cannot fill a
// thread that others share. Counted by token or session and in this isolate: on one machine that is the whole server. A call without a
// token is refused before it does any of that work, and is not counted.
import type { Context, MiddlewareHandler } from "hono";
import { limitFacts } from "../../contracts/wire/refusal-facts.ts";
import { limitOf } from "../../domain/limit/limit-table.ts";
import { ProblemAnswer } from "./answer.ts";
import { bearerText } from "./auth.ts";
import type { ApiEnv } from "./context.ts";

export const dearCallsMax = limitOf("concurrent");
const retryAfterMs = 1_000;
/**
 * The runtime does not always tell when a caller has gone. So a call counts until it has moved nothing for so long: longer than
 * any of them works for its next piece, and a stream that nobody reads takes no time from anybody.
 */
export const quietMs = 10_000;

/** Acts on many runs: bulk acts, and a slice of a rebuild. */
const dearActs = /^\/v1\/repos\/[^/]+\/[^/]+\/(cancel|retry)$|\/projection\/rebuild$/;

/** `stream`: the work is done while the answer is read. */
type Dear = "no" | "at-once" | "stream";

interface Call {
	movedAt: number;
}

/** By token, the calls under way. A token without any is not here. */
export class DearCalls {
	readonly #calls = new Map<string, Set<Call>>();

	/** Null when this caller has as many as may be. */
	begin(token: string, now: number): Call | null {
		const calls = this.#calls.get(token) ?? new Set();
		for (const call of calls) if (now - call.movedAt >= quietMs) calls.delete(call);
		if (calls.size >= dearCallsMax) return null;
		const call = { movedAt: now };
		calls.add(call);
		this.#calls.set(token, calls);
		return call;
	}

	/** A call that ends twice is counted out once. */
	end(token: string, call: Call): void {
		const calls = this.#calls.get(token);
		calls?.delete(call);
		if (calls?.size === 0) this.#calls.delete(token);
	}
}

const underWay = new DearCalls();

/** A token with the sessions that it opened, and a person with all of the person's, count as one. */
function countedAs(c: Context<ApiEnv>): string | undefined {
	const behind = c.get("behind");
	return behind === null ? (bearerText(c) ?? c.get("session")?.holder) : `${behind.owner} ${behind.token}`;
}

/** [A61] Refuses before anything of the request is read: nothing of it has taken effect. */
export const boundDearCalls: MiddlewareHandler<ApiEnv> = async (c, next) => {
	const dear = dearOf(c.req.method, { path: c.req.path, query: new URL(c.req.url).searchParams });
	const token = countedAs(c);
	if (dear === "no" || token === undefined) return next();
	const services = c.get("services");
	const call = underWay.begin(token, services.now());
	if (call === null) throw tooMany();
	let isStreamed = false;
	try {
		await next();
		const { body } = c.res;
		if (dear === "at-once" || body === null) return;
		const end = () => underWay.end(token, call);
		c.res = new Response(watched(body, { moved: () => (call.movedAt = services.now()), end }), c.res);
		isStreamed = true;
	} finally {
		if (!isStreamed) underWay.end(token, call);
	}
};

/**
 * What of its work a call leaves for while its answer is read; `no`: it takes as long as others. The path is the decoded one, as the
 * router reads it.
 */
export function dearOf(method: string, { path, query }: { path: string; query: URLSearchParams }): Dear {
	if (method === "POST") return dearActs.test(path) ? "at-once" : "no";
	if (method !== "GET") return "no";
	if (path.endsWith("/log/search")) return "at-once";
	if (!/\/attempts\/[^/]+\/log$/.test(path)) return "no";
	if (query.get("format") === "ndjson" || query.get("timestamps") === "1") return "stream";
	return query.has("tail") ? "at-once" : "no";
}

/** The same bytes, pulled as they are read. */
function watched(
	body: ReadableStream<Uint8Array>,
	{ moved, end }: { moved: () => void; end: () => void },
): ReadableStream<Uint8Array> {
	const reader = body.getReader();
	const source = {
		async pull(controller: ReadableStreamDefaultController<Uint8Array>) {
			try {
				const { done, value } = await reader.read();
				moved();
				if (!done) return controller.enqueue(value);
				end();
				controller.close();
			} catch (cause) {
				end();
				throw cause;
			}
		},
		async cancel(reason: unknown) {
			end();
			await reader.cancel(reason);
		},
	};
	return new ReadableStream(source, { highWaterMark: 0 });
}

function tooMany(): ProblemAnswer {
	return new ProblemAnswer(limitFacts({ limit: "concurrent", max: dearCallsMax, retryAfterMs }));
}
