// What many readers of one log cost: a sealed log's beginning is kept near them, an unchanged one is not sent again, and a live
// one has so many viewers and no more.
import { runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { logBlockBytes } from "../../src/domain/limits.ts";
import { seededRandom } from "../../src/testing/random.ts";
import type { LeaseIdentity } from "../../src/contracts/objects/objects.ts";
import { archiveKey, sealedLogOf } from "./archive.ts";
import { forgetCached } from "./archive-cache.ts";
import { bytesOf, closeOf, logOf, noise, sealNow, sha256, startLease, Viewer } from "./log-fixture.ts";
import { logViewersMax } from "../../src/engine/log/log-viewers.ts";

let lease: LeaseIdentity;
let bytes: Uint8Array;

beforeEach(async () => {
	lease = await startLease();
	bytes = noise(seededRandom(31), 3 * logBlockBytes);
});

async function sealed(length: number): Promise<void> {
	bytes = bytes.subarray(0, length);
	await logOf(lease).append(lease, 0, bytes);
	await logOf(lease).close(closeOf(lease, { length }));
	await sealNow(lease);
}

function front(headers: Record<string, string>): Promise<Response> {
	const { owner, repo, job } = lease;
	const url = `https://spillway.test/v1/repos/${owner}/${repo}/jobs/${job}/attempts/1/log`;
	const authorization = `Bearer ${env.SPILLWAY_OPERATOR_TOKEN}`;
	return exports.default.fetch(new Request(url, { headers: { authorization, ...headers } }));
}

describe("a sealed log that many read", () => {
	/** Reads of the archive that each of two readers in one place takes. */
	async function readsOf(from: number, to: number): Promise<number[]> {
		const get = vi.fn(env.ARCHIVE.get.bind(env.ARCHIVE));
		const reads: number[] = [];
		for (let reader = 0; reader < 2; reader++) {
			get.mockClear();
			const work: Promise<unknown>[] = [];
			const edge = { cache: caches.default, later: (put: Promise<unknown>) => void work.push(put) };
			const log = await sealedLogOf({ get } as unknown as R2Bucket, lease, edge);
			expect(await bytesOf(log?.chunks(from, to))).toEqual(bytes.subarray(from, to));
			await Promise.all(work);
			reads.push(get.mock.calls.length);
		}
		return reads;
	}

	it("[L15] costs the archive one read for all of a small one, and of a large one none but the part itself", async () => {
		await sealed(20_000);
		expect(await readsOf(100, 19_000)).toEqual([1, 0]);
		await forgetCached(caches.default, archiveKey(lease));
		expect(await readsOf(0, 20_000)).toEqual([1, 0]);
	});

	it("[L15] that is large costs each reader its part", async () => {
		await sealed(3 * logBlockBytes);
		expect(await readsOf(logBlockBytes - 10, logBlockBytes + 10)).toEqual([2, 1]);
	});

	it("[L11] is not sent again to who has it, and a range only of the one that was begun", async () => {
		await sealed(50_000);
		const etag = `"${sha256(bytes)}"`;
		for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
			const response = await front({ "if-none-match": known });
			expect([response.status, response.headers.get("etag"), await response.text()]).toEqual([304, etag, ""]);
		}
		expect((await front({ "if-none-match": '"other"' })).status).toBe(200);
		const range = "bytes=7-9";
		const part = await front({ range, "if-range": etag });
		expect([part.status, part.headers.get("content-range")]).toEqual([206, "bytes 7-9/50000"]);
		expect(new Uint8Array(await part.arrayBuffer())).toEqual(bytes.subarray(7, 10));
		for (const other of ['"other"', `W/${etag}`]) expect((await front({ range, "if-range": other })).status).toBe(200);
	});
});

describe("a live log that many watch", () => {
	it("[L32] has so many viewers; one more is asked to come later, and finds a place when one has left", async () => {
		await logOf(lease).append(lease, 0, bytes.subarray(0, 10));
		const [first, second] = [await Viewer.watch(lease), await Viewer.watch(lease)];
		await runInDurableObject(logOf(lease), (_, state) => {
			const all = state.getWebSockets.bind(state);
			// As if the first were many.
			state.getWebSockets = (tag) => all(tag).flatMap((socket) => Array(logViewersMax / 2).fill(socket));
		});
		const refused = await watch();
		expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "10"]);
		expect(await refused.json()).toMatchObject({ code: "limit-log-viewers" });
		first.close();
		await first.closed();
		await vi.waitUntil(async () => (await watch()).status === 101, { interval: 5, timeout: 10_000 });
		second.close();
	});

	function watch(): Promise<Response> {
		const { owner, repo, job } = lease;
		const url = `https://spillway.test/v1/repos/${owner}/${repo}/jobs/${job}/attempts/1/log/live`;
		const headers = { authorization: `Bearer ${env.SPILLWAY_OPERATOR_TOKEN}`, upgrade: "websocket" };
		return exports.default.fetch(new Request(url, { headers }));
	}
});
