// The seams between object and archive, each forced where it is hardest to hit with real ones.
import { describe, expect, it } from "vitest";
import { outputBytes, outputMessage } from "../../contracts/wire/log-output.ts";
import type { LogMessage } from "../../contracts/http/streams/log-stream.ts";
import { jobIdFrom, runIdFrom } from "../../domain/ids.ts";
import { cutFrame } from "../../domain/log/log-frame.ts";
import { jobLogMessages, logMessages } from "./log-messages.ts";
import { logChunks } from "./log-source.ts";
import type { Ports, SealedLog } from "../ports.ts";

const name = { owner: "acme", repo: "web", job: "jaaaaaaaaaaaaaaaaaaaaaaaa-0", attempt: 1 };
const bytes = new TextEncoder().encode("grüße 🚀 from a log that moves while it is read");

/** A log that is in its object for the first `calls` calls, and in the archive from then on. */
function movingAfter(calls: number, followed: number): Partial<Ports> {
	let left = calls;
	const isHere = () => left-- > 0;
	const record = { state: "sealed" as const, length: bytes.length, sha256: "aa", missing: [] };
	const sealed: SealedLog = {
		record,
		length: bytes.length,
		outcome: "passed",
		async *chunks(from, to) {
			yield { bytes: bytes.slice(from, to), times: [] };
		},
	};
	const log = {
		status: async () => (isHere() ? { record, length: 20, outcome: null, steps: [] } : null),
		read: async ({ from, to }: { from: number; to: number }) =>
			isHere() ? { bytes: bytes.slice(from, Math.min(to, from + 7, 20)), times: [] } : null,
	};
	async function* messages(from: number): AsyncGenerator<LogMessage> {
		const part = bytes.subarray(from, followed);
		const frame = cutFrame(part, false);
		if (frame) yield outputMessage(from, frame, part);
	}
	const job = async () => ({ ok: true, value: { attempts: [{ number: 1, outcome: "passed", log: record }] } });
	return {
		repo: () => ({ job }) as unknown as ReturnType<Ports["repo"]>,
		log: () => log as unknown as ReturnType<Ports["log"]>,
		sealedLog: async () => (left > 0 ? null : sealed),
		followLog: async ({ from }) => (isHere() ? messages(from) : null),
	};
}

describe("a log that is sealed while it is read", () => {
	for (let calls = 0; calls < 8; calls++) {
		it(`[L16] messages have no seam, the archive taking over after ${calls} calls`, async () => {
			const services = movingAfter(calls, 31) as Ports;
			const shown: number[] = [];
			let end: LogMessage | undefined;
			const gone = new AbortController().signal;
			for await (const message of logMessages(services, name, { from: 2, gone, pause: async () => undefined })) {
				if (message.type === "end") end = message;
				else {
					expect(message.offset).toBe(2 + shown.length);
					shown.push(...outputBytes(message));
				}
			}
			expect(shown).toEqual([...bytes.subarray(2)]);
			expect(end).toEqual({ type: "end", length: bytes.length, sha256: "aa", outcome: "passed", state: "sealed" });
		});
	}

	it("[L11] a range begun in the object goes on in the archive", async () => {
		const read: number[] = [];
		const services = movingAfter(2, 0) as Ports;
		for await (const chunk of logChunks(services, name, { from: 3, to: 30, sealed: null })) read.push(...chunk.bytes);
		expect(read).toEqual([...bytes.subarray(3, 30)]);
	});
});

/** A job that waits, whose run's feed says what is pushed, and whose looks are counted. */
function waitingJob() {
	const job = jobIdFrom(runIdFrom(new Uint8Array(15)), 0);
	const seen = {
		looks: 0,
		started: false,
		feeds: 0,
		heard: 0,
		hasFeed: true,
		say: (_: object) => {},
		left: () => false,
	};
	async function* events(gone: AbortSignal) {
		const said: string[] = [];
		let tell = () => {};
		seen.say = (event) => {
			said.push(JSON.stringify(event));
			tell();
		};
		seen.left = () => gone.aborted;
		gone.addEventListener("abort", () => tell());
		while (!gone.aborted) {
			const next = said.shift();
			if (next !== undefined) {
				yield next;
				seen.heard++;
			} else await new Promise<void>((resolve) => (tell = resolve));
		}
	}

	const services = {
		...movingAfter(0, 0),
		repo: () => ({
			job: async () => {
				seen.looks++;
				const log = { state: "sealed", length: 0, sha256: null, missing: [] };
				const attempts = seen.started ? [{ number: 1, outcome: "passed", log }] : [];
				return { ok: true, value: { state: seen.started ? "finished" : "waiting", attempts } };
			},
		}),
		followRun: async () => {
			seen.feeds++;
			return seen.hasFeed ? { ok: true, value: events } : { ok: false, refusal: { code: "run-watchers-max" } };
		},
	};
	return { seen, services: services as unknown as Ports, place: { owner: "acme", repo: "web", job } };
}

/** Ends only with what makes it moot. */
const forEver = (_: number, gone: AbortSignal) =>
	new Promise<void>((resolve) => gone.addEventListener("abort", () => resolve(), { once: true }));

describe("a job that is followed before it starts", () => {
	it("[L19] its attempt is shown when the run's feed tells of it, whatever else happens in the run", async () => {
		const { seen, services, place } = waitingJob();
		const gone = new AbortController().signal;
		const messages = jobLogMessages(services, place, { place: null, gone, pause: forEver });
		const first = messages.next();
		await expect.poll(() => seen.feeds).toBe(1);
		seen.say({ type: "snapshot" });
		await expect.poll(() => seen.looks).toBe(2);
		seen.say({ type: "run" });
		seen.say({ type: "job", job: { id: "another" } });
		await expect.poll(() => seen.heard).toBe(3);
		seen.started = true;
		seen.say({ type: "job", job: { id: place.job } });
		expect((await first).value).toMatchObject({ attempt: 1, message: { type: "attempt" } });
		expect([seen.looks, seen.left()]).toEqual([3, true]);
		await messages.return();
	});

	it("[L19] without a feed, or when that ends, it is looked for again and again", async () => {
		const { seen, services, place } = waitingJob();
		seen.hasFeed = false;
		const waits: number[] = [];
		const pause = async (ms: number) => {
			waits.push(ms);
			seen.started = waits.length === 4;
		};
		const messages = jobLogMessages(services, place, { place: null, gone: new AbortController().signal, pause });
		expect((await messages.next()).value).toMatchObject({ attempt: 1 });
		expect(Math.max(...waits.slice(1))).toBeLessThanOrEqual(2_000);
		await messages.return();
	});
});
