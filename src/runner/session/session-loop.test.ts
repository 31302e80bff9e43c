// The runner's session against a fake server over loopback: what is said when, what is done on hearing, and how it comes back.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { FakeSession } from "../../testing/fake-server/fake-server-sockets.ts";
import { buildGrant } from "../../testing/fake-server/fake-server-lease.ts";
import { problem } from "../../testing/fake-server/fake-server.ts";
import { FakeServerRunner } from "../../testing/fake-server/fake-server-runner.ts";
import type { RunnerOptions } from "../runner.ts";

let fixture: FakeServerRunner;
afterEach(() => fixture.close());

async function open(options: Partial<RunnerOptions> = {}, heartbeatSeconds = 0.25): Promise<FakeSession> {
	fixture = new FakeServerRunner();
	const { server } = fixture;
	server.hasSessions = true;
	server.heartbeatSeconds = heartbeatSeconds;
	await server.open();
	await fixture.start(options);
	return session(0);
}

/** The `at`th session, once it has said hello. */
async function session(at: number): Promise<FakeSession> {
	const { server } = fixture;
	await server.until(() => (server.sessions[at]?.frames.length ?? 0) > 0);
	return server.sessions[at] as FakeSession;
}

const untilGo = () => `echo up; until [ -e '${fixture.folder}/go' ]; do sleep 0.02; done`;
const go = () => writeFileSync(join(fixture.folder, "go"), "");
const calls = () => fixture.server.calls.filter(({ path }) => /acquire|heartbeat/.test(path)).length;

describe("while there is a session", () => {
	it("[N54] hello is said at once, grants are pushed, and no call asks for work or renews", async () => {
		// A busy machine may stand still for longer than two short heartbeats, and then the session is another one.
		const { hellos } = await open({ capacity: 2 }, 2);
		const { server } = fixture;
		expect(hellos[0]).toMatchObject({ type: "hello", capacity: 2, leases: [] });
		const leases = [server.offer(buildGrant({ run: "echo 1" })), server.offer(buildGrant({ run: "echo 2" }))];
		await server.until(() => leases.every(({ finish }) => finish?.outcome === "passed"));
		const { pings } = server.sessions[0] as FakeSession;
		await server.until(() => (server.sessions[0]?.pings ?? 0) > pings + 1);
		expect(calls()).toBe(0);
		expect(server.sessions).toHaveLength(1);
	});

	it("[N55] what is held for long is named in a further hello; jobs that come and go cost none", async () => {
		const first = await open({ capacity: 2 });
		const { server } = fixture;
		let hellos = 0;
		// They must come and go within a second, which a busy machine does not manage each time.
		for (let isQuick = false; !isQuick; ) {
			hellos = first.hellos.length;
			const beganAt = performance.now();
			for (let job = 0; job < 5; job++) {
				const lease = server.offer(buildGrant());
				await server.until(() => lease.finish !== null);
			}
			isQuick = performance.now() - beganAt < 1_000;
			const { pings } = first;
			// More than a second: what was held for long is told by then.
			if (!isQuick) await server.until(() => first.pings > pings + 5);
		}
		const long = server.offer(buildGrant({ run: untilGo() }));
		await server.until(() => first.leases.length > 0);
		expect(first.hellos.slice(hellos).map(({ leases }) => leases)).toEqual([[long.grant.lease.id]]);
		go();
		await server.until(() => first.hellos.length === hellos + 2);
		expect(first.leases).toEqual([]);
	});

	it("[N56] a cancel and a loss that are pushed act at once", async () => {
		const first = await open({ capacity: 2 }, 10);
		const { server, folder } = fixture;
		const canceled = server.offer(buildGrant({ run: "echo up; sleep 1000" }));
		const lost = server.offer(buildGrant({ run: `echo $$ > '${folder}/pid'; echo up; sleep 1000` }));
		await server.until(() => canceled.text.includes("up\n") && lost.text.includes("up\n"));
		first.send({ type: "cancel", lease: canceled.grant.lease.id, graceSeconds: 1 });
		first.send({ type: "lost", lease: lost.grant.lease.id });
		await server.until(() => canceled.finish !== null && fixture.has("lease-lost"));
		expect([canceled.finish?.outcome, lost.finish]).toEqual(["canceled", null]);
		const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
		while (existsSync(`/proc/${pid}`)) await new Promise((resolve) => setImmediate(resolve));
	});

	it("[N57] a server that asks to drain hears of no free runner until the session begins anew", async () => {
		const first = await open({}, 10);
		const { server } = fixture;
		first.send({ type: "drain" });
		await server.until(() => fixture.has("server-asks-to-drain"));
		first.close(1_001);
		await session(1);
		await server.until(() => fixture.has("server-wants-work-done"));
	});

	it("[N58] a runner that drains says bye, keeps its session while jobs run, and then closes it", async () => {
		const first = await open();
		const { server } = fixture;
		const lease = server.offer(buildGrant({ run: untilGo() }));
		await server.until(() => lease.text.includes("up\n"));
		fixture.runner?.drain();
		await server.until(() => first.frames.at(-1)?.type === "bye");
		const { pings } = first;
		await server.until(() => first.pings > pings + 2);
		const late = server.offer(buildGrant());
		go();
		await fixture.done;
		await server.until(() => !first.isOpen);
		expect([lease.finish?.outcome, late.starts]).toEqual(["passed", 0]);
	});

	it("[N59] an exclusive job goes on while pings are answered, and stops itself when they are not", async () => {
		const first = await open();
		const { server } = fixture;
		const grant = buildGrant({ run: "echo up; sleep 1000", exclusive: true });
		grant.lease.stopAfterSeconds = 1;
		const lease = server.offer(grant);
		await server.until(() => lease.text.includes("up\n"));
		const { pings } = first;
		await server.until(() => first.pings > pings + 5);
		expect(lease.finish).toBe(null);
		server.hasSessions = false;
		server.intercept = ({ path }) => (path.includes("/lease/") ? null : { status: 503 });
		first.isSilent = true;
		await server.until(() => lease.finish !== null);
		expect(lease.finish?.reason).toMatch(/without contact/);
	});
});

describe("coming back", () => {
	it("[N60] a session that is cut, closed or silent is opened anew and names what is held, under one instance", async () => {
		const first = await open();
		const { server } = fixture;
		const lease = server.offer(buildGrant({ run: untilGo() }));
		await server.until(() => lease.text.includes("up\n"));
		first.cut();
		const second = await session(1);
		second.close(1_012);
		const third = await session(2);
		third.isSilent = true;
		const fourth = await session(3);
		const hellos = [second, third, fourth].map(({ hellos: [hello] }) => hello);
		expect(hellos.map((hello) => hello?.leases)).toEqual(Array(3).fill([lease.grant.lease.id]));
		expect(new Set(server.sessions.map(({ hellos: [hello] }) => hello?.instanceId)).size).toBe(1);
		go();
		await server.until(() => lease.finish !== null);
		expect(lease.finish?.outcome).toBe("passed");
	});

	it("[N61] where none can be opened, calls do the same, and a session takes over when there is one again", async () => {
		fixture = new FakeServerRunner();
		const { server } = fixture;
		server.heartbeatSeconds = 0.05;
		await server.open();
		await fixture.start({ retry: { initialMs: 20, maxMs: 40, random: () => 0.01 } });
		const polled = server.offer(buildGrant({ run: untilGo() }));
		await server.until(() => polled.renewals > 2);
		expect(fixture.events.filter(({ event }) => event === "session-refused")).toHaveLength(1);
		server.hasSessions = true;
		const first = await session(0);
		expect(first.leases).toEqual([polled.grant.lease.id]);
		go();
		await server.until(() => polled.finish !== null);
		const before = calls();
		const pushed = server.offer(buildGrant());
		await server.until(() => pushed.finish !== null);
		expect(calls()).toBe(before);
	});

	it("[N62] a newer process of the same runner ends this one with a clear message, and its jobs with it", async () => {
		const first = await open();
		const { server, folder } = fixture;
		const lease = server.offer(buildGrant({ run: `echo $$ > '${folder}/pid'; echo up; sleep 1000` }));
		await server.until(() => lease.text.includes("up\n"));
		first.close(4_009, "a newer session of this runner");
		await expect(fixture.done).rejects.toThrow(/another process runs as this runner/);
		expect(lease.finish).toBe(null);
		expect(existsSync(`/proc/${readFileSync(join(folder, "pid"), "utf8").trim()}`)).toBe(false);
	});

	it("[N63] a server that does not understand the runner gets what it holds finished by calls, then it ends", async () => {
		const first = await open();
		const { server } = fixture;
		const lease = server.offer(buildGrant({ run: untilGo() }));
		await server.until(() => lease.text.includes("up\n"));
		first.close(4_400, "not a frame of a session");
		const ended = expect(fixture.done).rejects.toThrow(/does not understand this runner/);
		const { renewals } = lease;
		await server.until(() => lease.renewals > renewals + 2);
		go();
		await ended;
		expect(lease.finish?.outcome).toBe("passed");
	});

	it("[N64] with `session: false` none is asked for", async () => {
		fixture = new FakeServerRunner();
		const { server } = fixture;
		server.hasSessions = true;
		await server.open();
		await fixture.start({ session: false });
		const lease = server.offer(buildGrant());
		await server.until(() => lease.finish !== null);
		expect(server.callsTo("/v1/runner/session")).toEqual([]);
	});
});

describe("a runner that is known no more", () => {
	it("[N113] with its one job leaves when that is over, and asks for no other session", async () => {
		await open({ once: true });
		const { server } = fixture;
		const sessions = () => server.callsTo("/v1/runner/session").length;
		let refused = 0;
		server.intercept = ({ path }) => {
			if (path !== "/v1/lease/finish" || refused > 5) return null;
			server.sessions[0]?.close(4_410, "its one job is over");
			refused++;
			return problem(503, "unavailable");
		};
		const lease = server.offer(buildGrant());
		await fixture.done;
		expect([lease.finish?.outcome, sessions(), refused]).toEqual(["passed", 1, 6]);
	});

	it("[N114] that was removed ends with the server's words, and what runs with it, and registers not again", async () => {
		const first = await open();
		const { server } = fixture;
		const lease = server.offer(buildGrant({ run: "echo up; sleep 1000" }));
		await server.until(() => lease.text.includes("up\n"));
		server.intercept = ({ path }) => (path.startsWith("/v1/runner/") ? problem(403, "runner-removed") : null);
		lease.state = "lost";
		first.send({ type: "lost", lease: lease.grant.lease.id });
		first.close(4_410, "this runner was removed");
		await expect(fixture.done).rejects.toThrow("runner-removed");
		expect([lease.finish, server.registrations.length]).toEqual([null, 1]);
	});
});
