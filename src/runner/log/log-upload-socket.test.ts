// A job's log over an upload socket, against a fake server over loopback: when, how often, and what happens when it breaks.
import { createHash, randomFillSync } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildGrant, headingOf } from "../../testing/fake-server/fake-server-lease.ts";
import type { FakeLease } from "../../testing/fake-server/fake-server-lease.ts";
import { FakeServerRunner } from "../../testing/fake-server/fake-server-runner.ts";
import { seededRandom } from "../../testing/random.ts";
import type { FakeUploadSocket } from "../../testing/fake-server/fake-server-sockets.ts";

let fixture: FakeServerRunner;
beforeEach(async () => {
	fixture = await FakeServerRunner.open({ retry: { initialMs: 20, maxMs: 40, random: () => 0.01 } });
	fixture.server.hasUploadSockets = true;
});
afterEach(() => fixture.close());

/** The server has what was declared, to the byte. */
function expectWhole(lease: FakeLease): void {
	expect(lease.log.length).toBe(lease.finish?.logLength);
	expect(createHash("sha256").update(lease.log).digest("hex")).toBe(lease.finish?.logSha256);
}

/** A job that prints `out` when told to go, and ends when told to end. */
function offer(out: string): FakeLease {
	const wait = (file: string) => `until [ -e '${fixture.folder}/${file}' ]; do sleep 0.02; done`;
	return fixture.server.offer(buildGrant({ run: `echo up; ${wait("go")}; ${out}; ${wait("end")}; echo over` }));
}

function say(file: "go" | "more" | "end"): void {
	writeFileSync(join(fixture.folder, file), "");
}

async function socketAt(at: number): Promise<FakeUploadSocket> {
	await fixture.server.until(() => fixture.server.uploadSockets.length > at);
	return fixture.server.uploadSockets[at] as FakeUploadSocket;
}

async function finished(lease: FakeLease): Promise<FakeLease> {
	await fixture.server.until(() => lease.finish !== null);
	return lease;
}

describe("the upload socket", () => {
	it("[N65] a job that lasts sends its log by an upload socket, one that is over at once by calls alone", async () => {
		const { server } = fixture;
		const short = await finished(server.offer(buildGrant({ run: "echo short" })));
		expect([server.uploadSockets.length, short.frames]).toEqual([0, 0]);
		const long = offer("seq 1000");
		await socketAt(0);
		const calls = server.callsTo("/v1/lease/log").length;
		say("go");
		await server.until(() => long.text.includes("\n1000\n"));
		say("end");
		await finished(long);
		expect(server.callsTo("/v1/lease/log")).toHaveLength(calls);
		expect(long.frames).toBeGreaterThan(0);
		expectWhole(long);
	});

	it("[N66] the log changes from socket to calls and back in mid-job, without a loss or a double", async () => {
		const { server } = fixture;
		const lease = offer("for i in $(seq 400); do seq 100; sleep 0.005; done");
		const first = await socketAt(0);
		say("go");
		await server.until(() => lease.frames > 3);
		const before = lease.uploads.length;
		first.cut();
		await server.until(() => lease.uploads.length > before + 1);
		const second = await socketAt(1);
		const frames = lease.frames;
		await server.until(() => lease.frames > frames + 1);
		second.close(4_009);
		say("end");
		await finished(lease);
		expectWhole(lease);
	});

	it("[N67] bytes go as rarely as is asked, 64 KiB and the end at once, and sooner as soon as that is asked", async () => {
		const { server } = fixture;
		server.uploadInterval = "0";
		const { folder } = fixture;
		const three = `until [ -e '${folder}/more' ]; do sleep 0.02; done; echo three; touch '${folder}/three'`;
		const lease = offer(`echo one; sleep 0.3; head -c 70000 /dev/zero | tr '\\0' x; echo; ${three}`);
		const first = await socketAt(0);
		first.intervalSeconds = 60;
		first.acknowledge();
		say("go");
		await server.until(() => lease.log.length > 64 * 1024);
		expect(lease.frames).toBeLessThanOrEqual(2);
		say("more");
		while (!existsSync(join(folder, "three"))) await new Promise((resolve) => setTimeout(resolve, 10));
		expect(lease.text).not.toContain("three");
		first.intervalSeconds = 0;
		first.acknowledge();
		await server.until(() => lease.text.includes("three"));
		first.intervalSeconds = 60;
		first.acknowledge();
		say("end");
		await finished(lease);
		expectWhole(lease);
	});

	it("[N68] bytes that it does not acknowledge go by a call", async () => {
		const { server } = fixture;
		const lease = offer("echo unheard");
		const first = await socketAt(0);
		first.isSilent = true;
		const calls = server.callsTo("/v1/lease/log").length;
		say("go");
		await server.until(() => lease.text.includes("unheard"));
		expect(server.callsTo("/v1/lease/log").length).toBeGreaterThan(calls);
		say("end");
		await finished(lease);
		expectWhole(lease);
	});

	it("[N69] a cancel is heard from an acknowledgement", async () => {
		const lease = offer("true");
		const first = await socketAt(0);
		lease.state = "canceling";
		first.acknowledge();
		await finished(lease);
		expect(lease.finish?.outcome).toBe("canceled");
	});

	it("[N70] a server that lost the end of a log gets it again from where it is", async () => {
		const { server } = fixture;
		const lease = offer("seq 1000");
		const first = await socketAt(0);
		say("go");
		await server.until(() => lease.text.includes("\n1000\n"));
		lease.log = lease.log.subarray(0, 5);
		first.acknowledge();
		say("end");
		await finished(lease);
		expect(lease.text).toContain("\n1000\nover\n");
		expectWhole(lease);
	});
});

describe("an upload socket that begins late", () => {
	it("[N66] finds that the server has all that was printed, and goes on with what comes after", async () => {
		const { server, folder } = fixture;
		const until = (file: string) => `until [ -e '${folder}/${file}' ]; do sleep 0.02; done`;
		const lease = offer(`echo one; touch '${folder}/one'; ${until("more")}; echo two`);
		await server.until(() => lease.text.includes("up\n"));
		server.uploadInterval = "60";
		// Stored without an answer, as when the way back breaks; the runner means to say it again in its time.
		server.intercept = ({ path }) => (path === "/v1/lease/log" ? { status: 502 } : null);
		say("go");
		while (!existsSync(join(folder, "one"))) await new Promise((resolve) => setTimeout(resolve, 5));
		lease.append(lease.log.length, Buffer.from("one\n"));
		await socketAt(0);
		server.intercept = () => null;
		say("more");
		say("end");
		await finished(lease);
		expect(lease.text).toContain("up\none\ntwo\nover\n");
		expectWhole(lease);
	});
});

describe("whatever happens", () => {
	/** One mishap of a server or of the way to it. */
	async function mishap(lease: FakeLease, random: () => number): Promise<void> {
		const { server } = fixture;
		const socket = server.uploadSockets.at(-1);
		switch (Math.floor(random() * 5)) {
			case 0:
				return socket?.cut();
			case 1:
				return socket?.close(4_009);
			case 2:
				lease.log = lease.log.subarray(0, Math.floor(random() * lease.log.length));
				return socket?.acknowledge();
			case 3:
				await server.close();
				return server.open();
			default:
				// Stored, and not acknowledged.
				server.intercept = ({ path, headers, body }) => {
					if (path !== "/v1/lease/log") return null;
					server.intercept = () => null;
					lease.append(Number(headers["upload-offset"]), body);
					return { status: 502 };
				};
		}
	}

	it.each([1, 2, 3])("[N37][N38][N39][N66] random bytes arrive as they were printed (seed %i)", async (seed) => {
		const random = seededRandom(seed);
		const { server, folder } = fixture;
		const bytes = randomFillSync(Buffer.alloc(1_200_000));
		writeFileSync(join(folder, "bytes"), bytes);
		const print = `dd if='${folder}/bytes' bs=20000 skip=$i count=1 2>/dev/null; sleep 0.04`;
		// Something comes after the last mishap: what was lost after its acknowledgement is missed only by who says more.
		const last = `touch '${folder}/over'; until [ -e '${folder}/end' ]; do sleep 0.02; done; echo over`;
		const run = `for i in $(seq 0 59); do ${print}; done; ${last}`;
		const lease = server.offer(buildGrant({ run }));
		await server.until(() => lease.starts === 1);
		while (!existsSync(join(folder, "over"))) {
			await mishap(lease, random);
			await new Promise((resolve) => setTimeout(resolve, random() * 150));
		}
		server.intercept = () => null;
		say("end");
		await finished(lease);
		const expected = Buffer.concat([Buffer.from(headingOf("step 1")), bytes, Buffer.from("over\n")]);
		expect(lease.log.equals(expected)).toBe(true);
		expectWhole(lease);
		expect(lease.frames).toBeGreaterThan(0);
	});
});
