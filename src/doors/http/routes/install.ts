// What makes a machine a runner with one line: a script that knows which server it came from, and that server's own command line.
import type { Hono } from "hono";
import { ProblemAnswer } from "../answer.ts";
import type { ApiEnv } from "../context.ts";
import { shownText } from "../document/answers.ts";
import { document } from "../document/document.ts";
import { publicAddress } from "../public-address.ts";

document({
	id: "getRunnerScript",
	method: "get",
	path: "/install/runner.sh",
	summary:
		"A shell script that makes a machine a runner: `curl -fsSL <server>/install/runner.sh | sh -s -- --pool acme/default`",
	answers: { 200: shownText(["text/plain"], "The script") },
});
document({
	id: "getCommandLine",
	method: "get",
	path: "/install/spillway.js",
	summary: "The command line as one file, for Node 20 or later",
	answers: { 200: shownText(["text/javascript"], "The program") },
});

const textType = "text/plain; charset=utf-8";

export function addInstallRoutes(app: Hono<ApiEnv>): void {
	app.get("/install/runner.sh", async (c) => {
		const file = await c.get("services").pageFile(new Request(new URL("/install/runner-script.txt", c.req.url)));
		if (!file.ok) throw notBuilt();
		const script = (await file.text()).replaceAll("{{server}}", publicAddress(c));
		return c.body(script, 200, { "Content-Type": textType });
	});

	app.get("/install/spillway.js", async (c) => {
		const file = await c.get("services").pageFile(new Request(new URL("/install/spillway.js", c.req.url)));
		if (!file.ok) throw notBuilt();
		return new Response(file.body, { headers: { "Content-Type": "text/javascript; charset=utf-8" } });
	});
}

function notBuilt(): ProblemAnswer {
	return new ProblemAnswer({
		status: 404,
		code: "no-such-path",
		detail: "This server was deployed without these files.",
	});
}
