// A job's log from the pipe to the server, over loopback: every byte, through outages, gaps and floods.
import { createHash } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { problem } from "../../testing/fake-server/fake-server.ts";
import { buildGrant, headingOf } from "../../testing/fake-server/fake-server-lease.ts";
import type { FakeLease } from "../../testing/fake-server/fake-server-lease.ts";
import { FakeServerRunner } from "../../testing/fake-server/fake-server-runner.ts";

let fixture: FakeServerRunner;
beforeEach(async () => {
	fixture = await FakeServerRunner.open();
});
afterEach(() => fixture.close());

/** The server has what was declared, to the byte. */
function expectWhole(lease: FakeLease): void {
	expect(lease.log.length).toBe(lease.finish?.logLength);
	expect(createHash("sha256").update(lease.log).digest("hex")).toBe(lease.finish?.logSha256);
}

describe("bytes", () => {
	it("[N30] output arrives untouched, stdout and stderr in order, with its length and SHA-256", async () => {
		const lease = await fixture.runToEnd({ run: "for i in $(seq 200); do echo out $i; echo err $i >&2; done" });
		const lines = Array.from({ length: 200 }, (_, at) => `out ${at + 1}\nerr ${at + 1}\n`);
		expect(lease.text).toBe(headingOf("step 1") + lines.join(""));
		expectWhole(lease);
	});

	it("[N53] a step's last bytes stand before the next step's heading, however fast it goes", async () => {
		const run = Array.from({ length: 60 }, (_, at) => `head -c 50000 /dev/zero | tr '\\0' x; echo ${at}`);
		const lease = await fixture.runToEnd({ run });
		const steps = run.map((_, at) => `${headingOf(`step ${at + 1}`)}${"x".repeat(50_000)}${at}\n`);
		expect(lease.text === steps.join("")).toBe(true);
		expectWhole(lease);
	});

	it("[N31] bytes that are no text come as they are", async () => {
		const run = `for i in $(seq 0 255); do printf "\\\\x$(printf %02x $i)"; done`;
		const lease = await fixture.runToEnd({ run });
		const bytes = Buffer.from(Array.from({ length: 256 }, (_, at) => at));
		expect(lease.log.subarray(Buffer.byteLength(headingOf("step 1")))).toEqual(bytes);
		expectWhole(lease);
	});

	it("[N32] what is printed can be read while the job runs", async () => {
		const { server, folder } = fixture;
		const lease = server.offer(buildGrant({ run: `echo seen; until [ -e '${folder}/go' ]; do sleep 0.02; done` }));
		await server.until(() => lease.text.includes("seen\n"));
		expect(lease.finish).toBe(null);
		writeFileSync(join(folder, "go"), "");
		await server.until(() => lease.finish !== null);
	});

	it("[N33] uploads are at most 1 MiB, and as rare as the server asks while the job runs", async () => {
		fixture.server.uploadInterval = "60";
		const lease = await fixture.runToEnd({ run: "echo first; head -c 3000000 /dev/zero; echo; echo last" });
		expect(Math.max(...lease.uploads.map(({ length }) => length))).toBeLessThanOrEqual(1024 * 1024);
		expect(lease.uploads.length).toBeLessThanOrEqual(6);
		expectWhole(lease);
	});
});

describe("limit", () => {
	it("[N34] a log of exactly its limit is kept whole", async () => {
		const heading = Buffer.byteLength(headingOf("step 1"));
		const lease = await fixture.runToEnd({ run: `head -c ${4_096 - heading} /dev/zero`, logBytesMax: 4_096 });
		expect(lease.log.length).toBe(4_096);
		expect(lease.log.includes("limit")).toBe(false);
		expectWhole(lease);
	});

	it("[N71] past its limit a log keeps its head and its last part, and one line says what is not there", async () => {
		const run = ["seq -f 'line %06g' 20000; echo end of one", "echo two; exit 3"];
		const lease = await fixture.runToEnd({ run, logBytesMax: 8_192 });
		const lines = Array.from({ length: 20_000 }, (_, at) => `line ${String(at + 1).padStart(6, "0")}\n`).join("");
		const printed = `${headingOf("step 1")}${lines}end of one\n${headingOf("step 2")}two\n`;
		const [head = "", leftOut = "", tail = ""] = lease.text.split(
			/\n\S+The log is longer than its limit of 8192 bytes: (\d+) bytes were left out here.\S+\n/,
		);
		expect(printed.startsWith(head) && printed.endsWith(tail)).toBe(true);
		expect(tail).toMatch(/^line /);
		expect(head.length + Number(leftOut) + tail.length).toBe(printed.length);
		expect(lease.log.length).toBeLessThanOrEqual(8_192);
		expect([head.length, tail.length]).toEqual([expect.closeTo(6_000, -3), expect.closeTo(2_000, -3)]);
		expect(lease.finish).toMatchObject({ outcome: "failed", exitCode: 3 });
		expectWhole(lease);
		const [one, two] = lease.finish?.steps ?? [];
		expect([one?.logStart, one?.logEnd]).toEqual([0, two?.logStart]);
		expect(lease.log.toString("utf8", two?.logStart ?? 0, two?.logEnd ?? 0)).toBe(`${headingOf("step 2")}two\n`);
	});

	it("[N36] a flood costs the runner time but no memory", async () => {
		const before = process.memoryUsage().external;
		const lease = await fixture.runToEnd({ run: "head -c 200000000 /dev/zero", logBytesMax: 1_048_576 });
		expect(lease.text).toMatch(/19\d{7} bytes were left out/);
		expect(process.memoryUsage().external - before).toBeLessThan(20_000_000);
		expectWhole(lease);
	});
});

describe("outages", () => {
	it("[N37] a job goes on while the server is down, and its log and finish arrive when it is back", async () => {
		const { server, folder } = fixture;
		const run = `echo before; until [ -e '${folder}/go' ]; do sleep 0.02; done; seq 1000; touch '${folder}/over'`;
		const lease = server.offer(buildGrant({ run }));
		await server.until(() => lease.text.includes("before\n"));
		await server.close();
		writeFileSync(join(folder, "go"), "");
		await server.until(() => fixture.has("log-failed"));
		while (!existsSync(join(folder, "over"))) await new Promise((resolve) => setImmediate(resolve));
		await server.open();
		await server.until(() => lease.finish !== null);
		expect(lease.finish?.outcome).toBe("passed");
		expect(lease.text).toContain("\n999\n1000\n");
		expectWhole(lease);
	});

	it("[N38] a server that lost the end of a log gets it again from where it is", async () => {
		const { server, folder } = fixture;
		const run = `seq 1000; until [ -e '${folder}/go' ]; do sleep 0.02; done; echo more`;
		const lease = server.offer(buildGrant({ run }));
		await server.until(() => lease.text.includes("\n1000\n"));
		lease.log = lease.log.subarray(0, 100);
		writeFileSync(join(folder, "go"), "");
		await server.until(() => lease.finish !== null);
		expect(lease.text).toContain("\n1000\nmore\n");
		expectWhole(lease);
	});

	it("[N39] an upload whose answer was lost is repeated and stored once", async () => {
		const { server } = fixture;
		let lost = 0;
		server.intercept = ({ path }) => {
			if (path !== "/v1/lease/log" || lost > 0) return null;
			lost++;
			const lease = [...server.leases.values()][0];
			// Stored, and then not acknowledged.
			if (lease) lease.log = Buffer.from(headingOf("step 1"));
			return problem(502, "bad-gateway");
		};
		const lease = await fixture.runToEnd({ run: "echo once" });
		expect(lease.text).toBe(`${headingOf("step 1")}once\n`);
		expectWhole(lease);
	});

	it("[N40] a log that the server refuses for good does not keep the finish back", async () => {
		fixture.server.intercept = ({ path }) => (path === "/v1/lease/log" ? problem(413, "log-limit") : null);
		const lease = await fixture.runToEnd({ run: "echo lost" });
		expect(lease.finish).toMatchObject({
			outcome: "passed",
			logLength: Buffer.byteLength(`${headingOf("step 1")}lost\n`),
		});
	});
});
