// One HTTP request of the API: bearer token, JSON both ways, a limit on each try, failures as `ProblemError` or `Outage`.
// Runs in Node and in a browser, so nothing here is Node's alone.
import { staleHeader } from "../contracts/wire/headers/stale.ts";
import { Outage } from "../contracts/wire/outage.ts";
import { hasShape } from "./answer-shape.ts";
import type { Shape } from "./answer-shape.ts";
import { failureFrom, notOurs, outageFrom, ProblemError, UnusableName } from "./call-failure.ts";
import type { RepeatPolicy } from "./retryable.ts";
import { retryable, repeatDefaults } from "./retryable.ts";

export interface TransportOptions {
	/** The server's address, with or without a slash at the end. */
	url: string;
	/** Null in a browser, where the session cookie speaks. */
	token: string | null;
	retry?: Partial<RepeatPolicy>;
	/** Told of each failure that will be tried again. */
	onWait?: (failure: Error, waitMs: number) => void;
	fetch?: typeof fetch;
	/** Hears of each answer that is not the present truth, and since when it may not be. */
	onStale?: (since: string) => void;
}

export interface Call {
	method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
	path: string;
	query?: Record<string, string | number | undefined>;
	headers?: Record<string, string>;
	/** Sent as JSON. */
	json?: unknown;
	/** Sent as it is. */
	bytes?: Uint8Array;
	/** Whether doing it twice does no more than doing it once. */
	idempotent: boolean;
	/** As the policy's, for this call. */
	tryMs?: number;
	signal?: AbortSignal | undefined;
	/** Overrides the transport's own. */
	retry?: Partial<RepeatPolicy>;
}

export class Transport {
	readonly url: string;
	readonly token: string | null;
	readonly policy: RepeatPolicy;
	readonly #fetch: typeof fetch;
	readonly #onStale: (since: string) => void;
	readonly #onWait: (failure: Error, waitMs: number) => void;

	constructor(options: TransportOptions) {
		this.url = options.url.replace(/\/+$/, "");
		this.token = options.token;
		this.policy = { ...repeatDefaults, ...options.retry };
		this.#fetch = options.fetch ?? fetch;
		this.#onStale = options.onStale ?? (() => undefined);
		this.#onWait = options.onWait ?? (() => {});
	}

	/** The answer's JSON, which has what `shape` names. A body that breaks off, or has it not, counts as no answer. */
	async json<T>(call: Call, shape: Shape<T>): Promise<T> {
		return (await this.answer<T>(call, shape)).body;
	}

	/** As `json`, with the status and headers of the answer. */
	async answer<T>(call: Call, shape: Shape<T>): Promise<{ body: T; status: number; headers: Headers }> {
		return this.#retried(call, async (response) => {
			const body = readJson(await response.text());
			if (!hasShape<T>(body, shape)) throw notOurs(response, this.url);
			return { body, status: response.status, headers: response.headers };
		});
	}

	/** As `json`, null where the server says 204: that there is nothing. */
	async jsonOrNothing<T>(call: Call, shape: Shape<T>): Promise<T | null> {
		return this.#retried(call, async (response) => {
			if (response.status === 204) return null;
			const body = readJson(await response.text());
			if (!hasShape<T>(body, shape)) throw notOurs(response, this.url);
			return body;
		});
	}

	/** Of a call that is answered by 204 and headers. `tries`: how often it was sent; an earlier one may have had its effect. */
	async done(call: Call): Promise<{ headers: Headers; tries: number }> {
		let tries = 0;
		const read = async (response: Response) => {
			await response.body?.cancel();
			if (response.status !== 204) throw notOurs(response, this.url);
			return { headers: response.headers, tries };
		};
		return this.#retried(call, read, () => tries++);
	}

	/** The answer itself, its body unread: the caller must read or cancel it. */
	async stream(call: Call): Promise<Response> {
		return this.#retried(call, async (response) => {
			// Neither a log nor events are a page.
			if (!response.headers.get("content-type")?.startsWith("text/html")) return response;
			await response.body?.cancel();
			throw notOurs(response, this.url);
		});
	}

	#retried<T>(call: Call, read: (response: Response) => Promise<T>, onTry: () => void = () => {}): Promise<T> {
		const attempt = () => {
			onTry();
			return this.#try(call, read);
		};
		return retryable(attempt, {
			policy: { ...this.policy, ...call.retry },
			idempotent: call.idempotent,
			signal: call.signal ?? null,
			onWait: this.#onWait,
		});
	}

	async #try<T>(call: Call, read: (response: Response) => Promise<T>): Promise<T> {
		const limit = new AbortController();
		const stop = () => limit.abort(call.signal?.reason);
		// Not `AbortSignal.any`: a runner's signal lives for months and would remember every call.
		call.signal?.addEventListener("abort", stop, { once: true });
		if (call.signal?.aborted) stop();
		const tryMs = call.tryMs ?? this.policy.tryMs;
		const timer = setTimeout(() => limit.abort(new Outage(`no answer within ${tryMs} ms`)), tryMs);
		try {
			const response = await this.#fetch(this.#address(call), this.#request(call, limit.signal));
			if (!response.ok) throw await failureFrom(response, this.url);
			const since = response.headers.get(staleHeader);
			if (since !== null) this.#onStale(since);
			// Within the limit, too: a body that stalls is no answer.
			return await read(response);
		} catch (thrown) {
			// A problem is the server's word. All else is an outage: what broke, or fell silent, may have had its effect.
			if (thrown instanceof ProblemError || thrown instanceof Outage) throw thrown;
			if (limit.signal.aborted) throw limit.signal.reason;
			throw outageFrom(thrown, this.url);
		} finally {
			clearTimeout(timer);
			call.signal?.removeEventListener("abort", stop);
		}
	}

	#address({ path, query = {} }: Call): string {
		const search = new URLSearchParams();
		for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
		return `${this.url}${path}${search.size > 0 ? `?${search}` : ""}`;
	}

	#request(call: Call, signal: AbortSignal): RequestInit {
		const headers: Record<string, string> = { accept: "application/json", ...call.headers };
		if (this.token !== null) headers.authorization = `Bearer ${this.token}`;
		// Followed, a redirect makes a GET of a POST, and takes the token to wherever it leads.
		const init: RequestInit = { method: call.method, headers, signal, redirect: "manual" };
		if (call.json !== undefined) {
			headers["content-type"] = "application/json";
			init.body = JSON.stringify(call.json);
		} else if (call.bytes !== undefined) {
			headers["content-type"] = "application/octet-stream";
			// Browsers' types refuse memory that is shared, which nobody sends here.
			init.body = call.bytes as Uint8Array<ArrayBuffer>;
		}
		return init;
	}
}

/**
 * Path segments, each escaped: `urlPath("v1", "repos", owner)`. A name with a slash in it stays one segment. Throws `UnusableName`
 * for one that would not: whoever reads an address leaves these out, however they are escaped, and another thing is meant then.
 */
export function urlPath(...segments: (string | number)[]): string {
	const lost = segments.find((segment) => segment === "" || segment === "." || segment === "..");
	if (lost !== undefined) throw new UnusableName(String(lost));
	return segments.map((segment) => `/${encodeURIComponent(segment)}`).join("");
}

/** Undefined for what is none. */
function readJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
