// The runner's end of an upload socket: a WebSocket whose other end is the log itself. Its path, its operation's id and the name of
// its answer say `feed`, as they were released: clients are generated from them.
import type { Hono } from "hono";
import { uploadAcknowledgement } from "../../../contracts/http/streams/upload-acknowledgement.ts";
import { doneCloseCode, replacedCloseCode } from "../../../contracts/wire/sockets/close-code.ts";
import { needUpgrade, orThrow } from "../answer.ts";
import { openUpload } from "../../../operations/leases/lease-calls.ts";
import { readLease } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { shownSocket } from "../document/answers.ts";
import { document, documentShape } from "../document/document.ts";

documentShape("FeedAcknowledgement", uploadAcknowledgement);
document({
	id: "feedLog",
	method: "get",
	path: "/v1/lease/log/feed",
	summary:
		"Append over a WebSocket: frames of 8 bytes of offset and the log's bytes, each answered by an acknowledgement",
	answers: {
		101: shownSocket(
			"FeedAcknowledgement",
			`Closes with 4000 and an HTTP status when bytes are refused, ${replacedCloseCode} for a newer socket, ${doneCloseCode} once sealed`,
		),
	},
});

export function addUploadSocketRoutes(app: Hono<ApiEnv>): void {
	app.get("/v1/lease/log/feed", async (c) => {
		const lease = readLease(c);
		needUpgrade(c.req.raw, "This path is a WebSocket's; over HTTP, PATCH /v1/lease/log.");
		return orThrow(await openUpload(c.get("services"), lease));
	});
}
