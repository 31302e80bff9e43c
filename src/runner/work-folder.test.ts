// What a runner that was killed leaves behind, and how the next one ends it: with a real process that is really killed.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { buildGrant } from "../testing/fake-server-lease.ts";
import { FakeServerRunner } from "../testing/fake-server-runner.ts";
import { identify, isAlive } from "./process-identity.ts";

let fixture: FakeServerRunner;
afterEach(() => fixture.close());

function spawnRunner(): ChildProcess {
	const path = fileURLToPath(new URL("./runner.ts", import.meta.url));
	const { eventLog: _, ...options } = fixture.options();
	const script = `const { runRunner } = await import(${JSON.stringify(path)}); await runRunner(${JSON.stringify(options)});`;
	return spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: "ignore" });
}

function exitOf(child: ChildProcess): Promise<{ code: number | null; signal: string | null }> {
	return new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
}

describe("a crash", () => {
	it("[N48] the next runner in a folder kills what jobs of a killed one still run, and clears their folders", async () => {
		fixture = new FakeServerRunner();
		const { server, folder, workDir } = fixture;
		await server.open();
		const child = spawnRunner();
		const exited = exitOf(child);
		const lease = server.offer(buildGrant({ run: `echo $$ > '${folder}/pid'; echo up; sleep 1000` }));
		await server.until(() => lease.text.includes("up\n"));
		child.kill("SIGKILL");
		await exited;
		const orphan = await identify(Number(readFileSync(join(folder, "pid"), "utf8")));
		expect(orphan).not.toBe(null);
		await fixture.start();
		expect(fixture.events).toContainEqual({
			event: "job-left-behind",
			facts: { lease: lease.grant.lease.id, killed: true },
		});
		while (orphan && (await isAlive(orphan))) await new Promise((resolve) => setImmediate(resolve));
		expect(readdirSync(join(workDir, "jobs"))).toEqual([]);
	});

	it("[N49] a process that merely has the recorded number is left alone", async () => {
		fixture = new FakeServerRunner();
		const { server, workDir } = fixture;
		await server.open();
		const other = spawn("sleep", ["1000"], { detached: true, stdio: "ignore" });
		mkdirSync(join(workDir, "jobs", "jold-0.1"), { recursive: true });
		const recorded = { pid: other.pid, startedAt: "1@another boot" };
		writeFileSync(join(workDir, "jobs", "jold-0.1", "process.json"), JSON.stringify(recorded));
		await fixture.start();
		expect(await identify(other.pid ?? 0)).not.toBe(null);
		expect(existsSync(join(workDir, "jobs", "jold-0.1"))).toBe(false);
		other.kill("SIGKILL");
	});

	it("[N50] SIGTERM drains: the job that runs is finished, then the process ends with 0", async () => {
		fixture = new FakeServerRunner();
		const { server, folder } = fixture;
		await server.open();
		const child = spawnRunner();
		const exited = exitOf(child);
		const lease = server.offer(buildGrant({ run: `echo up; until [ -e '${folder}/go' ]; do sleep 0.02; done` }));
		await server.until(() => lease.text.includes("up\n"));
		child.kill("SIGTERM");
		writeFileSync(join(folder, "go"), "");
		expect(await exited).toEqual({ code: 0, signal: null });
		expect(lease.finish?.outcome).toBe("passed");
	});
});
