// The runner's loops against a fake server over loopback: registering, asking, renewing, draining.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { problem } from "../testing/fake-server/fake-server.ts";
import { buildGrant } from "../testing/fake-server/fake-server-lease.ts";
import { FakeServerRunner } from "../testing/fake-server/fake-server-runner.ts";
import { Runner } from "./runner.ts";

let fixture: FakeServerRunner;
afterEach(() => fixture.close());

describe("registration", () => {
	it("[N1] a restarted runner is the same runner, and says so without registering again", async () => {
		fixture = await FakeServerRunner.open();
		await fixture.server.until(() => fixture.server.callsTo("/v1/runner/acquire").length > 0);
		fixture.runner?.drain();
		await fixture.done;
		await fixture.start();
		await fixture.server.until(() => fixture.server.callsTo("/v1/runner/acquire").length > 1);
		expect(fixture.server.registrations).toHaveLength(1);
		expect(new Set(fixture.server.callsTo("/v1/runner/acquire").map(({ token }) => token)).size).toBe(1);
	});

	it("[N2] a runner that the server forgot registers anew and goes on", async () => {
		fixture = await FakeServerRunner.open();
		const { server } = fixture;
		const first = server.offer(buildGrant());
		await server.until(() => first.starts === 1);
		server.runners.clear();
		await server.until(() => server.registrations.length === 2);
		const lease = server.offer(buildGrant());
		await server.until(() => lease.finish !== null);
		expect([first.finish?.outcome, lease.finish?.outcome]).toEqual(["passed", "passed"]);
	});

	it("[N3] two runners never share a folder", async () => {
		fixture = await FakeServerRunner.open();
		await expect(Runner.open(fixture.options())).rejects.toThrow(/another runner/);
	});

	it("[N4][N188] a runner that the server refuses for good ends with the server's words", async () => {
		fixture = new FakeServerRunner();
		await fixture.server.open();
		fixture.server.intercept = (call) => (call.path.endsWith("/runners") ? problem(403, "scope-missing") : null);
		await fixture.start();
		await expect(fixture.done).rejects.toThrow(/scope-missing/);
		expect(fixture.has("runner-draining")).toBe(false);
		expect(existsSync(join(fixture.workDir, "lock.json"))).toBe(false);
	});
});

describe("leases", () => {
	it("[N5] capacity 2 runs two jobs at once, and every call names all leases that are held", async () => {
		fixture = await FakeServerRunner.open({ capacity: 2 });
		const { server, folder } = fixture;
		// Each waits for the other: one after the other would never end.
		const meet = (own: string, other: string) =>
			`touch '${folder}/${own}'; until [ -e '${folder}/${other}' ]; do sleep 0.02; done`;
		const a = server.offer(buildGrant({ run: meet("a", "b") }));
		const b = server.offer(buildGrant({ run: meet("b", "a") }));
		await server.until(() => a.finish !== null && b.finish !== null);
		expect([a.finish?.outcome, b.finish?.outcome]).toEqual(["passed", "passed"]);
		const named = server.callsTo("/v1/runner/acquire").map(({ body }) => JSON.parse(body.toString()).leases.length);
		expect(named.slice(0, 2)).toEqual([0, 1]);
	});

	it("[N6] heartbeats renew the lease of a job that says nothing", async () => {
		fixture = await FakeServerRunner.open();
		const { server, folder } = fixture;
		server.heartbeatSeconds = 0.05;
		const lease = server.offer(buildGrant({ run: `until [ -e '${folder}/go' ]; do sleep 0.02; done` }));
		await server.until(() => lease.renewals >= 3);
		expect(server.callsTo("/v1/runner/heartbeat").length).toBeGreaterThanOrEqual(3);
	});

	it("[N7] a server that asks to drain gets no further call for work until it stops asking", async () => {
		fixture = new FakeServerRunner();
		const { server } = fixture;
		await server.open();
		server.heartbeatSeconds = 0.05;
		server.draining = true;
		await fixture.start();
		const first = server.offer(buildGrant({ run: "sleep 0.3" }));
		await server.until(() => first.finish !== null && fixture.has("server-asks-to-drain"));
		const second = server.offer(buildGrant());
		const beats = server.callsTo("/v1/runner/heartbeat").length;
		await server.until(() => server.callsTo("/v1/runner/heartbeat").length >= beats + 3);
		expect(second.starts).toBe(0);
		server.draining = false;
		await server.until(() => second.finish !== null);
		expect(second.finish?.outcome).toBe("passed");
	});
});

describe("leaving", () => {
	it("[N8] a runner that drains takes nothing new, finishes what it holds and leaves", async () => {
		fixture = await FakeServerRunner.open({ capacity: 2 });
		const { server, folder } = fixture;
		const lease = server.offer(
			buildGrant({ run: `touch '${folder}/on'; until [ -e '${folder}/go' ]; do sleep 0.02; done` }),
		);
		await server.until(() => lease.starts === 1);
		fixture.runner?.drain();
		const other = server.offer(buildGrant());
		writeFileSync(join(folder, "go"), "");
		await fixture.done;
		expect(lease.finish?.outcome).toBe("passed");
		expect(other.starts).toBe(0);
	});

	it("[N9] a second signal stops what runs, and that is reported as no fault of the job's", async () => {
		fixture = await FakeServerRunner.open();
		const { server } = fixture;
		const lease = server.offer(buildGrant({ run: "echo on; sleep 1000" }));
		await server.until(() => lease.text.includes("on\n"));
		fixture.runner?.interrupt("the runner was stopped");
		await fixture.done;
		expect(lease.finish).toMatchObject({ outcome: "canceled", signal: "SIGTERM", reason: "the runner was stopped" });
		expect(lease.finish?.platformFault).toBe("drained");
	});

	it("[N10] with `once` one job is taken, and the registration is not kept", async () => {
		fixture = await FakeServerRunner.open({ once: true, capacity: 4 });
		const { server } = fixture;
		const lease = server.offer(buildGrant());
		const other = server.offer(buildGrant());
		await fixture.done;
		expect([lease.finish?.outcome, other.starts]).toEqual(["passed", 0]);
		expect(server.registrations[0]).toMatchObject({ ephemeral: true, capacity: 1 });
		expect(() => readFileSync(join(fixture.workDir, "runner.json"))).toThrow(/ENOENT/);
	});
});
