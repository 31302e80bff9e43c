// A runner's socket to its log: frames, acknowledgements, refusals, the demand, and the change to HTTP and back.
import { env, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { UploadAcknowledgement } from "../../src/contracts/http/streams/upload-acknowledgement.ts";
import type { LeaseIdentity } from "../../src/contracts/objects/objects.ts";
import { appendBytesMax } from "../../src/domain/limits.ts";
import type { DiskRoom } from "../../src/domain/room.ts";
import { readWatchedMs } from "../../src/domain/log/log-demand.ts";
import { aRepo, fetchRaw, job, refusal, running, submit } from "../api/api-fixture.ts";
import type { LogObject } from "./log-object.ts";
import { closeOf, Uploader, logOf, sealNow, startLease, Viewer } from "./log-fixture.ts";

const text = new TextEncoder();

async function storedText(lease: LeaseIdentity): Promise<string> {
	const chunk = await logOf(lease).read({ from: 0, to: 1_000 });
	return new TextDecoder().decode(chunk?.bytes);
}

describe("a runner's socket", () => {
	it("[L25] is told the length when bytes are stored, passes over overlap, and after a gap hears where to go on", async () => {
		const lease = await startLease();
		const uploader = await Uploader.open(lease);
		expect(await uploader.acknowledged()).toEqual({ type: "ack", length: 0, intervalSeconds: 5, lease: "ok" });
		uploader.send(0, text.encode("hello "));
		expect(await uploader.acknowledged()).toMatchObject({ length: 6 });
		uploader.send(3, text.encode("lo world"));
		expect(await uploader.acknowledged()).toMatchObject({ length: 11 });
		uploader.send(12, text.encode("!"));
		expect(await uploader.acknowledged()).toMatchObject({ length: 11 });
		expect(await storedText(lease)).toBe("hello world");
	});

	it("[L43] takes a burst of frames in their order while the machine does not say how full its disk is", async () => {
		const lease = await startLease();
		const { promise: answered, resolve: answer } = Promise.withResolvers<{ json(): Promise<DiskRoom> }>();
		const asked = vi.fn(() => answered);
		await runInDurableObject(logOf(lease), (object: LogObject) => {
			Object.assign(object, { env: { ...env, MACHINE: { fetch: asked } } });
		});
		const uploader = await Uploader.open(lease);
		await uploader.acknowledged();
		for (let at = 0; at < 100; at++) uploader.send(at, text.encode("x"));
		for (let at = 0; at < 100; at++) expect(await uploader.acknowledged()).toMatchObject({ length: at + 1 });
		expect(asked).toHaveBeenCalledOnce();
		answer({ json: async () => ({ freeBytes: 1e12, reserveBytes: 1 }) });
		expect(await storedText(lease)).toBe("x".repeat(100));
	});

	it("[L25] sleeps between frames, and may change to HTTP and back", async () => {
		const lease = await startLease();
		const uploader = await Uploader.open(lease);
		await uploader.acknowledged();
		uploader.send(0, text.encode("one "));
		await uploader.acknowledged();
		await evictDurableObject(logOf(lease));
		orThrow(await logOf(lease).append(lease, 4, text.encode("two ")));
		uploader.send(4, text.encode("two three "));
		expect(await uploader.acknowledged()).toMatchObject({ length: 14 });
		const newer = await Uploader.open(lease);
		expect(await newer.acknowledged()).toMatchObject({ length: 14 });
		expect(await uploader.closed()).toBe(4_009);
		newer.send(14, text.encode("four"));
		expect(await newer.acknowledged()).toMatchObject({ length: 18 });
		expect(await storedText(lease)).toBe("one two three four");
	});

	it("[L25] is closed with the refusal: another epoch, what is no frame, too much, past the limit", async () => {
		const lease = await startLease(1_024);
		await expect(Uploader.open({ ...lease, epoch: lease.epoch + 1 })).rejects.toThrow("no socket: 409");
		const codes: number[] = [];
		for (const frame of ["words", new Uint8Array(7), Uploader.frame(0, new Uint8Array(appendBytesMax + 1))]) {
			const uploader = await Uploader.open(lease);
			uploader.socket.send(frame);
			codes.push(await uploader.closed());
		}
		const limited = await Uploader.open(lease);
		limited.send(0, new Uint8Array(1_025));
		codes.push(await limited.closed());
		expect(codes).toEqual([4_400, 4_400, 4_413, 4_413]);
	});

	it("[L25] brings late bytes after the end, and is closed when the log is sealed", async () => {
		const lease = await startLease();
		const uploader = await Uploader.open(lease);
		await uploader.acknowledged();
		uploader.send(0, text.encode("early "));
		await uploader.acknowledged();
		await logOf(lease).close(closeOf(lease, { length: 10 }));
		uploader.send(6, text.encode("late"));
		expect(await uploader.acknowledged()).toMatchObject({ length: 10 });
		await sealNow(lease);
		expect(await uploader.closed()).toBe(1_000);
	});

	it("[L26] is told at once when somebody comes to watch and when nobody does any more; HTTP hears with its answer", async () => {
		const lease = await startLease();
		const uploader = await Uploader.open(lease);
		await uploader.acknowledged();
		const viewer = await Viewer.watch(lease);
		expect(await uploader.acknowledged()).toMatchObject({ intervalSeconds: 0.25 });
		viewer.close();
		expect(await uploader.acknowledged()).toMatchObject({ intervalSeconds: 5 });
		const other = await startLease();
		expect(await logOf(other).append(other, 0, text.encode("x"))).toMatchObject({ value: { intervalSeconds: 2 } });
		await Viewer.watch(other);
		expect(await logOf(other).append(other, 1, text.encode("y"))).toMatchObject({ value: { intervalSeconds: 0.25 } });
	});

	it("[L26] is told at once when somebody reads, and with an acknowledgement when nobody came back", async () => {
		const lease = await startLease();
		const uploader = await Uploader.open(lease);
		await uploader.acknowledged();
		await logOf(lease).status();
		uploader.send(0, text.encode("x"));
		expect(await uploader.acknowledged()).toMatchObject({ length: 1, intervalSeconds: 5 });
		await logOf(lease).status({ isRead: true });
		expect(await uploader.acknowledged()).toMatchObject({ length: 1, intervalSeconds: 0.25 });
		await logOf(lease).status({ isRead: true });
		uploader.send(1, text.encode("y"));
		expect(await uploader.acknowledged()).toMatchObject({ length: 2, intervalSeconds: 0.25 });
		vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + readWatchedMs });
		uploader.send(2, text.encode("z"));
		expect(await uploader.acknowledged()).toMatchObject({ length: 3, intervalSeconds: 5 });
		vi.useRealTimers();
	});

	it("[L26] hears of a reader through the front door", async () => {
		const place = await aRepo();
		await submit(place, [job("build")]);
		const { lease, job: granted } = await running(place);
		const uploader = new Uploader(
			await fetchRaw("GET", "/v1/lease/log/feed", { token: lease.token, headers: { upgrade: "websocket" } }),
		);
		await uploader.acknowledged();
		uploader.send(0, text.encode("abc"));
		expect(await uploader.acknowledged()).toMatchObject({ intervalSeconds: 5 });
		await fetchRaw("GET", `${place.path}/jobs/${granted.id}`, {});
		const range = { headers: { range: "bytes=1-" } };
		expect(await (await fetchRaw("GET", `${place.path}/jobs/${granted.id}/attempts/1/log`, range)).text()).toBe("bc");
		expect(await uploader.acknowledged()).toMatchObject({ length: 3, intervalSeconds: 0.25 });
	});

	it("[L29] is told of a cancel at once; HTTP hears with its next append; another epoch's changes nothing", async () => {
		const lease = await startLease();
		const uploader = await Uploader.open(lease);
		await uploader.acknowledged();
		await logOf(lease).cancel({ epoch: lease.epoch + 1 });
		await logOf(lease).cancel(lease);
		expect(await uploader.acknowledged()).toMatchObject({ lease: "canceling" });
		await evictDurableObject(logOf(lease));
		expect(await logOf(lease).append(lease, 0, text.encode("x"))).toMatchObject({ value: { lease: "canceling" } });
	});

	it("[L25] is opened with a lease's token through the front door, and with nothing else", async () => {
		const place = await aRepo();
		await submit(place, [job("build")]);
		const { token } = (await running(place)).lease;
		expect(await refusal("GET", "/v1/lease/log/feed", { token })).toBe("426 upgrade-required");
		const headers = { upgrade: "websocket" };
		expect(await refusal("GET", "/v1/lease/log/feed", { headers })).toBe("401 unauthorized");
		const uploader = new Uploader(await fetchRaw("GET", "/v1/lease/log/feed", { token, headers }));
		const first: UploadAcknowledgement = await uploader.acknowledged();
		expect(first).toMatchObject({ type: "ack", length: 0, lease: "ok" });
		uploader.send(0, text.encode("through the door"));
		expect(await uploader.acknowledged()).toMatchObject({ length: 16 });
	});
});
