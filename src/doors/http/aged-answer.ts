// How every route answers what may be older than now: any list, and any one thing that is shown from elsewhere while its truth is
// away. Since when it may not be true any more stands in the header, and of a list in its body too. Lists are answered from here
// alone, so that none forgets it.
import type { Context } from "hono";
import { staleHeader } from "../../contracts/wire/headers/stale.ts";
import { timeText } from "../../contracts/wire/time-text.ts";
import type { Millis } from "../../domain/ids.ts";
import type { Page } from "../../contracts/http/page.ts";
import type { Seen } from "../../operations/ports.ts";
import type { ApiEnv } from "./context.ts";
import { writeCursor } from "./requests/request.ts";

/** A page of the read model; its cursor as the read model gave it. */
export function answerPage(c: Context<ApiEnv>, page: Page<unknown>): Response {
	if (page.stale) c.header(staleHeader, page.asOf);
	return c.json({ ...page, nextCursor: writeCursor(page.nextCursor) });
}

/** A page of what was asked of the truth just now. */
export function answerPresentPage(
	c: Context<ApiEnv>,
	{ items, next }: { items: unknown[]; next: string | null },
): Response {
	return answerPage(c, { items, nextCursor: next, asOf: timeText(c.get("services").now()), stale: false });
}

export function answerSeen<T extends object>(c: Context<ApiEnv>, { value, asOf }: Seen<T>): Response {
	sayAge(c, asOf);
	return c.json(value);
}

/** `asOf` as in `Seen`, for what a route answers in a way of its own. */
export function sayAge(c: Context<ApiEnv>, asOf: Millis | null): void {
	if (asOf !== null) c.header(staleHeader, timeText(asOf));
}
