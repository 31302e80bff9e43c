// A log whose server is killed, its runtime too, while it is uploaded and watched: what was acknowledged is there, and in the end
// viewers, ranges and archive have exactly what was printed.
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Child, Ready } from "../scripts/child.ts";
import { startServer } from "../scripts/child.ts";
import { outputBytes } from "../src/contracts/wire/log-output.ts";
import type { LogMessage } from "../src/contracts/http/streams/log-stream.ts";
import type { Grant, Registered } from "../src/contracts/http/runner.ts";
import { seededRandom } from "../src/testing/random.ts";

const kills = 3;
/** Before a viewer whose server is gone looks for the next one. */
const lookAgainMs = 50;

let data: string;
let children: Child[];
let ready: Ready;

beforeEach(async () => {
	data = join(await mkdtemp(join(tmpdir(), "spillway-log-kill-")), "data");
	children = [];
	await start();
});

afterEach(async () => {
	for (const child of children) await child.stop();
	await rm(join(data, ".."), { recursive: true });
});

async function start(): Promise<void> {
	const server = await startServer(data, {});
	children.push(server.child);
	ready = server.ready;
}

async function killAndStart(): Promise<void> {
	const workerd = Number(await readFile(join(data, "workerd-pid"), "utf8"));
	const server = children.at(-1);
	server?.process.kill("SIGKILL");
	process.kill(workerd, "SIGKILL");
	await server?.end();
	await start();
}

function call(
	method: string,
	path: string,
	options: { token?: string; body?: object | Uint8Array; headers?: object } = {},
) {
	const { token = ready.operatorToken, body, headers = {} } = options;
	const isBytes = body instanceof Uint8Array;
	return fetch(`${ready.url}${path}`, {
		method,
		headers: {
			authorization: `Bearer ${token}`,
			"content-type": isBytes ? "application/octet-stream" : "application/json",
			...headers,
		},
		...(body === undefined ? {} : { body: isBytes ? new Uint8Array(body) : JSON.stringify(body) }),
	});
}

async function json<T>(method: string, path: string, options: Parameters<typeof call>[2] = {}): Promise<T> {
	const answer = await call(method, path, options);
	expect(answer.ok, `${method} ${path}: ${answer.status}`).toBe(true);
	return (await answer.json()) as T;
}

/** A job that runs, as far as the server knows. */
async function begin(): Promise<Grant> {
	await json("PUT", "/v1/repos/acme/web", { body: {} });
	await json("POST", "/v1/repos/acme/web/runs", { body: { jobs: [{ key: "build", run: "true" }] } });
	const { token } = await json<Registered>("POST", "/v1/pools/acme/default/runners", { body: { name: "one" } });
	const grant = await json<Grant>("POST", "/v1/runner/acquire", { token, body: { waitSeconds: 20 } });
	await json("POST", "/v1/lease/start", { token: grant.lease.token, body: {} });
	return grant;
}

/** All messages' bytes from the beginning, whatever happens to the server meanwhile. */
async function watch(path: string, length: number): Promise<Uint8Array> {
	const shown = new Uint8Array(length);
	for (let at = 0; ; await sleep(lookAgainMs)) {
		const text = await call("GET", `${path}/live`, { headers: { "last-event-id": String(at) } })
			.then(textUntilCut)
			.catch(() => "");
		for (const [, event] of text.matchAll(/^data: (.*)\n\n/gm)) {
			const message = JSON.parse(event ?? "") as LogMessage;
			if (message.type === "end") return shown.subarray(0, at);
			if (message.type !== "output") continue;
			expect(message.offset).toBe(at);
			shown.set(outputBytes(message), at);
			at = message.next;
		}
	}
}

async function textUntilCut({ body }: Response): Promise<string> {
	let text = "";
	const decoder = new TextDecoder();
	try {
		for await (const chunk of body ?? []) text += decoder.decode(chunk, { stream: true });
	} catch {
		// The server was killed: what came counts.
	}
	return text;
}

it("[L16][L25] what was acknowledged survives kill -9, and nobody sees another log than what was printed", async () => {
	const random = seededRandom(77);
	const bytes = Uint8Array.from({ length: 1_500_000 }, () => random.below(256));
	const grant = await begin();
	const path = `/v1/repos/acme/web/jobs/${grant.job.id}/attempts/1/log`;
	const { token } = grant.lease;
	const viewers = [watch(path, bytes.length), watch(path, bytes.length)];
	let stored = 0;
	for (let killed = 0; stored < bytes.length; ) {
		const to = Math.min(bytes.length, stored + 1 + random.below(200_000));
		const sent = call("PATCH", "/v1/lease/log", {
			token,
			body: bytes.slice(stored, to),
			headers: { "upload-offset": String(stored) },
		}).catch(() => null);
		if (killed < kills && stored > (bytes.length * (killed + 1)) / (kills + 2)) {
			killed++;
			// The append is on its way: it may be taken or not, and what was acknowledged before is there.
			await killAndStart();
		}
		const answer = await sent;
		if (answer !== null) expect(answer.status).toBe(204);
		const acknowledged = Number(answer?.headers.get("upload-offset") ?? stored);
		const probe = await call("PATCH", "/v1/lease/log", {
			token,
			body: new Uint8Array(0),
			headers: { "upload-offset": String(stored) },
		});
		stored = Number(probe.headers.get("upload-offset"));
		expect(stored).toBeGreaterThanOrEqual(acknowledged);
	}
	const logSha256 = createHash("sha256").update(bytes).digest("hex");
	await json("POST", "/v1/lease/finish", {
		token,
		body: { outcome: "passed", exitCode: 0, logLength: bytes.length, logSha256 },
	});
	for (const shown of await Promise.all(viewers)) expect(Buffer.compare(shown, bytes)).toBe(0);
	const whole = await call("GET", path);
	expect(whole.headers.get("etag")).toBe(`"${logSha256}"`);
	expect(Buffer.compare(new Uint8Array(await whole.arrayBuffer()), bytes)).toBe(0);
	const part = await call("GET", path, { headers: { range: "bytes=700000-700099" } });
	expect(new Uint8Array(await part.arrayBuffer())).toEqual(bytes.slice(700_000, 700_100));
});
