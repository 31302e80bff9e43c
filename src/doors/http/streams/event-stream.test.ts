import { afterEach, describe, expect, it, vi } from "vitest";
import { eventStream } from "./event-stream.ts";
import type { StreamEnd, StreamEvent } from "./event-stream.ts";

afterEach(() => {
	vi.useRealTimers();
});

async function* twoWith(pause: Promise<void>): AsyncGenerator<StreamEvent, StreamEnd> {
	yield { id: "1", data: "{}" };
	await pause;
	yield { id: "2", data: "[]" };
	return "complete";
}

describe("eventStream", () => {
	it("[L20] a silent stream says so, and loses no event over it", async () => {
		vi.useFakeTimers();
		const pause = Promise.withResolvers<void>();
		const reader = eventStream(twoWith(pause.promise), new AbortController()).body?.pipeThrough(
			new TextDecoderStream(),
		);
		const events = reader?.getReader();
		expect(await events?.read()).toMatchObject({ value: "id: 1\ndata: {}\n\n" });
		for (let round = 0; round < 2; round++) {
			const read = events?.read();
			await vi.advanceTimersByTimeAsync(15_000);
			expect(await read).toMatchObject({ value: ": keep-alive\n\n" });
		}
		pause.resolve();
		expect(await events?.read()).toMatchObject({ value: "id: 2\ndata: []\n\n" });
		expect(await events?.read()).toMatchObject({ value: "event: complete\ndata: {}\n\n" });
		expect(await events?.read()).toMatchObject({ done: true });
	});

	it("[A45] a silent stream sees within 15 s that its token has ended, and says so", async () => {
		vi.useFakeTimers();
		const gone = new AbortController();
		const pause = new Promise<void>((resolve) => gone.signal.addEventListener("abort", () => resolve()));
		let reason: string | null = null;
		const reader = eventStream(twoWith(pause), gone, () => reason).body?.pipeThrough(new TextDecoderStream());
		const events = reader?.getReader();
		expect(await events?.read()).toMatchObject({ value: "id: 1\ndata: {}\n\n" });
		const read = events?.read();
		reason = "The token was revoked.";
		await vi.advanceTimersByTimeAsync(15_000);
		expect(await read).toMatchObject({ value: `event: token-ended\ndata: {"detail":"The token was revoked."}\n\n` });
		expect(await events?.read()).toMatchObject({ done: true });
		expect(gone.signal.aborted).toBe(true);
	});

	it("[L20] a reader that leaves ends what its events wait for", async () => {
		const gone = new AbortController();
		const pause = new Promise<void>((resolve) => gone.signal.addEventListener("abort", () => resolve()));
		const { body } = eventStream(twoWith(pause), gone);
		const reader = body?.getReader();
		await reader?.read();
		await reader?.cancel();
		expect(gone.signal.aborted).toBe(true);
	});
});
