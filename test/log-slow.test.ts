// A viewer that stops reading its connection while a job prints: it costs the server little, holds up nobody, and is told to
// come back. Over a plain TCP socket, since no client that speaks WebSocket can be made not to read.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Child, Ready } from "../scripts/child.ts";
import { startServer } from "../scripts/child.ts";
import { outputBytes } from "../src/contracts/wire/log-output.ts";
import type { LogMessage } from "../src/contracts/http/streams/log-stream.ts";
import type { Grant, Registered } from "../src/contracts/http/runner.ts";

const megabyte = 1024 * 1024;
const logMegabytes = 48;
/** What lies on the way to a reader: the kernel's buffers on both sides, and what the server holds for it. */
const onTheWayMax = 16 * megabyte;

let folder: string;
let server: Child;
let ready: Ready;

beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), "spillway-log-slow-"));
	const started = await startServer(join(folder, "data"), {});
	({ child: server, ready } = started);
});

afterEach(async () => {
	await server.stop();
	await rm(folder, { recursive: true });
});

async function call(method: string, path: string, { token = ready.operatorToken, body = null as object | null } = {}) {
	const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
	const answer = await fetch(`${ready.url}${path}`, {
		method,
		headers,
		...(body ? { body: JSON.stringify(body) } : {}),
	});
	expect(answer.ok, `${method} ${path}: ${answer.status}`).toBe(true);
	return answer;
}

async function begin(): Promise<Grant> {
	await call("PUT", "/v1/repos/acme/web", { body: {} });
	await call("POST", "/v1/repos/acme/web/runs", { body: { jobs: [{ key: "build", run: "true" }] } });
	const registered = await call("POST", "/v1/pools/acme/default/runners", { body: { name: "one" } });
	const { token } = (await registered.json()) as Registered;
	const grant = (await (
		await call("POST", "/v1/runner/acquire", { token, body: { waitSeconds: 20 } })
	).json()) as Grant;
	await call("POST", "/v1/lease/start", { token: grant.lease.token, body: {} });
	return grant;
}

async function append(grant: Grant, offset: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
	const headers = { authorization: `Bearer ${grant.lease.token}`, "upload-offset": String(offset) };
	const answer = await fetch(`${ready.url}/v1/lease/log`, { method: "PATCH", headers, body: bytes });
	expect(answer.status).toBe(204);
}

/** A viewer's end of a WebSocket, by hand: frames of the server have no mask, and only the last is not text. */
class RawViewer {
	readonly #socket: Socket;
	#held = Buffer.alloc(0);
	readonly parts: Uint8Array[] = [];
	length = 0;
	closeCode: number | null = null;
	#news: () => void = () => undefined;

	constructor(socket: Socket) {
		this.#socket = socket;
		socket.on("data", (data) => this.#take(data));
	}

	static async watch(path: string, isReading: boolean): Promise<RawViewer> {
		const { hostname, port, host } = new URL(ready.url);
		const socket = connect(Number(port), hostname);
		const lines = [
			`GET ${path} HTTP/1.1`,
			`Host: ${host}`,
			`Authorization: Bearer ${ready.operatorToken}`,
			...["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"],
			...["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", ""],
		];
		socket.write(lines.join("\r\n"));
		const [head] = (await once(socket, "data")) as [Buffer];
		expect(head.toString("latin1")).toMatch(/^HTTP\/1.1 101 /);
		if (!isReading) socket.pause();
		const viewer = new RawViewer(socket);
		if (!isReading) socket.pause();
		viewer.#take(head.subarray(head.indexOf("\r\n\r\n") + 4));
		return viewer;
	}

	read(): void {
		this.#socket.resume();
	}

	leave(): void {
		this.#socket.destroy();
	}

	async until(holds: () => boolean): Promise<void> {
		while (!holds()) {
			await new Promise<void>((resolve) => {
				this.#news = resolve;
			});
		}
	}

	#take(data: Buffer): void {
		this.#held = Buffer.concat([this.#held, data]);
		for (let frame = this.#next(); frame !== null; frame = this.#next()) {
			if (frame.opcode === 8) this.closeCode = frame.payload.readUInt16BE(0);
			else this.#show(JSON.parse(frame.payload.toString()) as LogMessage);
		}
		this.#news();
	}

	#show(message: LogMessage): void {
		if (message.type !== "output") return;
		expect(message.offset).toBe(this.length);
		this.parts.push(outputBytes(message));
		this.length = message.next;
	}

	/** RFC 6455, 5.2. */
	#next(): { opcode: number; payload: Buffer } | null {
		const held = this.#held;
		if (held.length < 2) return null;
		const short = held.readUInt8(1) & 0x7f;
		const head = short === 127 ? 10 : short === 126 ? 4 : 2;
		if (held.length < head) return null;
		const size = short === 127 ? Number(held.readBigUInt64BE(2)) : short === 126 ? held.readUInt16BE(2) : short;
		if (held.length < head + size) return null;
		this.#held = held.subarray(head + size);
		return { opcode: held.readUInt8(0) & 0x0f, payload: held.subarray(head, head + size) };
	}
}

it("[L31] a viewer that stops reading holds up nobody, is dropped with 4008 at the end, and comes back by offset", async () => {
	const line = "compiling src/main.ts: warning, unused value\n";
	const chunk = Buffer.from(line.repeat(Math.ceil(megabyte / line.length))).subarray(0, megabyte);
	const log = Buffer.concat(Array.from({ length: logMegabytes }, () => chunk));
	const grant = await begin();
	const path = `/v1/repos/acme/web/jobs/${grant.job.id}/attempts/1/log`;
	const slow = await RawViewer.watch(`${path}/live`, false);
	const fast = await RawViewer.watch(`${path}/live`, true);
	for (let at = 0; at < log.length; at += chunk.length) await append(grant, at, new Uint8Array(chunk));
	await fast.until(() => fast.length === log.length);
	const logSha256 = createHash("sha256").update(log).digest("hex");
	const body = { outcome: "passed", exitCode: 0, logLength: log.length, logSha256 };
	await call("POST", "/v1/lease/finish", { token: grant.lease.token, body });
	await fast.until(() => fast.closeCode !== null);
	expect(fast.closeCode).toBe(1_000);
	slow.read();
	await slow.until(() => slow.closeCode !== null);
	expect(slow.closeCode).toBe(4_008);
	expect(slow.length).toBeLessThan(onTheWayMax);
	const text = await (await call("GET", `${path}/live?from=${slow.length}`)).text();
	const complete = "event: complete\ndata: {}\n\n";
	expect(text.endsWith(complete)).toBe(true);
	const rest = [...text.slice(0, -complete.length).matchAll(/^data: (.*)$/gm)].map(
		([, data]) => JSON.parse(data ?? "") as LogMessage,
	);
	const seen = [...slow.parts, ...rest.flatMap((message) => (message.type === "output" ? [outputBytes(message)] : []))];
	expect(Buffer.compare(Buffer.concat(seen), log)).toBe(0);
	expect(rest.at(-1)).toMatchObject({ type: "end", sha256: logSha256 });
	for (const viewer of [slow, fast]) viewer.leave();
});
