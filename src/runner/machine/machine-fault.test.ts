// A machine that cannot run jobs: what its runner says of it, by calls and over a session, and when it asks for work again.
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import type { FinishRequest } from "../../contracts/http/lease.ts";
import { buildGrant } from "../../testing/fake-server/fake-server-lease.ts";
import { FakeServerRunner } from "../../testing/fake-server/fake-server-runner.ts";
import type { RunnerOptions } from "../runner.ts";

let fixture: FakeServerRunner;
afterEach(() => fixture.close());

/** Its hook can be taken away and given back. */
async function open(options: Partial<RunnerOptions> = {}): Promise<{ breakIt: () => void; mendIt: () => void }> {
	fixture = new FakeServerRunner();
	const { server } = fixture;
	await server.open();
	const hook = fixture.program("pre", "true");
	await fixture.start({ hooks: { "pre-job": hook }, healthBackoff: { initialMs: 20, maxMs: 20 }, ...options });
	return { breakIt: () => rmSync(hook), mendIt: () => void fixture.program("pre", "true") };
}

const isFault = (finish: FinishRequest | null) => finish?.platformFault === "machine-fault";
const acquires = () => fixture.server.callsTo("/v1/runner/acquire").length;
const beats = () =>
	fixture.server.callsTo("/v1/runner/heartbeat").map(({ body }): { unwell?: string } => JSON.parse(body.toString()));

it("[N145] an unwell runner says so with its heartbeats, and asks for no work until it is well", async () => {
	const { breakIt, mendIt } = await open();
	const { server } = fixture;
	server.heartbeatSeconds = 0.05;
	breakIt();
	const lease = await fixture.runToEnd();
	expect(isFault(lease.finish)).toBe(true);
	expect(lease.finish?.steps?.map(({ startedAt }) => startedAt)).toEqual([null]);
	await server.until(() => beats().some(({ unwell }) => unwell !== undefined));
	const asked = acquires();
	const told = beats().length;
	await server.until(() => beats().length > told + 2);
	expect(acquires()).toBe(asked);
	expect(beats().at(-1)?.unwell).toMatch(/^(its hook cannot be run|the hook pre-job ended with)/);
	mendIt();
	expect((await fixture.runToEnd()).finish?.outcome).toBe("passed");
	expect(fixture.events.map(({ event }) => event)).toContain("runner-well");
});

it("[N145] over a session it says so at once, and again when it is well", async () => {
	fixture = new FakeServerRunner();
	fixture.server.hasSessions = true;
	await fixture.server.open();
	const hook = fixture.program("pre", "exit 1");
	await fixture.start({ hooks: { "pre-job": hook }, healthBackoff: { initialMs: 200, maxMs: 200 } });
	const { server } = fixture;
	await server.until(() => server.sessions[0]?.isWaiting === true);
	const lease = await fixture.runToEnd();
	expect(isFault(lease.finish)).toBe(true);
	const hellos = () => server.sessions[0]?.hellos ?? [];
	await server.until(() => hellos().some(({ unwell }) => unwell !== undefined));
	const sick = hellos().findIndex(({ unwell }) => unwell !== undefined);
	expect(hellos()[sick]?.unwell).toBe("the hook pre-job ended with exit code 1");
	await server.until(() =>
		hellos()
			.slice(sick)
			.some(({ unwell }) => unwell === undefined),
	);
});

it("[N145] a runner that begins on an unwell machine takes nothing before it is well", async () => {
	const { breakIt, mendIt } = await open();
	fixture.runner?.drain();
	await fixture.done;
	breakIt();
	const lease = fixture.server.offer(buildGrant());
	fixture.server.heartbeatSeconds = 0.05;
	const told = beats().length;
	await fixture.start({
		hooks: { "pre-job": join(fixture.folder, "pre") },
		healthBackoff: { initialMs: 20, maxMs: 20 },
	});
	await fixture.server.until(() => beats().length > told + 1);
	expect(lease.starts).toBe(0);
	mendIt();
	await fixture.server.until(() => lease.finish !== null);
	expect(lease.finish?.outcome).toBe("passed");
});

it("[N147] a folder of jobs that is gone is the machine's fault, and the runner is well when it is there again", async () => {
	await open();
	const { server, workDir } = fixture;
	const jobs = join(workDir, "jobs");
	await fixture.runToEnd();
	await server.until(() => existsSync(jobs));
	rmSync(jobs, { recursive: true, force: true });
	const lease = await fixture.runToEnd();
	expect(lease.finish).toMatchObject({ outcome: "refused", platformFault: "machine-fault", logLength: 0 });
	expect(lease.finish?.reason).toMatch(/folder of jobs cannot be used/);
	mkdirSync(jobs);
	expect((await fixture.runToEnd()).finish?.outcome).toBe("passed");
});
