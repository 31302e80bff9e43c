// What no client of HTTP's would send, byte by byte, to the front door of `npm start`'s server: framings that two readers read in two
// ways, heads that are none, upgrades to nonsense, and connections that stay half open. Each is answered in one way or not at all,
// and whoever else calls is served.
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { Child, Ready } from "../scripts/child.ts";
import { startServer } from "../scripts/child.ts";
import { until } from "./fixture-until.ts";

let folder: string;
let child: Child;
let ready: Ready;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), "spillway-wire-"));
	({ child, ready } = await startServer(join(folder, "data")));
});
/** Whatever was sent: the server lives, and serves. */
afterEach(async () => {
	expect(child.isRunning).toBe(true);
	expect(statusesIn(await exchange(health))).toEqual([200]);
});
afterAll(async () => {
	await child?.stop();
	await rm(folder, { recursive: true });
});

const health = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
/** Behind it stands a request that nobody may hear of if this one ends elsewhere than it seems to. */
const post = (framing: string, body: string) =>
	`POST /v1/tokens HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${ready.operatorToken}\r\nContent-Type: application/json\r\n${framing}\r\n\r\n${body}${health}`;
const get = (target: string, lines: readonly string[] = []) =>
	[`GET ${target} HTTP/1.1`, "Host: a", "Connection: close", ...lines, "", ""].join("\r\n");
const chunked = "Transfer-Encoding: chunked";

it.each([
	["both lengths", `Content-Length: 5\r\n${chunked}`, "0\r\n\r\n"],
	["two lengths", "Content-Length: 2\r\nContent-Length: 3", "{}x"],
	["a list of lengths", "Content-Length: 2, 3", "{}"],
	["a length with a sign", "Content-Length: +2", "{}"],
	["a length below nothing", "Content-Length: -2", "{}"],
	["a length beyond all numbers", "Content-Length: 99999999999999999999", "{}"],
	["a length in hexadecimal", "Content-Length: 0x2", "{}"],
	["an empty length", "Content-Length: ", "{}"],
	["a coding that is nearly chunked", "Transfer-Encoding: xchunked", "2\r\n{}\r\n0\r\n\r\n"],
	["a coding that is none", "Transfer-Encoding: identity\r\nContent-Length: 2", "{}"],
	["a space before the colon", "Transfer-Encoding : chunked\r\nContent-Length: 2", "{}"],
	["a folded line", "Transfer-Encoding:\r\n chunked\r\nContent-Length: 2", "{}"],
	["a chunk's size with a sign", chunked, "+2\r\n{}\r\n0\r\n\r\n"],
	["a chunk's size below nothing", chunked, "-2\r\n{}\r\n0\r\n\r\n"],
	["a chunk's size with its base", chunked, "0x2\r\n{}\r\n0\r\n\r\n"],
	["a chunk that is longer than its size", chunked, "2\r\n{}}\r\n0\r\n\r\n"],
	["chunks parted by bare line feeds", chunked, "2\n{}\n0\n\n"],
	["an extension without end", chunked, `2;${"a".repeat(100_000)}\r\n{}\r\n0\r\n\r\n`],
])("[A174] a body framed by %s is refused once, and nothing behind it is a request", async (_, framing, body) => {
	expect(statusesIn(await exchange(post(framing, body)))).toEqual([400]);
});

it.each([
	["a length that is said twice alike", "Content-Length: 2\r\nContent-Length: 2", "{}"],
	["chunks with extensions and trailers", chunked, "2;a=b\r\n{}\r\n0\r\nHost: b\r\nX-After: y\r\n\r\n"],
])("[A174] a body framed by %s has one end, behind which the next request is read", async (_, framing, body) => {
	expect(statusesIn(await exchange(post(framing, body)))).toEqual([400, 200]);
});

it("[A174] a hundred requests that come at once are answered, in their order", async () => {
	const ids = Array.from({ length: 100 }, (_, at) => `nr-${at}`);
	const requests = ids.map((id) => `GET /healthz HTTP/1.1\r\nHost: a\r\nX-Request-Id: ${id}\r\n\r\n`);
	const answer = await exchange(`${requests.join("")}${health}`);
	expect(answer.match(/^x-request-id: nr-\d+/gim)?.map((line) => line.split(" ")[1])).toEqual(ids);
	expect(statusesIn(answer)).toHaveLength(101);
});

it.each<[string, string, number[]]>([
	["a megabyte of head", get("/healthz", [`X-A: ${"a".repeat(2 ** 20)}`]), [431]],
	[
		"five thousand lines",
		get(
			"/healthz",
			Array.from({ length: 5_000 }, (_, at) => `X-${at}: a`),
		),
		[200],
	],
	["a path of 64 KiB", get(`/${"a".repeat(65_536)}`), [414]],
	["a method of 100,000 letters", `${"A".repeat(100_000)} / HTTP/1.1\r\nHost: a\r\n\r\n`, [501]],
	["another scheme's address", get("http://other.example/v1/switches"), [401]],
	["an address that is none", get("http://[::/healthz"), [400]],
	["a second host in the path", get("//other.example/healthz"), [404]],
	["a name before an at", get("@other.example/healthz"), [400]],
	["no target", get(""), [400]],
	["dots, which stand for themselves", get("/v1/../healthz"), [404]],
	["escaped dots, too", get("/v1/%2e%2e/healthz"), [404]],
	["half an escape", get("/v1/repos/%zz/%"), [401]],
	["NUL in the path", get("/heal\0thz"), [400]],
	["NUL in a header", get("/healthz", ["X-A: a\0b"]), [400]],
	["a bare carriage return in a header", get("/healthz", ["X-A: a\rX-B: b"]), [400]],
	["a line without a colon", get("/healthz", ["nonsense"]), [400]],
	["a header without a name", get("/healthz", [": x"]), [400]],
	["a name with a space", get("/healthz", ["X Y: x"]), [400]],
	["bytes that are no ASCII in the token", get("/v1/switches", ["Authorization: Bearer \xff\xfe"]), [401]],
	["bytes that are no ASCII in the request's id", get("/healthz", ["X-Request-Id: \xff"]), [200]],
	["two hosts", get("/healthz", ["Host: b"]), [400]],
	["no host", "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", [400]],
	["no version", "GET /healthz\r\n\r\n", [400]],
	["a version to come", "GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n", [400]],
	["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", []],
	["TLS", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", [400]],
	["empty lines before it", `\r\n\r\n${health}`, [200]],
])("[A175] %s is answered in one way", async (_, text, statuses) => {
	expect(statusesIn(await exchange(text))).toEqual(statuses);
});

it.each<[string, string[]]>([
	["HTTP/2 in clear", ["Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"]],
	["nonsense", ["Upgrade: nonsense"]],
	["a WebSocket", ["Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]],
])("[A175] an upgrade to %s of what has none is answered as if nobody had asked", async (_, lines) => {
	const answer = exchange(`GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n${lines.join("\r\n")}\r\n\r\n`, {
		enough: '{"status":"ok"}',
	});
	expect(statusesIn(await answer)).toEqual([200]);
});

it("[A175] a WebSocket without a key, of an unknown version or without a right is not opened", async () => {
	const path = "/v1/repos/acme/web/runs/latest/events";
	const asked = (lines: string[]) =>
		exchange(
			[`GET ${path} HTTP/1.1`, "Host: a", "Connection: Upgrade", "Upgrade: websocket", ...lines, "", ""].join("\r\n"),
			{
				enough: '"requestId"',
			},
		);
	const token = `Authorization: Bearer ${ready.operatorToken}`;
	expect(statusesIn(await asked(["Sec-WebSocket-Version: 13"]))).toEqual([401]);
	expect(statusesIn(await asked([token, "Sec-WebSocket-Version: 13"]))).toEqual([404]);
	expect(statusesIn(await asked([token, "Sec-WebSocket-Version: 99", "Sec-WebSocket-Key: AAAA"]))).toEqual([404]);
});

it("[A175] who asks whether to go on is told to, and who expects something else is answered all the same", async () => {
	const head = (expects: string) =>
		`POST /v1/tokens HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${ready.operatorToken}\r\nConnection: close\r\nExpect: ${expects}\r\nContent-Length: 2\r\n\r\n`;
	const socket = open();
	socket.write(head("100-continue"));
	const [go] = await once(socket, "data");
	expect(String(go)).toMatch(/^HTTP\/1\.1 100 /);
	socket.write("{}");
	expect(statusesIn(await rest(socket))).toEqual([400]);
	expect(statusesIn(await exchange(`${head("nonsense")}{}`))).toEqual([400]);
});

it("[A176] a thousand connections that stay half open, in their heads or in their bodies, hold up nobody", async () => {
	const head = "GET /healthz HTTP/1.1\r\nHost: a\r\nX-";
	const body = post("Content-Length: 100000", "{").slice(0, -health.length);
	const sockets = Array.from({ length: 1_000 }, (_, at) => open(at % 2 === 0 ? head : body));
	try {
		await Promise.all(sockets.map((socket) => (socket.connecting ? once(socket, "connect") : null)));
		const authorization = `Bearer ${ready.operatorToken}`;
		const startedAt = performance.now();
		const made = await fetch(`${ready.url}/v1/repos/acme/web`, { method: "PUT", headers: { authorization } });
		const submitted = await fetch(`${ready.url}/v1/repos/acme/web/runs`, {
			method: "POST",
			headers: { authorization, "content-type": "application/json" },
			body: JSON.stringify({ source: null, jobs: [{ key: "a", run: "true" }] }),
		});
		expect([made.status, submitted.status]).toEqual([200, 201]);
		// An order of magnitude above what it takes: it must not wait for any of them to be given up.
		expect(performance.now() - startedAt).toBeLessThan(8_000);
	} finally {
		for (const socket of sockets) socket.destroy();
	}
});

it("[A174] [A175] [A176] none of it was a fault, and nothing of it is left", async () => {
	const counted = async () => {
		const answer = await fetch(`${ready.url}/readyz`);
		return ((await answer.json()) as { status: string }).status === "ok";
	};
	await until("the server is as well as before", counted);
	expect(child.complaint).not.toMatch(/"event":"fault"|uncaught|panic/i);
});

function open(text?: string): Socket {
	const { hostname, port } = new URL(ready.url);
	const socket = connect(Number(port), hostname).setEncoding("latin1");
	// One that is refused is told so, or hung up on: both are answers.
	socket.on("error", () => undefined);
	if (text !== undefined) socket.write(Buffer.from(text, "latin1"));
	return socket;
}

/** All that is answered until the server hangs up; with `enough`, until that was said. */
async function exchange(text: string, { enough }: { enough?: string } = {}): Promise<string> {
	return rest(open(text), enough);
}

async function rest(socket: Socket, enough?: string): Promise<string> {
	let said = "";
	socket.on("data", (piece) => {
		said += String(piece);
		if (enough !== undefined && said.includes(enough)) socket.destroy();
	});
	if (!socket.destroyed) await once(socket, "close");
	return said;
}

function statusesIn(answers: string): number[] {
	return [...answers.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map(([, status]) => Number(status));
}
