// Jobs that break what their runner starts steps by, and what the runner then says of itself: real processes, and a job that
// takes nothing from the next one.
import { once } from "node:events";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { buildGrant } from "../../testing/fake-server/fake-server-lease.ts";
import { FakeServerRunner } from "../../testing/fake-server/fake-server-runner.ts";
import { hasSandbox } from "../../testing/real-sandbox.ts";
import { bubblewrap } from "../machine/isolation.ts";

let fixture: FakeServerRunner;
afterEach(() => fixture.close());

it("[N169] a job that breaks how its next step begins has failed, and its runner stays well", async () => {
	fixture = await FakeServerRunner.open({ wrap: "env --" });
	const inTheWay = "rm -f ../env.fifo ../steps/env.fifo; mkdir -p ../env.fifo/x ../steps/env.fifo/x";
	const lease = await fixture.runToEnd({ run: [inTheWay, "echo second"] });
	expect(lease.finish).toMatchObject({ outcome: "failed", exitCode: null, platformFault: null });
	expect(lease.finish?.reason).toMatch(/^its next step could not begin: its environment cannot be handed in/);
	expect(fixture.has("runner-unwell")).toBe(false);
	expect((await fixture.runToEnd({ run: "true" })).finish?.outcome).toBe("passed");
});

it("[N169] one whose scripts it took away has failed", async () => {
	fixture = await FakeServerRunner.open({ wrap: "env --" });
	const lease = await fixture.runToEnd({ run: ["rm -rf ../steps", "echo second"] });
	expect(lease.finish).toMatchObject({ outcome: "failed", exitCode: 127, platformFault: null });
});

it("[N171] a job that stopped what starts jobs, and killed its leader, ends, and so does the next", async () => {
	fixture = await FakeServerRunner.open();
	const stop = "starter=$(ps -o ppid= -p $PPID); kill -STOP $starter; kill -KILL $PPID; sleep 1000";
	const lease = await fixture.runToEnd({ run: stop });
	expect(lease.finish).toMatchObject({ outcome: "failed", signal: "SIGKILL" });
	expect((await fixture.runToEnd({ run: "true" })).finish?.outcome).toBe("passed");
});

it("[N171] neither does it take the next job's start when it ended by itself", async () => {
	fixture = await FakeServerRunner.open();
	await fixture.runToEnd({ run: "kill -STOP $(ps -o ppid= -p $PPID)" });
	expect((await fixture.runToEnd({ run: "true" })).finish?.outcome).toBe("passed");
	expect(fixture.has("runner-unwell")).toBe(false);
});

it("[N171] an exclusive job that stopped its guard ends all the same", async () => {
	fixture = await FakeServerRunner.open();
	const find = `runner=$(ps -o ppid= -p $(ps -o ppid= -p $PPID))
		until [ -n "\${guard:-}" ]; do guard=$(ps -o pid=,args= --ppid $runner | sed -n 's/^ *\\([0-9]*\\) spillway-guard$/\\1/p'); done`;
	const lease = await fixture.runToEnd({ run: `${find}\nkill -STOP $guard`, exclusive: true });
	expect(lease.finish?.outcome).toBe("passed");
});

it("[N172] what the runner was started with open is not open in a job", async () => {
	fixture = new FakeServerRunner();
	const { server } = fixture;
	await server.open();
	const child = fixture.spawnRunner({ by: ["bash", "-c", 'exec 7</dev/null; exec "$@"', "open"] });
	const lease = server.offer(buildGrant({ run: "{ : <&7; } 2>/dev/null && echo open || echo shut" }));
	await server.until(() => lease.finish !== null);
	expect(lease.text).toMatch(/\nshut\n$/);
	child.kill("SIGTERM");
	await once(child, "exit");
});

it("[N173] a folder of pipes that a job, or who clears old files, took away is made anew for the next job", async () => {
	fixture = await FakeServerRunner.open();
	const lease = await fixture.runToEnd({ run: ["rm -rf ../../../pipes", "echo second"] });
	expect(lease.finish?.reason).toMatch(/^its next step could not begin: it cannot open its output/);
	for (let job = 0; job < 3; job++) expect((await fixture.runToEnd({ run: "true" })).finish?.outcome).toBe("passed");
	rmSync(join(fixture.workDir, "pipes"), { recursive: true });
	for (let job = 0; job < 3; job++) expect((await fixture.runToEnd({ run: "true" })).finish?.outcome).toBe("passed");
	expect(fixture.has("runner-unwell")).toBe(false);
});

it("[N174] pipes that cannot be made ahead end no runner, and no job while there are others", async () => {
	fixture = await FakeServerRunner.open();
	await fixture.runToEnd({ run: "true" });
	// Of the second batch.
	writeFileSync(join(fixture.workDir, "pipes", "60"), "");
	for (let job = 0; job < 16; job++) expect((await fixture.runToEnd({ run: "true" })).finish?.outcome).toBe("passed");
	expect(fixture.has("runner-unwell")).toBe(false);
});

if (hasSandbox)
	describe("in a real sandbox", () => {
		it("[N168] what is hidden from a job is hidden by every name, links to it included", async () => {
			fixture = new FakeServerRunner();
			const { server, folder } = fixture;
			await server.open();
			for (const name of ["real home", "real work"]) mkdirSync(join(folder, name));
			writeFileSync(join(folder, "real home", "key"), "the user's");
			symlinkSync(join(folder, "real home"), join(folder, "home"));
			symlinkSync(join(folder, "real work"), join(folder, "work"));
			// Without the sandbox's own /tmp, in which the test's folder is.
			const wrap = bubblewrap.replace("--tmpfs /tmp", "");
			const hostEnv = { PATH: process.env.PATH, HOME: join(folder, "home") };
			await fixture.start({ wrap, hostEnv, workDir: join(folder, "work", "runner") });
			const look = [`cat '${folder}/real home/key'`, `cat '${folder}/real work/runner/runner.json'`];
			const lease = await fixture.runToEnd({ run: `${look.map((line) => `${line} || echo hidden`).join("\n")}; pwd` });
			expect(lease.finish?.outcome).toBe("passed");
			expect(lease.text.match(/^hidden$/gm)).toHaveLength(2);
		});

		it.each(["/nowhere/at all", "/"])("[N168] a user whose home is %s has jobs all the same", async (HOME) => {
			fixture = await FakeServerRunner.open({ wrap: bubblewrap, hostEnv: { PATH: process.env.PATH, HOME } });
			expect((await fixture.runToEnd({ run: "true" })).finish?.outcome).toBe("passed");
		});
	});
