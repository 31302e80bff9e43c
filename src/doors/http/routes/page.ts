// The page and its files, wherever the API has nothing. On Cloudflare a file is answered before the Worker is asked; on one machine
// all requests come here. So the page itself is answered here in both, and its files in one.
import type { Context } from "hono";
import { pageHeaders } from "../../../contracts/wire/headers/answer-headers.ts";
import type { ApiEnv } from "../context.ts";

/** What belongs to programs: a path below these that nothing serves is a problem for whoever calls it, and no page. */
const programPath = /^\/(v1|auth|hooks|install|badge|schemas|\.well-known|healthz|readyz|metrics|openapi\.json)(\/|$)/;
const filePath = /^\/assets\//;
/** Files are named by what is in them. */
const fileKept = "public, max-age=31536000, immutable";

/** Null: a person does not look here, so that a program hears that nothing is served. */
export async function answerWithPage(c: Context<ApiEnv>): Promise<Response | null> {
	const { path, method } = c.req;
	if ((method !== "GET" && method !== "HEAD") || programPath.test(path)) return null;
	const isFile = filePath.test(path);
	if (!isFile && path !== "/" && !c.req.header("accept")?.includes("text/html")) return null;
	const url = new URL(isFile ? path : "/", c.req.url);
	const headers = new Headers();
	const tag = c.req.header("if-none-match");
	if (tag !== undefined) headers.set("If-None-Match", tag);
	const found = await c.get("services").pageFile(new Request(url, { method, headers }));
	// A tab that is older than the server asks for a file that is gone: nobody may keep that for an answer.
	if (found.status === 404) return null;
	const answer = new Response(found.body, found);
	for (const [name, value] of Object.entries(pageHeaders)) answer.headers.set(name, value);
	answer.headers.set("Cache-Control", isFile ? fileKept : "public, max-age=0, must-revalidate");
	return answer;
}
