// The front door of `npm start`'s server: what comes early, what names no host, and odd methods.
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, connect } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Child } from "../scripts/child.ts";
import { startServer } from "../scripts/child.ts";
import { until } from "./fixture-until.ts";

let folder: string;
let child: Child | null;
beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), "spillway-door-"));
	child = null;
});
afterEach(async () => {
	await child?.stop();
	await rm(folder, { recursive: true });
});

it("[X46] who calls before a new server has its tables waits, and then is answered as ever", async () => {
	const operatorToken = "spw_operator_of-the-door-test";
	const port = await freePort();
	const starting = startServer(join(folder, "data"), { port, environment: { SPILLWAY_OPERATOR_TOKEN: operatorToken } });
	let early: Response | null = null;
	await until("the port takes a call", async () => {
		early = await fetch(`http://127.0.0.1:${port}/v1/tokens`, {
			method: "POST",
			headers: { authorization: `Bearer ${operatorToken}`, "content-type": "application/json" },
			body: JSON.stringify({ owner: "acme", name: "early", scopes: ["read"] }),
		}).catch(() => null);
		return early !== null;
	});
	child = (await starting).child;
	expect((early as Response | null)?.status).toBe(201);
	expect(child.complaint).not.toMatch(/dependency-down|ends-unknown|outage/);
});

it("[F17] a request whose Host names no host is refused with that name, whatever it asks for", async () => {
	const server = await startServer(join(folder, "data"));
	child = server.child;
	const { url, operatorToken } = server.ready;
	const register = (host: string) =>
		statusLine(url, [
			"POST /v1/pools/acme/default/runners HTTP/1.1",
			`Host: ${host}`,
			`Authorization: Bearer ${operatorToken}`,
			"Content-Length: 12",
			"Connection: close",
			"",
			'{"name":"x"}',
		]);
	for (const host of ["x y", "a, b", "[", "a:99999999", "a:99999", "%", "x@y", "a/b", "a?b#c", "a\\b"]) {
		expect([host, await register(host)]).toEqual([host, "HTTP/1.1 400 Bad Request"]);
	}
	for (const host of ["spillway.example", "127.0.0.1:8787", "[::1]:8787", "A_b.example:80"]) {
		expect([host, await register(host)]).toEqual([host, "HTTP/1.1 201 Created"]);
	}
});

it("[F18] a body that breaks off or is chunked wrongly is no fault, of whoever sends it", async () => {
	const server = await startServer(join(folder, "data"));
	child = server.child;
	const { url, operatorToken } = server.ready;
	const token = `Authorization: Bearer ${operatorToken}`;
	const post = ["POST /v1/tokens HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"];
	// Nobody's body is read before it is known whose it is.
	for (const [line, answer] of [
		[token, "400 Bad Request"],
		["X-Nobody: at all", "401 Unauthorized"],
	] as const) {
		const chunked = (chunks: string[]) => [...post, line, "Transfer-Encoding: chunked", "", ...chunks, "", ""];
		expect(await statusLine(url, chunked(["ZZ", "{}", "0"]))).toBe(`HTTP/1.1 ${answer}`);
		expect(await statusLine(url, chunked(["FFFFFFFFFFFFFFFFF", "{}", "0"]))).toBe(`HTTP/1.1 ${answer}`);
		await breakOff(url, [...post, line, "Content-Length: 100", "", "{"]);
		await breakOff(url, [...post, line, "Transfer-Encoding: chunked", "", "10", "{"]);
	}
	// Answered after what came before it: by then each of these has ended in one way or another.
	const repeated = await fetch(`${url}/v1/tokens?owner=acme`, {
		headers: { authorization: `Bearer ${operatorToken}` },
	});
	expect(repeated.status).toBe(200);
	await child.stop();
	expect(child.complaint).not.toMatch(/fault/);
});

it("[F19] CONNECT opens no tunnel and is no fault, and odd methods and targets are refused or served as their path", async () => {
	const server = await startServer(join(folder, "data"));
	child = server.child;
	const { url } = server.ready;
	for (const target of ["example.com:443", "127.0.0.1:1", "miniflare-unsafe-internal-capnp-connect"]) {
		const said = await exchange(url, [`CONNECT ${target} HTTP/1.1`, `Host: ${target}`, "", "GET / HTTP/1.1", "", ""]);
		expect(said.replace(/^Host:.*\r\n/m, "")).toBe("HTTP/1.1 200 OK\r\n\r\n");
	}
	for (const [line, answer] of [
		["TRACE /v1/repos", "405 Method Not Allowed"],
		["PROPFIND /healthz", "405 Method Not Allowed"],
		["OPTIONS /v1/repos", "405 Method Not Allowed"],
		["get /healthz", "501 Not Implemented"],
		["NONSENSE /healthz", "501 Not Implemented"],
		["OPTIONS *", "404 Not Found"],
		["GET *", "404 Not Found"],
		["GET http://other.example/healthz", "200 OK"],
	] as const) {
		const head = [`${line} HTTP/1.1`, "Host: 127.0.0.1", "Connection: close", "", ""];
		expect([line, await statusLine(url, head)]).toEqual([line, `HTTP/1.1 ${answer}`]);
	}
	await child.stop();
	expect(child.complaint).not.toMatch(/error|handler|fault/);
});

async function freePort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as AddressInfo;
	await new Promise((resolve) => server.close(resolve));
	return port;
}

/** Hangs up in the middle of a body that somebody waits for. */
async function breakOff(url: string, lines: string[]): Promise<void> {
	const { hostname, port } = new URL(url);
	const socket = connect(Number(port), hostname);
	await new Promise((resolve) => socket.write(lines.join("\r\n"), resolve));
	socket.end();
	for await (const _ of socket.resume());
}

/** The answer to a request as it stands: no client of Node's would send these. */
async function exchange(url: string, lines: string[]): Promise<string> {
	const { hostname, port } = new URL(url);
	const socket = connect(Number(port), hostname);
	socket.setEncoding("latin1");
	socket.write(lines.join("\r\n"));
	let answer = "";
	for await (const text of socket) answer += String(text);
	return answer;
}

async function statusLine(url: string, lines: string[]): Promise<string> {
	return (await exchange(url, lines)).split("\r\n")[0] ?? "";
}
