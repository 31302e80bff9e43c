// What a runner that is really killed leaves of its log, and what its next process does with it: against the fake server, with
// the very folder.
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { problem } from "../../testing/fake-server/fake-server.ts";
import { buildGrant, headingOf } from "../../testing/fake-server/fake-server-lease.ts";
import type { FakeLease } from "../../testing/fake-server/fake-server-lease.ts";
import { FakeServerRunner } from "../../testing/fake-server/fake-server-runner.ts";
import { repeatDefaults } from "../../client/retryable.ts";
import { LeftLogs } from "./left-logs.ts";

let fixture: FakeServerRunner;
beforeEach(async () => {
	fixture = new FakeServerRunner();
	await fixture.server.open();
	// Nothing is asked for before the runner is dead, but the first bytes.
	fixture.server.uploadInterval = "60";
});
afterEach(() => fixture.close());

const spools = () => join(fixture.workDir, "spools");

/** A runner that is killed when it has read `end` of what its job prints; the server has the first line. */
async function killAfter({ print = "echo more", end = "more\n", ...job }): Promise<FakeLease> {
	const { server, folder } = fixture;
	const child = fixture.spawnRunner({ options: { session: false } });
	const run = `echo first; until [ -e '${folder}/go' ]; do sleep 0.02; done; ${print}; sleep 1000`;
	const lease = server.offer(buildGrant({ run, ...job }));
	await server.until(() => lease.text.includes("first\n"));
	writeFileSync(join(folder, "go"), "");
	const spool = join(spools(), `${lease.grant.lease.id}.log`);
	const isThere = () => [spool, `${spool}.tail`].some((path) => existsSync(path) && readFileSync(path).includes(end));
	while (!isThere()) await new Promise((resolve) => setTimeout(resolve, 10));
	child.kill("SIGKILL");
	await once(child, "exit");
	return lease;
}

const leftUploads = () => fixture.server.calls.filter(({ headers }) => headers["upload-left"] !== undefined);

describe("a killed runner's log", () => {
	it("[N158] what was not sent is delivered by the next start, byte for byte and masked, and then forgotten", async () => {
		const secrets = { KEY: "hunter2-hunter2" };
		const lease = await killAfter({
			print: 'head -c 900000 /dev/zero | tr "\\0" x; echo "$KEY last"',
			end: " last\n",
			secrets,
		});
		expect(lease.text).toBe(`${headingOf("step 1")}first\n`);
		expect(statSync(join(spools(), `${lease.grant.lease.id}.json`)).mode & 0o077).toBe(0);
		await fixture.start();
		await fixture.server.until(() => fixture.has("left-log-delivered"));
		expect(lease.text === `${headingOf("step 1")}first\n${"x".repeat(900_000)}*** last\n`).toBe(true);
		expect(leftUploads().at(-1)?.headers["upload-left"]).toBe("last");
		expect(leftUploads().filter(({ headers }) => headers["upload-left"] === "last")).toHaveLength(1);
		expect(readdirSync(spools())).toEqual([]);
	});

	it("[N158] of a log past its limit the head is delivered, and is not said to be all", async () => {
		const lease = await killAfter({ print: "seq 100000", end: "\n100000\n", logBytesMax: 8_192 });
		await fixture.start();
		await fixture.server.until(() => fixture.has("left-log-delivered"));
		expect(lease.text.startsWith(`${headingOf("step 1")}first\n1\n2\n3\n`)).toBe(true);
		expect(lease.log.length).toBeGreaterThan(5_000);
		expect(leftUploads().map(({ headers }) => headers["upload-left"])).not.toContain("last");
		expect(fixture.events).toContainEqual(
			expect.objectContaining({ facts: expect.objectContaining({ isHead: true }) }),
		);
	});

	it("[N159] the next job does not wait for it, and what the server refuses is forgotten", async () => {
		const lease = await killAfter({});
		fixture.server.intercept = (call) => (call.headers["upload-left"] ? problem(409, "lease-stale") : null);
		await fixture.start();
		await fixture.runToEnd({ run: "true" });
		await fixture.server.until(() => fixture.has("left-log-refused"));
		expect(lease.text).not.toContain("more");
		expect(readdirSync(spools()).filter((name) => name.startsWith(lease.grant.lease.id))).toEqual([]);
	});

	it("[N159] a server that takes nothing yet is asked again; a runner that ends meanwhile leaves it to the next", async () => {
		const lease = await killAfter({});
		fixture.server.intercept = (call) => (call.headers["upload-left"] ? problem(503, "unavailable") : null);
		await fixture.start();
		await fixture.server.until(() => leftUploads().length > 2);
		fixture.runner?.drain();
		await fixture.done;
		fixture.server.intercept = () => null;
		await fixture.start();
		await fixture.server.until(() => lease.text.includes("more\n"));
	});
});

describe("a folder of logs", () => {
	it("[N159] offers 64 of them, the newest, and none that is a link or another server's", async () => {
		const lease = await killAfter({});
		const own = lease.grant.lease.id;
		unlinkSync(join(spools(), `${own}.log`));
		symlinkSync("/etc/hostname", join(spools(), `${own}.log`));
		for (let at = 0; at < 70; at++) {
			writeFileSync(join(spools(), `jold-${at}.1.log`), "old\n");
			const kept = { url: "http://127.0.0.1:1", token: "spw_lease_of_another" };
			writeFileSync(join(spools(), `jold-${at}.1.json`), JSON.stringify(kept));
		}
		const left = new LeftLogs(spools());
		expect(readdirSync(spools())).toHaveLength(2 * 64);
		const refused: unknown[] = [];
		const eventLog = (event: string, facts = {}) => refused.push({ event, ...facts });
		const { retry: policy, url } = { ...fixture.options(), url: fixture.server.url };
		await left.deliver({
			url,
			policy: { ...repeatDefaults, ...policy },
			eventLog,
			signal: new AbortController().signal,
		});
		expect(refused).toHaveLength(64);
		expect(readdirSync(spools())).toEqual([]);
		expect(leftUploads().every(({ token }) => token === lease.grant.lease.token)).toBe(true);
		expect(lease.text).not.toContain("old");
	});
});
