import { afterEach, describe, expect, it, vi } from "vitest";
import { requestBytesMax } from "../../../domain/limits.ts";
import { ProblemAnswer } from "../answer.ts";
import { readBytes } from "./body.ts";

afterEach(() => {
	vi.useRealTimers();
});

/** A request whose body is sent by hand. */
function sending() {
	let sender: ReadableStreamDefaultController<Uint8Array> | null = null;
	const gone = vi.fn();
	const body = new ReadableStream<Uint8Array>({
		start(controller) {
			sender = controller;
		},
		cancel: gone,
	});
	const request = new Request("http://a/", { method: "POST", body, duplex: "half" } as RequestInit);
	return { request, gone, send: (bytes: Uint8Array) => sender?.enqueue(bytes), end: () => sender?.close() };
}

const statusOf = (work: Promise<unknown>) =>
	work.then(
		() => 200,
		(cause: unknown) => (cause instanceof ProblemAnswer ? cause.facts.status : cause),
	);

describe("readBytes", () => {
	it("[A46] a body that stops is given up after ten seconds without a byte, and let go of", async () => {
		vi.useFakeTimers();
		const { request, gone, send } = sending();
		const status = statusOf(readBytes(request));
		send(new Uint8Array(1_000));
		await vi.advanceTimersByTimeAsync(9_000);
		expect(gone).not.toHaveBeenCalled();
		await vi.advanceTimersByTimeAsync(1_001);
		expect(await status).toBe(408);
		expect(gone).toHaveBeenCalled();
		expect(vi.getTimerCount()).toBe(0);
	});

	it("[A46] a body that drips is given up after a minute", async () => {
		vi.useFakeTimers();
		const { request, send } = sending();
		let status: unknown = null;
		void statusOf(readBytes(request)).then((found) => {
			status = found;
		});
		for (let second = 0; second < 60; second += 5) {
			expect(status).toBe(null);
			send(new Uint8Array(1));
			await vi.advanceTimersByTimeAsync(5_000);
		}
		expect(status).toBe(408);
	});

	it("[A46] a body that comes in time is whole; a larger one is left as soon as it shows", async () => {
		const whole = sending();
		const read = readBytes(whole.request);
		whole.send(Uint8Array.of(1, 2));
		whole.send(Uint8Array.of(3));
		whole.end();
		expect([...(await read)]).toEqual([1, 2, 3]);
		const large = sending();
		const status = statusOf(readBytes(large.request));
		for (let mib = 0; mib <= requestBytesMax; mib += 2 ** 20) large.send(new Uint8Array(2 ** 20));
		large.send(new Uint8Array(1));
		expect(await status).toBe(413);
		expect(large.gone).toHaveBeenCalled();
	});
});
