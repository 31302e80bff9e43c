// The seams between object and archive, each forced where it is hardest to hit with real ones.
import { describe, expect, it } from "vitest";
import { outputBytes, outputMessage } from "../contracts/log-stream.ts";
import type { LogMessage } from "../contracts/log-stream.ts";
import { cutFrame } from "../domain/log-frame.ts";
import { logMessages } from "./log-live.ts";
import { readLog } from "./log-source.ts";
import type { SealedLog, Services } from "./services.ts";

const name = { owner: "acme", repo: "web", job: "jaaaaaaaaaaaaaaaaaaaaaaaa-0", attempt: 1 };
const bytes = new TextEncoder().encode("grüße 🚀 from a log that moves while it is read");

/** A log that is in its object for the first `calls` calls, and in the archive from then on. */
function movingAfter(calls: number, followed: number): Partial<Services> {
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
		repo: () => ({ job }) as unknown as ReturnType<Services["repo"]>,
		log: () => log as unknown as ReturnType<Services["log"]>,
		sealedLog: async () => (left > 0 ? null : sealed),
		followLog: async ({ from }) => (isHere() ? messages(from) : null),
	};
}

describe("a log that is sealed while it is read", () => {
	for (let calls = 0; calls < 8; calls++) {
		it(`[L16] messages have no seam, the archive taking over after ${calls} calls`, async () => {
			const services = movingAfter(calls, 31) as Services;
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
		const services = movingAfter(2, 0) as Services;
		for await (const chunk of readLog(services, name, { from: 3, to: 30, sealed: null })) read.push(...chunk.bytes);
		expect(read).toEqual([...bytes.subarray(3, 30)]);
	});
});
