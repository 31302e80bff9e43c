// A server that is stopped while it works: calls under way get their answers, and what was accepted is there at the next start.
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startServer } from "../scripts/child.ts";
import type { Child } from "../scripts/child.ts";
import { createClient } from "../src/client/client.ts";
import { missingWords } from "../src/testing/browser-words.ts";
import { until } from "./fixture-until.ts";

let folder: string;
const children: Child[] = [];
beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), "spillway-stop-"));
});
afterEach(async () => {
	for (const child of children.splice(0)) await child.stop();
	await rm(folder, { recursive: true, force: true });
});

async function start() {
	const { child, ready } = await startServer(join(folder, "data"));
	children.push(child);
	await createClient({ url: ready.url, token: ready.operatorToken }).repositories.put(
		{ owner: "acme", repo: "web" },
		{},
	);
	return { child, ...ready };
}

const run = JSON.stringify({ title: "Half", jobs: [{ key: "a", steps: [{ run: "true" }] }] });

/** A submission of which the server has the head and half of the body. */
function beginSubmission({ url, operatorToken }: { url: string; operatorToken: string }): ClientRequest {
	const half = request(`${url}/v1/repos/acme/web/runs`, {
		method: "POST",
		headers: {
			authorization: `Bearer ${operatorToken}`,
			"content-type": "application/json",
			"content-length": Buffer.byteLength(run),
		},
	});
	half.write(run.slice(0, 20));
	return half;
}

async function statusOf(url: string): Promise<number | null> {
	const answer = await fetch(`${url}/healthz`).catch(() => null);
	await answer?.arrayBuffer();
	return answer?.status ?? null;
}

it("[F24][A158] a stop takes no new calls, answers those under way, and ends with 0", async () => {
	const server = await start();
	const { child, url, operatorToken } = server;
	const registered = await fetch(`${url}/v1/pools/acme/default/runners`, {
		method: "POST",
		headers: { authorization: `Bearer ${operatorToken}`, "content-type": "application/json" },
		body: JSON.stringify({ name: "one", capacity: 1, os: "linux", arch: "x64", version: "test" }),
	});
	const { token } = (await registered.json()) as { token: string };
	const poll = fetch(`${url}/v1/runner/acquire`, {
		method: "POST",
		headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
		body: JSON.stringify({ waitSeconds: 30, leases: [] }),
	});
	const half = beginSubmission(server);
	const answered = once(half, "response") as Promise<[IncomingMessage]>;
	// The server has both: what is sent on a connection after them is answered.
	expect(await statusOf(url)).toBe(200);
	child.process.kill("SIGTERM");
	const polled = await poll;
	expect(polled.status).toBe(204);
	await until("new calls are refused", async () => (await statusOf(url)) === 503);
	const refused = await fetch(`${url}/v1/repos/acme/web`, { headers: { "x-request-id": "at-the-stop" } });
	expect(await refused.json()).toMatchObject({ status: 503, code: "unavailable", requestId: "at-the-stop" });
	for (const { headers } of [polled, refused]) {
		expect(missingWords(headers)).toEqual([]);
		expect(headers.get("x-request-id")).toMatch(/^[\x21-\x7e]{1,100}$/);
	}
	half.end(run.slice(20));
	const [answer] = await answered;
	const id = (JSON.parse(String(Buffer.concat(await answer.toArray()))) as { id: string }).id;
	expect(answer.statusCode).toBe(201);
	expect(await child.end()).toBe(0);
	const again = await startServer(join(folder, "data"));
	children.push(again.child);
	const client = createClient({ url: again.ready.url, token: again.ready.operatorToken });
	expect(await client.runs.get({ owner: "acme", repo: "web" }, id)).toMatchObject({ id, number: 1 });
});

it("[F24] a call that never ends holds up a stop for some seconds, and a second signal ends it at once", async () => {
	const server = await start();
	const half = beginSubmission(server);
	const cut = once(half, "error");
	expect(await statusOf(server.url)).toBe(200);
	server.child.process.kill("SIGTERM");
	await until("new calls are refused", async () => (await statusOf(server.url)) === 503);
	server.child.process.kill("SIGTERM");
	await server.child.end();
	expect((await cut)[0]).toMatchObject({ code: "ECONNRESET" });
});
