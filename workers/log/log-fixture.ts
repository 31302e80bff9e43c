// What the tests of logs share: a started lease in a real RepoObject, seeded bytes, and a viewer over a real WebSocket.
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { createHash } from "node:crypto";
import { vi } from "vitest";
import { uploadSocketRequest } from "../../src/contracts/wire/sockets/upload-socket-request.ts";
import { logViewRequest } from "../../src/contracts/wire/sockets/log-view-request.ts";
import { logObjectName, repoObjectName } from "../../src/contracts/wire/object-name.ts";
import type { LogName } from "../../src/contracts/wire/object-name.ts";
import { writeFrame } from "../../src/contracts/wire/sockets/log-frame.ts";
import type { UploadAcknowledgement } from "../../src/contracts/http/streams/upload-acknowledgement.ts";
import { logMessage } from "../../src/contracts/http/streams/log-stream.ts";
import { outputBytes } from "../../src/contracts/wire/log-output.ts";
import type { LogEnd, LogMessage, LogOutput } from "../../src/contracts/http/streams/log-stream.ts";
import type { LeaseIdentity } from "../../src/contracts/objects/objects.ts";
import type { LogClose } from "../../src/contracts/objects/log-calls.ts";
import type { LogChunk } from "../../src/domain/log/log-time.ts";
import { runIdFrom } from "../../src/domain/ids.ts";
import { orThrow } from "../../src/doors/http/answer.ts";
import { archiveKey } from "./archive.ts";
import type { LogObject } from "./log-object.ts";
import type { RepoObject } from "../repo/repo-object.ts";

let started = 0;

/** A job that runs: its lease may write a log. Each is in a repository of its own, named after nothing else. */
export async function startLease(logBytesMax = 8 * 1024 * 1024): Promise<LeaseIdentity> {
	const name = { owner: "acme", repo: `log-${++started}` };
	const repo = repoOf(name);
	orThrow(await repo.configure({ ...name, request: { logBytesMax }, replace: true }));
	const run = runIdFrom(crypto.getRandomValues(new Uint8Array(15)));
	const submission = {
		source: null,
		title: null,
		trigger: "api" as const,
		actor: "test",
		cancelSuperseded: false,
		jobs: [{ key: "build", run: "true" }],
	};
	orThrow(await repo.submit({ run, key: null, digest: "", submission }));
	const runner = { id: "n1", name: "runner" };
	const { grants } = await repo.claim({ runner, pool: "default", shard: 0, labels: [], free: 1 });
	const lease = grants[0]?.claim;
	if (!lease) throw new Error("the job was not granted");
	orThrow(await repo.start(lease));
	return lease;
}

export function repoOf(name: { owner: string; repo: string }): DurableObjectStub<RepoObject> {
	const namespace = env.REPO as DurableObjectNamespace<RepoObject>;
	return namespace.get(namespace.idFromName(repoObjectName(name)));
}

/** A new stub each time: one is broken after its object threw or was evicted. */
export function logOf(name: LogName): DurableObjectStub<LogObject> {
	const namespace = env.LOG as DurableObjectNamespace<LogObject>;
	return namespace.get(namespace.idFromName(logObjectName(name)));
}

export function closeOf(lease: LeaseIdentity, end: Partial<LogClose> & { length: number | null }): LogClose {
	const { owner, repo, job, attempt, epoch } = lease;
	return { owner, repo, job, attempt, epoch, outcome: "passed", sha256: null, retentionDays: 90, ...end };
}

/** Runs the alarm until the object has nothing left; it may also fire by itself meanwhile, which is waited for. */
export async function sealNow(name: LogName): Promise<void> {
	await eventually(async () => {
		await runDurableObjectAlarm(logOf(name));
		return (await logOf(name).status()) === null;
	});
}

/** What others bring about in their own time. */
export async function eventually(holds: () => Promise<boolean>): Promise<void> {
	await vi.waitUntil(holds, { interval: 5, timeout: 10_000 });
}

export async function archivedBytes(name: LogName): Promise<Uint8Array> {
	const object = await env.ARCHIVE.get(archiveKey(name));
	if (object === null) throw new Error("no archive");
	return object.bytes();
}

export function sha256(bytes: Uint8Array): string {
	return createHash("sha256").update(bytes).digest("hex");
}

/** Text like a build's, with characters of every width and now and then a byte that is none. */
export function someLog(random: () => number, length: number): Uint8Array {
	const words = ["ok", "compiling", "größe", "日本語", "🚀", "\u001b[32m", "\n", "\ufeff", "src/main.ts:42"];
	const bytes = new Uint8Array(length + 64);
	let at = 0;
	while (at < length) {
		const word = `${words[Math.floor(random() * words.length)]} `;
		at += new TextEncoder().encodeInto(word, bytes.subarray(at)).written;
		if (random() < 0.002) bytes[at++] = 0x80 + Math.floor(random() * 128);
	}
	return bytes.slice(0, length);
}

/** Bytes that do not compress, so that their archive is as large as they are. */
export function noise(random: () => number, length: number): Uint8Array {
	return Uint8Array.from({ length }, () => random() * 256);
}

/** All bytes of a part of a log. */
export async function bytesOf(chunks: AsyncIterable<LogChunk> | undefined): Promise<Uint8Array> {
	const parts: Uint8Array[] = [];
	for await (const { bytes } of chunks ?? []) parts.push(bytes);
	return joined(parts);
}

export function joined(parts: Uint8Array[]): Uint8Array {
	const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
	let at = 0;
	for (const part of parts) {
		bytes.set(part, at);
		at += part.length;
	}
	return bytes;
}

/** A runner's end of an upload socket. */
export class Uploader {
	readonly socket: WebSocket;
	readonly #acks: UploadAcknowledgement[] = [];
	#closeCode: number | null = null;
	#news: () => void = () => undefined;

	static async open(lease: LeaseIdentity): Promise<Uploader> {
		return new Uploader(await logOf(lease).fetch(uploadSocketRequest(lease)));
	}

	static frame = writeFrame;

	constructor({ webSocket, status }: Response) {
		if (webSocket === null) throw new Error(`no socket: ${status}`);
		this.socket = webSocket;
		webSocket.addEventListener("message", ({ data }) => {
			this.#acks.push(JSON.parse(String(data)));
			this.#news();
		});
		webSocket.addEventListener("close", ({ code }) => {
			this.#closeCode = code;
			this.#news();
		});
		webSocket.accept();
	}

	send(offset: number, bytes: Uint8Array): void {
		this.socket.send(writeFrame(offset, bytes));
	}

	/** The next acknowledgement; null when the socket closes before it. */
	async next(): Promise<UploadAcknowledgement | null> {
		while (this.#acks.length === 0 && this.#closeCode === null) await this.#wait();
		return this.#acks.shift() ?? null;
	}

	async acknowledged(): Promise<UploadAcknowledgement> {
		const next = await this.next();
		if (next === null) throw new Error(`closed with ${this.#closeCode}`);
		return next;
	}

	async closed(): Promise<number> {
		for (;;) {
			if (this.#closeCode !== null) return this.#closeCode;
			await this.#wait();
		}
	}

	#wait(): Promise<void> {
		return new Promise((resolve) => {
			this.#news = resolve;
		});
	}
}

export class Viewer {
	readonly messages: LogMessage[] = [];
	closeCode: number | null = null;
	readonly #socket: WebSocket;
	#news: () => void = () => undefined;

	static async watch(name: LogName, from = 0, begun = false): Promise<Viewer> {
		const response = await logOf(name).fetch(logViewRequest({ from, hasBegun: begun, rests: [] }));
		return Viewer.of(response);
	}

	static of(response: Response): Viewer {
		if (response.webSocket === null) throw new Error(`no socket: ${response.status}`);
		return new Viewer(response.webSocket);
	}

	constructor(socket: WebSocket) {
		this.#socket = socket;
		socket.addEventListener("message", ({ data }) => {
			this.messages.push(logMessage.parse(JSON.parse(String(data))));
			this.#news();
		});
		socket.addEventListener("close", ({ code }) => {
			this.closeCode = code;
			this.#news();
		});
		socket.accept();
	}

	close(): void {
		this.#socket.close(1_000);
	}

	get outputs(): LogOutput[] {
		return this.messages.filter((message) => message.type === "output");
	}

	get end(): LogEnd | undefined {
		return this.messages.find((message) => message.type === "end");
	}

	/** What came, in order; throws where a message does not begin at the end of the one before. */
	bytes(from = 0): Uint8Array {
		let at = from;
		const parts = this.outputs.map((message) => {
			const bytes = outputBytes(message);
			if (message.offset !== at || message.next !== at + bytes.length) throw new Error(`a seam at ${at}`);
			at = message.next;
			return bytes;
		});
		return joined(parts);
	}

	async until(holds: () => boolean): Promise<void> {
		while (!holds()) {
			await new Promise<void>((resolve) => {
				this.#news = resolve;
			});
		}
	}

	reached(offset: number): Promise<void> {
		return this.until(() => (this.outputs.at(-1)?.next ?? 0) >= offset);
	}

	closed(): Promise<void> {
		return this.until(() => this.closeCode !== null);
	}
}
