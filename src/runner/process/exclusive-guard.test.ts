// The guard of an exclusive job, with real processes, and with a runner that really stands still.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { afterEach, describe, expect, it } from "vitest";
import { buildGrant } from "../../testing/fake-server/fake-server-lease.ts";
import { FakeServerRunner } from "../../testing/fake-server/fake-server-runner.ts";
import { ExclusiveGuard } from "./exclusive-guard.ts";
import { identify, isAlive, signalGroup } from "./process-identity.ts";
import type { ProcessIdentity } from "./process-identity.ts";

describe("alone", () => {
	let fixture: FakeServerRunner;
	let leader: ChildProcess;
	let guard: ExclusiveGuard;
	afterEach(async () => {
		await guard.close();
		// With what it started: a job that is left alone goes on.
		signalGroup(leader.pid ?? 0, "SIGKILL");
		await fixture.close();
	});

	/** A leader with one process of its job, which says when its trap is set. Resolves to how that ends. */
	async function begin(script: string, { restMs }: { restMs: number }): Promise<{ ended: Promise<string> }> {
		fixture = new FakeServerRunner();
		const step = fixture.program("step", `${script}; echo up; while :; do sleep 0.05; done`);
		leader = spawn("bash", ["-c", `'${step}'; echo "ended $?"; sleep 1000`], { detached: true });
		const said: string[] = [];
		const ended = new Promise<string>((resolve) => {
			leader.once("exit", () => resolve(said.join("")));
			leader.stdout?.on("data", (bytes: Buffer) => {
				said.push(bytes.toString("utf8"));
				if (/ended \d+\n/.test(said.join(""))) resolve(said.join(""));
			});
		});
		await once(leader.stdout ?? leader, "data");
		const identity = (await identify(leader.pid ?? 0)) as ProcessIdentity;
		const processes = { ...identity, kind: "group" as const, cgroup: "", mark: "of no job" };
		guard = new ExclusiveGuard({ processes, restMs, graceMs: 1_000 });
		return { ended };
	}

	it("[N107] without contact the job gets SIGTERM when its time is over", async () => {
		const { ended } = await begin("true", { restMs: 1_000 });
		expect(await ended).toContain(`ended ${128 + constants.signals.SIGTERM}\n`);
		expect(await guard.close()).toBe(true);
	});

	it("[N107] one that ignores SIGTERM gets SIGKILL after the grace, and its leader with it", async () => {
		await begin("trap '' TERM", { restMs: 1_000 });
		expect(await once(leader, "exit")).toEqual([null, "SIGKILL"]);
		expect(await guard.close()).toBe(true);
	});

	it("[N107] contact puts the end off", async () => {
		const { ended } = await begin("true", { restMs: 1_000 });
		const beganAt = performance.now();
		const timer = setInterval(() => guard.contact(2_000), 100);
		setTimeout(clearInterval, 2_500, timer);
		await ended;
		expect(performance.now() - beganAt).toBeGreaterThan(3_000);
	});

	it("[N107] a job that is over is left alone", async () => {
		await begin("true", { restMs: 1_000 });
		expect(await guard.close()).toBe(false);
		expect(leader.exitCode).toBe(null);
	});
});

describe("with a runner that stands still", () => {
	let fixture: FakeServerRunner;
	afterEach(() => fixture.close());

	it("[N107] the job ends without it, and is reported as stopped for want of contact when it goes on", async () => {
		fixture = new FakeServerRunner();
		const { server } = fixture;
		await server.open();
		const child = fixture.spawnRunner();
		const grant = buildGrant({ run: "echo $$; while :; do sleep 0.05; done", exclusive: true });
		const lease = server.offer({ ...grant, lease: { ...grant.lease, stopAfterSeconds: 6 } });
		await server.until(() => /^\d+\n/m.test(lease.text));
		const leader = await identify(Number(/^\d+(?=\n)/m.exec(lease.text)?.[0]));
		expect(leader).not.toBe(null);
		child.kill("SIGSTOP");
		while (leader && (await isAlive(leader))) await new Promise((resolve) => setTimeout(resolve, 20));
		child.kill("SIGCONT");
		await server.until(() => lease.finish !== null);
		expect(lease.finish).toMatchObject({
			platformFault: "cut-off",
			reason: expect.stringContaining("without contact"),
		});
		child.kill("SIGTERM");
		await once(child, "exit");
	});
});
