// The log is exact: random bytes, cut anywhere, resent, doubled and sent with gaps, over both transports in turn, before the end
// was told and after, the object put to sleep in between with its sockets or without; and every viewer (some leave and come
// back), every range and tail, read while the log grows and while it moves, and the archive have what was printed.
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Buffer } from "node:buffer";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { outputBytes } from "../../src/contracts/wire/log-output.ts";
import type { LogMessage } from "../../src/contracts/http/streams/log-stream.ts";
import type { Grant } from "../../src/contracts/http/runner.ts";
import type { SeededRandom } from "../../src/testing/random.ts";
import { seededRandom } from "../../src/testing/random.ts";
import type { Place } from "../api/api-fixture.ts";
import { append, aRepo, fetchRaw, finish, job, running, submit } from "../api/api-fixture.ts";
import {
	archivedBytes,
	eventually,
	Uploader,
	joined,
	logOf,
	noise,
	sealNow,
	sha256,
	someLog,
	Viewer,
} from "./log-fixture.ts";

/** As many as run in about ten seconds on an idle machine. Others: `LOG_PROOF_SEEDS=1000-1999`, or one that is told when it fails. */
const seedsDefault = "401-420";
const seeds = seedsOf((env as { LOG_PROOF_SEEDS?: string }).LOG_PROOF_SEEDS || seedsDefault);
const seedsAtOnce = 10;
const lengthMax = 700_000;
const lineBreak = 0x0a;

class Attempt {
	readonly grant: Grant;
	readonly bytes: Uint8Array;
	readonly path: string;
	readonly name: { owner: string; repo: string; job: string; attempt: number };
	readonly #random: SeededRandom;
	/** Bytes that the server said it has for good. */
	stored = 0;
	#uploader: Uploader | null = null;

	constructor(place: Place, grant: Grant, random: SeededRandom) {
		this.grant = grant;
		this.#random = random;
		const length = 1 + random.below(lengthMax);
		this.bytes = random.chance(0.5) ? noise(random, length) : someLog(random, length);
		this.path = `${place.path}/jobs/${grant.job.id}/attempts/1/log`;
		this.name = { owner: place.owner, repo: place.repo, job: grant.job.id, attempt: 1 };
	}

	/** Some part of the log that begins where the server is, or before, or (a gap) behind. */
	async print(): Promise<void> {
		const random = this.#random;
		const from = random.chance(0.1) ? this.stored + 1 : Math.max(0, this.stored - random.below(3_000));
		const to = Math.min(this.bytes.length, from + Math.ceil(random() ** 4 * 300_000));
		if (from >= to) return;
		const expected = from > this.stored ? this.stored : Math.max(this.stored, to);
		const isBySocket = random.chance(0.5);
		const length = isBySocket ? await this.#send(from, to, expected) : await this.#post(from, to);
		if (length === null) return;
		expect(length).toBe(expected);
		this.stored = length;
	}

	/**
	 * Acknowledgements also come unasked, and twice for what was sent twice: those are passed over. Null when the socket was cut:
	 * whether the bytes were taken is told by the next one.
	 */
	async #send(from: number, to: number, expected: number): Promise<number | null> {
		const uploader = this.#uploader ?? (await this.#open());
		this.#uploader = uploader;
		for (let frames = this.#random.chance(0.2) ? 2 : 1; frames > 0; frames--) {
			uploader.send(from, this.bytes.subarray(from, to));
		}
		for (;;) {
			const acknowledged = await uploader.next();
			if (acknowledged === null) this.#uploader = null;
			if (acknowledged === null) return null;
			if (acknowledged.length >= expected) return acknowledged.length;
		}
	}

	async #open(): Promise<Uploader> {
		const call = { token: this.grant.lease.token, headers: { upgrade: "websocket" } };
		const uploader = new Uploader(await fetchRaw("GET", "/v1/lease/log/feed", call));
		this.stored = (await uploader.acknowledged()).length;
		return uploader;
	}

	async #post(from: number, to: number): Promise<number> {
		const { headers } = await append(this.grant, from, this.bytes.slice(from, to));
		return Number(headers.get("upload-offset"));
	}

	async sleep(): Promise<void> {
		const webSockets = this.#random.chance(0.5) ? "close" : "hibernate";
		await evictDurableObject(logOf(this.name), { webSockets }).catch(() => undefined);
		if (webSockets === "close") this.#uploader = null;
	}

	/** Whatever the log is while it is read, a part of it is that part of what was printed. */
	async checkPart(): Promise<void> {
		const random = this.#random;
		const [kind, stored] = [random.below(4), this.stored];
		if (kind === 0) return this.checkRange(stored);
		if (kind === 1) return this.#checkTail(1 + random.below(40));
		const suffix = 1 + random.below(100_000);
		const response = await fetchRaw("GET", this.path, kind === 2 ? {} : { headers: { range: `bytes=-${suffix}` } });
		if (response.status === 416) return expect(stored).toBe(0);
		expect(response.status).toBe(kind === 2 ? 200 : 206);
		const read = new Uint8Array(await response.arrayBuffer());
		const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get("content-range") ?? "");
		const from = range ? Number(range[1]) : 0;
		expect(from + read.length).toBeGreaterThanOrEqual(stored);
		expect(same(read, this.bytes.subarray(from, from + read.length))).toBe(true);
	}

	async #checkTail(lines: number): Promise<void> {
		const response = await fetchRaw("GET", `${this.path}?tail=${lines}`);
		const from = Number(response.headers.get("log-offset"));
		const read = new Uint8Array(await response.arrayBuffer());
		expect(same(read, this.bytes.subarray(from, from + read.length))).toBe(true);
		const isStart = from === 0 || this.bytes[from - 1] === lineBreak;
		const breaks = read.subarray(0, -1).filter((byte) => byte === lineBreak).length;
		expect([isStart, from === 0 ? Math.min(breaks, lines - 1) : breaks]).toEqual([
			true,
			from === 0 ? breaks : lines - 1,
		]);
	}

	async checkRange(length: number): Promise<void> {
		if (length === 0) return;
		const from = this.#random.below(length);
		const to = from + 1 + this.#random.below(length - from);
		const response = await fetchRaw("GET", this.path, { headers: { range: `bytes=${from}-${to - 1}` } });
		expect(response.status).toBe(206);
		expect(same(new Uint8Array(await response.arrayBuffer()), this.bytes.subarray(from, to))).toBe(true);
	}

	/** All from `from` to the end, over a socket that is opened again by offset whenever it is cut, or left. */
	async watchSocket(from: number, leavesAfter: readonly number[] = []): Promise<void> {
		const leaves = [...leavesAfter];
		for (let at = from; ; ) {
			const viewer = Viewer.of(
				await fetchRaw("GET", `${this.path}/live?from=${at}`, { headers: { upgrade: "websocket" } }),
			);
			const messages = leaves.shift() ?? Number.POSITIVE_INFINITY;
			await viewer.until(() => viewer.closeCode !== null || viewer.messages.length >= messages);
			if (viewer.closeCode === null) viewer.close();
			const seen = viewer.bytes(at);
			expect(same(seen, this.bytes.subarray(at, at + seen.length))).toBe(true);
			at += seen.length;
			if (viewer.end === undefined) continue;
			expect([at, viewer.end.length, viewer.end.sha256]).toEqual([this.bytes.length, at, sha256(this.bytes)]);
			return;
		}
	}

	/** The same over server-sent events. */
	async watchEvents(from: number): Promise<void> {
		for (let at = from; ; ) {
			const response = await fetchRaw("GET", `${this.path}/live`, { headers: { "last-event-id": String(at) } });
			const messages = await messagesOf(response);
			const seen = joined(messages.flatMap((message) => (message.type === "output" ? [outputBytes(message)] : [])));
			expect(same(seen, this.bytes.subarray(at, at + seen.length))).toBe(true);
			at += seen.length;
			if (messages.at(-1)?.type !== "end") continue;
			expect(at).toBe(this.bytes.length);
			return;
		}
	}
}

/** Many times faster than `toEqual`, which would compare property by property. */
function same(a: Uint8Array, b: Uint8Array): boolean {
	return a.length === b.length && Buffer.compare(a, b) === 0;
}

async function messagesOf(response: Response): Promise<LogMessage[]> {
	const text = await response.text();
	// The event `complete`, which is the last of a whole stream, has no id.
	return [...text.matchAll(/^id: .*\ndata: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? ""));
}

async function prove(seed: number): Promise<void> {
	const random = seededRandom(seed);
	const place = await aRepo();
	await submit(place, [job("build")]);
	const attempt = new Attempt(place, await running(place), random);
	const others: Promise<void>[] = [];
	// Sometimes the end is told while bytes are still to come.
	const toldAt = random.chance(0.5) ? attempt.bytes.length : random.below(attempt.bytes.length);
	let isTold = false;
	for (let viewers = 0; !isTold || attempt.stored < attempt.bytes.length; ) {
		if (!isTold && attempt.stored >= toldAt) {
			isTold = true;
			const told = { logLength: attempt.bytes.length, logSha256: sha256(attempt.bytes) };
			expect((await finish(attempt.grant, "passed", told)).status).toBe(200);
		}
		await attempt.print();
		if (viewers < 6 && random.chance(0.4)) {
			viewers++;
			const from = random.below(attempt.stored + 1);
			const leavesAfter = random.chance(0.5) ? [1 + random.below(4), 1 + random.below(4)] : [];
			others.push(random.chance(0.6) ? attempt.watchSocket(from, leavesAfter) : attempt.watchEvents(from));
		}
		if (random.chance(0.15)) await attempt.sleep();
		// Some are still reading when the log moves.
		if (random.chance(0.3)) others.push(attempt.checkPart());
		if (random.chance(0.2)) await attempt.checkPart();
	}
	await eventually(async () => (await logOf(attempt.name).status())?.record.state !== "live");
	for (let readers = 0; readers < 3; readers++) others.push(attempt.checkPart());
	await sealNow(attempt.name);
	await Promise.all(others);
	for (let round = 0; round < 8; round++) await attempt.checkPart();
	expect(same(new Uint8Array(gunzipSync(await archivedBytes(attempt.name))), attempt.bytes)).toBe(true);
	await attempt.watchSocket(0);
}

function seedsOf(range: string): number[] {
	const [first = Number.NaN, last = first] = range.split("-").map(Number);
	return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}

const parts = Array.from({ length: Math.ceil(seeds.length / seedsAtOnce) }, (_, at) =>
	seeds.slice(at * seedsAtOnce, (at + 1) * seedsAtOnce),
);

describe("proof", () => {
	it.each(parts.map((part) => ({ part, first: part[0] })))(
		"[L16][L25] every viewer, every range and the archive have exactly what was printed, however it came (seeds from $first)",
		async ({ part }) => {
			for (const seed of part) {
				await prove(seed).catch((cause: unknown) => {
					throw new Error(`seed ${seed}: ${String(cause)}`, { cause });
				});
			}
		},
		60_000,
	);
});
