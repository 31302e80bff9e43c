// How a resource is read, listed, removed and made: what the groups of calls in `client.ts` have in common.
import type { Page } from "../contracts/http/page.ts";
import { isAbsent } from "../contracts/wire/headers/absent.ts";
import type { Shape } from "./answer-shape.ts";
import type { Call } from "./transport.ts";
import type { Transport } from "./transport.ts";

export interface PageOptions {
	limit?: number | undefined;
	cursor?: string | undefined;
}

/** `idempotencyKey`: made at random when absent, so that a call which is tried again by itself has the effect of one. */
export interface CallOptions {
	idempotencyKey?: string | undefined;
	signal?: AbortSignal | undefined;
}

export function get<T>(transport: Transport, path: string, shape: Shape<T>, signal?: AbortSignal): Promise<T> {
	return transport.json<T>({ method: "GET", path, idempotent: true, signal }, shape);
}

/** Typed by the caller's word: of the items nothing is looked at but that they are a list. */
export function list<T>(transport: Transport, path: string, query: Record<string, string | number | undefined>) {
	const call: Call = { method: "GET", path, query, idempotent: true };
	return transport.json<Page<unknown>>(call, { items: "list", nextCursor: "text or null" }) as Promise<Page<T>>;
}

/** `wasThere`: true too when there is nothing after a try whose answer was lost. */
export async function remove(transport: Transport, path: string, query = {}): Promise<{ wasThere: boolean }> {
	const { headers, tries } = await transport.done({ method: "DELETE", path, query, idempotent: true });
	return { wasThere: !isAbsent(headers) || tries > 1 };
}

/** A POST that the server deduplicates by its key, so that it may be sent again. */
export function onceUnderKey(path: string, json: unknown, { idempotencyKey, signal }: CallOptions = {}): Call {
	const headers = { "idempotency-key": idempotencyKey ?? crypto.randomUUID() };
	return { method: "POST", path, json, headers, idempotent: true, signal };
}
