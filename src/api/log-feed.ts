// The feed of a log: the runner's end of a WebSocket whose other end is the log itself.
import type { Hono } from "hono";
import { feedAcknowledgement } from "../contracts/http/log-feed.ts";
import { refuse } from "../domain/refusal.ts";
import type { Refusal } from "../domain/refusal.ts";
import { orThrow, ProblemAnswer } from "./answer.ts";
import { readLease } from "./auth.ts";
import type { ApiEnv } from "./context.ts";
import { document } from "./document.ts";

document({
	id: "feedLog",
	method: "get",
	path: "/v1/lease/log/feed",
	summary:
		"Append over a WebSocket: frames of 8 bytes of offset and the log's bytes, each answered by an acknowledgement",
	auth: "lease",
	answers: {
		101: "Closes with 4000 and an HTTP status when bytes are refused, 4009 for a newer feed, 1000 once sealed",
		200: feedAcknowledgement,
	},
});

export function addLogFeedRoutes(app: Hono<ApiEnv>): void {
	app.get("/v1/lease/log/feed", async (c) => {
		const claim = readLease(c);
		if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
			const detail = "A feed is a WebSocket; over HTTP, PATCH /v1/lease/log.";
			throw new ProblemAnswer({ status: 426, code: "upgrade-required", detail, headers: { upgrade: "websocket" } });
		}
		const response = await c.get("services").openLogFeed(claim);
		return response.status === 409 ? orThrow(refuse((await response.json()) as Refusal)) : response;
	});
}
