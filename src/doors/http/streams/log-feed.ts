// The feed of a log: the runner's end of a WebSocket whose other end is the log itself.
import type { Hono } from "hono";
import { feedAcknowledgement } from "../../../contracts/http/log-feed.ts";
import { doneCloseCode, replacedCloseCode } from "../../../contracts/wire/sockets/close-code.ts";
import { needUpgrade, orThrow } from "../answer.ts";
import { feedLog } from "../../../operations/leases/lease-calls.ts";
import { readLease } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { document } from "../document/document.ts";

document({
	id: "feedLog",
	method: "get",
	path: "/v1/lease/log/feed",
	summary:
		"Append over a WebSocket: frames of 8 bytes of offset and the log's bytes, each answered by an acknowledgement",
	auth: "lease",
	answers: {
		101: `Closes with 4000 and an HTTP status when bytes are refused, ${replacedCloseCode} for a newer feed, ${doneCloseCode} once sealed`,
		200: feedAcknowledgement,
	},
});

export function addLogFeedRoutes(app: Hono<ApiEnv>): void {
	app.get("/v1/lease/log/feed", async (c) => {
		const lease = readLease(c);
		needUpgrade(c.req.raw, "A feed is a WebSocket; over HTTP, PATCH /v1/lease/log.");
		return orThrow(await feedLog(c.get("services"), lease));
	});
}
