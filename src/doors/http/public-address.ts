// Where this server is for browsers, and so for the issuers that send them back.
import type { Context } from "hono";
import type { ApiEnv } from "./context.ts";
import { cameByHttps, isLoopback } from "./finished-answer.ts";

/**
 * As the operator says; else as it was called, where a proxy that is trusted may say that this was by https. No slash at its end.
 * On this very machine always as it was called: a browser has other cookies for `localhost` than for `127.0.0.1`.
 */
export function publicAddress(c: Context<ApiEnv>): string {
	const { publicUrl } = c.get("services");
	if (publicUrl !== null && !isLoopback(publicUrl)) return publicUrl;
	const { protocol, host } = new URL(c.req.url);
	return `${cameByHttps(c) ? "https:" : protocol}//${host}`;
}
