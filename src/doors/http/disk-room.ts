// The door that shuts before the disk is full: what may still be written is the rule's, which call writes what is said here.
import type { MiddlewareHandler } from "hono";
import type { Writing } from "../../domain/room.ts";
import { mayWrite } from "../../domain/room.ts";
import { ProblemAnswer } from "./answer.ts";
import type { ApiEnv } from "./context.ts";

/** Longer than any other outage: somebody must clear up first. */
const retryAfterSeconds = 10;

/** [X25] Refuses before anything of the request is read: nothing of it has taken effect. */
export const refuseWithoutRoom: MiddlewareHandler<ApiEnv> = async (c, next) => {
	const writing = writingOf(c.req.method, c.req.path);
	if (writing !== "nothing" && !mayWrite(await c.get("services").diskRoom(), writing)) throw diskFull();
	await next();
};

function writingOf(method: string, path: string): Writing {
	if (path === "/v1/lease/log/feed") return "running-work";
	if (method === "GET" || method === "HEAD") return "nothing";
	if (path === "/v1/runner/heartbeat") return "life";
	return path.startsWith("/v1/lease/") || path.startsWith("/v1/runner/") ? "running-work" : "new-work";
}

function diskFull(): ProblemAnswer {
	const detail = "The server's disk is full. Nothing of this was done; it is taken again once there is room.";
	return new ProblemAnswer({ status: 503, code: "unavailable", detail, retryAfterSeconds });
}
