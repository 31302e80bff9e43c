// What a runner that was killed leaves behind, and how the next one ends it: with a real process that is really killed.
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { buildGrant } from "../testing/fake-server/fake-server-lease.ts";
import { FakeServerRunner } from "../testing/fake-server/fake-server-runner.ts";
import { Leftovers } from "./leftovers.ts";
import { identify, isAlive } from "./process/process-identity.ts";
import type { ProcessIdentity } from "./process/process-identity.ts";

let fixture: FakeServerRunner;
afterEach(() => fixture.close());

function exitOf(child: ChildProcess): Promise<{ code: number | null; signal: string | null }> {
	return new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
}

describe("a crash", () => {
	/** A runner that is killed while it runs a job that waits for ever; resolves to the job's process. */
	async function killRunnerOf(script: string): Promise<ProcessIdentity> {
		fixture = new FakeServerRunner();
		const { server, folder } = fixture;
		await server.open();
		const child = fixture.spawnRunner();
		const exited = exitOf(child);
		const lease = server.offer(buildGrant({ run: `echo $$ > '${folder}/pid'; ${script}; echo up; sleep 1000` }));
		await server.until(() => lease.text.includes("up\n"));
		const orphan = await identify(Number(readFileSync(join(folder, "pid"), "utf8")));
		child.kill("SIGKILL");
		await exited;
		expect(orphan).not.toBe(null);
		return orphan as ProcessIdentity;
	}

	async function gone(orphan: ProcessIdentity): Promise<void> {
		while (await isAlive(orphan)) await new Promise((resolve) => setTimeout(resolve, 10));
	}

	it("[N106] what a killed runner's jobs still run ends with it, though no other runner starts", async () => {
		const orphan = await killRunnerOf("trap '' TERM HUP PIPE");
		await gone(orphan);
	});

	it("[N48] the next runner in a folder kills what jobs of a killed one still run, and clears their folders", async () => {
		fixture = new FakeServerRunner();
		const { server, workDir } = fixture;
		await server.open();
		const child = fixture.spawnRunner();
		const exited = exitOf(child);
		const lease = server.offer(buildGrant({ run: "echo $$ $PPID $(ps -o ppid= -p $PPID) up; sleep 1000" }));
		await server.until(() => lease.text.includes("up\n"));
		const [step = 0, leader = 0, starter = 0] = /^(\d+) (\d+) +(\d+) up/m.exec(lease.text)?.slice(1).map(Number) ?? [];
		const orphan = (await identify(step)) as ProcessIdentity;
		// With starter and leader gone too, nobody else is left to do it.
		child.kill("SIGSTOP");
		process.kill(starter, "SIGKILL");
		process.kill(leader, "SIGKILL");
		child.kill("SIGKILL");
		await exited;
		expect(await isAlive(orphan)).toBe(true);
		await fixture.start();
		const facts = { lease: lease.grant.lease.id, killed: true };
		expect(fixture.events).toContainEqual({ event: "job-left-behind", facts });
		expect(await isAlive(orphan)).toBe(false);
		expect(readdirSync(join(workDir, "jobs"))).toEqual([]);
	});

	it("[N49] a process that merely has the recorded number is left alone", async () => {
		fixture = new FakeServerRunner();
		const { server, workDir } = fixture;
		await server.open();
		const other = spawn("sleep", ["1000"], { detached: true, stdio: "ignore" });
		mkdirSync(join(workDir, "jobs", "jold-0.1"), { recursive: true });
		const recorded = { pid: other.pid, startedAt: "1@another boot", kind: "group", cgroup: "", mark: "of no job" };
		mkdirSync(join(workDir, "processes"));
		writeFileSync(join(workDir, "processes", "jold-0.1.json"), JSON.stringify(recorded));
		await fixture.start();
		expect(await identify(other.pid ?? 0)).not.toBe(null);
		expect(existsSync(join(workDir, "jobs", "jold-0.1"))).toBe(false);
		other.kill("SIGKILL");
	});

	it("[N50] SIGTERM drains: the job that runs is finished, then the process ends with 0", async () => {
		fixture = new FakeServerRunner();
		const { server, folder } = fixture;
		await server.open();
		const child = fixture.spawnRunner();
		const exited = exitOf(child);
		const lease = server.offer(buildGrant({ run: `echo up; until [ -e '${folder}/go' ]; do sleep 0.02; done` }));
		await server.until(() => lease.text.includes("up\n"));
		child.kill("SIGTERM");
		writeFileSync(join(folder, "go"), "");
		expect(await exited).toEqual({ code: 0, signal: null });
		expect(lease.finish?.outcome).toBe("passed");
	});
});

describe("what cannot be deleted", () => {
	const isRoot = process.getuid?.() === 0;
	/** As root nothing but this keeps a file; not every file system can. */
	function immutable(path: string, is: boolean): boolean {
		return spawnSync("chattr", [is ? "+i" : "-i", path]).status === 0;
	}

	it("[N149] stray names in the runner's folders keep no runner from starting, and stay", async () => {
		fixture = new FakeServerRunner();
		const { server, workDir } = fixture;
		await server.open();
		const strays = ["jobs/lost+found", "jobs/.DS_Store", "cache/.DS_Store", "cache/notes"].map((name) =>
			join(workDir, name),
		);
		for (const stray of strays) {
			mkdirSync(dirname(stray), { recursive: true });
			writeFileSync(stray, "");
		}
		await fixture.start();
		expect((await fixture.runToEnd()).finish?.outcome).toBe("passed");
		expect(strays.filter((stray) => !existsSync(stray))).toEqual([]);
		expect(fixture.events.filter(({ event }) => event === "stray-name")).toHaveLength(2);
	});

	const kept = (workDir: string) =>
		["jobs/jold-0.1/file", "pipes/0", `cache/${"0".repeat(32)}.git/file`].map((name) => join(workDir, name));
	it.skipIf(!isRoot)(
		"[N149] files that cannot be deleted keep none either: it says so, and deletes them when it can",
		async () => {
			fixture = new FakeServerRunner();
			const { server, workDir } = fixture;
			await server.open();
			const files = kept(workDir);
			for (const file of files) {
				mkdirSync(dirname(file), { recursive: true });
				writeFileSync(file, "kept");
				writeFileSync(join(dirname(file), "other"), "");
			}
			const areKept = files.every((file) => immutable(file, true));
			try {
				await fixture.start({ gitCacheBytes: 1 });
				expect((await fixture.runToEnd()).finish?.outcome).toBe("passed");
				if (areKept) {
					expect(files.filter((file) => !existsSync(file))).toEqual([]);
					expect(files.filter((file) => existsSync(join(dirname(file), "other")))).toEqual([]);
					expect(fixture.events.filter(({ event }) => event === "left-behind").length).toBeGreaterThanOrEqual(2);
				}
			} finally {
				for (const file of files) immutable(file, false);
			}
			fixture.runner?.drain();
			await fixture.done;
			await fixture.start({ gitCacheBytes: 1 });
			expect(files.filter((file) => existsSync(file))).toEqual([]);
		},
	);

	it("[N149] what could not be deleted is deleted later, and said once", async () => {
		fixture = new FakeServerRunner();
		const said: string[] = [];
		const leftovers = new Leftovers((event) => void said.push(event));
		const path = join(fixture.folder, "kept");
		mkdirSync(path);
		const file = join(path, "file");
		writeFileSync(file, "");
		// Where nothing can be kept from its owner, it is gone at once.
		const isKept = isRoot && immutable(file, true);
		expect(await leftovers.remove(path)).toBe(!isKept);
		expect(await leftovers.remove(path)).toBe(!isKept);
		immutable(file, false);
		await leftovers.removeAll();
		expect(existsSync(path)).toBe(false);
		expect(said).toEqual(isKept ? ["left-behind", "leftover-removed"] : []);
	});
});

describe("a terminal that closes", () => {
	it.each([
		["drains, however often it hangs up", "/usr/bin/node", true],
		["goes on under nohup", "/usr/bin/nohup", false],
	])("[N150] a runner %s", async (_, by, drains) => {
		fixture = new FakeServerRunner();
		const { server, folder } = fixture;
		await server.open();
		const child = fixture.spawnRunner({ by: ["env", `_=${by}`] });
		const exited = exitOf(child);
		const lease = server.offer(buildGrant({ run: `echo up; until [ -e '${folder}/go' ]; do sleep 0.02; done` }));
		await server.until(() => lease.text.includes("up\n"));
		for (let hangups = 0; hangups < 3; hangups++) child.kill("SIGHUP");
		const asked = server.callsTo("/v1/runner/acquire").length;
		writeFileSync(join(folder, "go"), "");
		await server.until(() => lease.finish !== null);
		expect(lease.finish?.outcome).toBe("passed");
		if (!drains) {
			await server.until(() => server.callsTo("/v1/runner/acquire").length > asked);
			child.kill("SIGTERM");
		}
		expect(await exited).toEqual({ code: 0, signal: null });
		expect(server.callsTo("/v1/runner/heartbeat").map(({ body }) => JSON.parse(body.toString()))).toContainEqual(
			expect.objectContaining({ leaving: true }),
		);
	});
});
