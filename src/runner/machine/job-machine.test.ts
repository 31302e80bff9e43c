// What the machine's owner decides about jobs by hooks, and what is the machine's fault and not the job's.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { buildGrant, headingOf } from "../../testing/fake-server/fake-server-lease.ts";
import { FakeServerRunner } from "../../testing/fake-server/fake-server-runner.ts";
import { machineState, wantOf } from "./machine-want.ts";
import type { RunnerOptions } from "../runner.ts";

let fixture: FakeServerRunner;
afterEach(() => fixture.close());

async function open(options: (fixture: FakeServerRunner) => Partial<RunnerOptions> = () => ({})): Promise<void> {
	fixture = new FakeServerRunner();
	await fixture.server.open();
	await fixture.start(options(fixture));
}

describe("hooks", () => {
	const openWith = (preJob: string, postJob: string) =>
		open(({ folder }) => ({
			hooks: { "pre-job": fixture.program("pre", preJob), "post-job": fixture.program("post", postJob) },
			hostEnv: { PATH: process.env.PATH, OWN: "the machine's", LEAK: "registration-token", FOLDER: folder },
		}));

	it("[N87] hooks run before and after the job, know what it is, and print into its log", async () => {
		await openWith(
			'echo "pre $SPILLWAY_JOB_KEY $OWN"; env > "$FOLDER/env"',
			'echo "post $SPILLWAY_OUTCOME $SPILLWAY_EXIT_CODE"',
		);
		const lease = await fixture.runToEnd({ run: "exit 3", secrets: { KEY: "correct-horse" } });
		expect(lease.text).toBe(
			`${headingOf("pre-job")}pre test the machine's\n${headingOf("step 1")}${headingOf("post-job")}post failed 3\n`,
		);
		expect(lease.finish).toMatchObject({ outcome: "failed", exitCode: 3, logLength: lease.log.length });
		expect(readFileSync(join(fixture.folder, "env"), "utf8")).not.toMatch(/correct-horse|token/);
	});

	it.each([
		["a fault of the machine", 7, "machine-fault"],
		["an objection to the job, which is refused", 77, null],
	])("[N88] a hook before the job that fails is %s: exit code %i", async (_, code, platformFault) => {
		await openWith(`echo no room; exit ${code}`, "true");
		const lease = await fixture.runToEnd({ run: `touch '${fixture.folder}/ran'` });
		expect(lease.finish).toMatchObject({ outcome: "refused", exitCode: null, platformFault });
		expect(lease.finish?.reason).toBe(`the hook pre-job ended with exit code ${code}`);
		expect(fixture.has("runner-unwell")).toBe(platformFault !== null);
		expect(lease.text).toContain("no room\n");
		expect(existsSync(join(fixture.folder, "ran"))).toBe(false);
	});

	it("[N89] the hook after the job runs when the job was canceled too, and changes nothing of what it came to", async () => {
		await openWith("true", 'echo "post $SPILLWAY_OUTCOME" >> "$FOLDER/said"; exit 9');
		const { server, folder } = fixture;
		expect((await fixture.runToEnd()).finish?.outcome).toBe("passed");
		const lease = server.offer(buildGrant({ run: "echo up; while :; do echo on; sleep 0.02; done" }));
		await server.until(() => lease.text.includes("up\n"));
		lease.state = "canceling";
		await server.until(() => lease.finish !== null);
		expect(lease.finish?.outcome).toBe("canceled");
		expect(readFileSync(join(folder, "said"), "utf8")).toBe("post passed\npost canceled\n");
	});
});

describe("the machine's fault", () => {
	it("[N93] a step that is killed by nobody known says so", async () => {
		await open();
		const lease = await fixture.runToEnd({ run: "kill -KILL $$" });
		expect(lease.finish).toMatchObject({ outcome: "failed", signal: "SIGKILL" });
		expect(lease.finish?.reason).toMatch(/\(SIGKILL\); (the runner did not send it|the machine ran out of memory)/);
		if (process.platform === "linux") expect(machineState(fixture.folder).memoryKills).toBeGreaterThanOrEqual(0);
	});

	const [outOfMemory, unknown] = [
		"the machine ran out of memory meanwhile, and the kernel killed for it",
		"the runner did not send it",
	];
	const full = "the disk that it works on is full";
	it.each([
		["SIGKILL", 1, false, outOfMemory],
		["SIGKILL", 0, false, unknown],
		["SIGKILL", 1, true, `${outOfMemory}; ${full}`],
		["SIGTERM", 1, false, null],
		[null, 1, false, null],
		[null, 0, true, full],
	])("[N93][N112] with %s, %i kills for memory, a full disk: %s, it says: %s", (signal, kills, isDiskFull, words) => {
		const before = { memoryKills: 7, isDiskFull: false };
		expect(wantOf(before, { memoryKills: 7 + kills, isDiskFull }, { signal })).toBe(words);
	});

	/** Where the test may mount one. */
	const hasSmallDisk = spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;
	if (!hasSmallDisk) process.stderr.write("[N112] not tried here: a full disk, for this user may mount none\n");
	else
		it("[N112] a step that fails on a full disk says so", async () => {
			fixture = new FakeServerRunner();
			const { server } = fixture;
			await server.open();
			mkdirSync(fixture.workDir);
			const mount = `mount -t tmpfs -o size=64m none '${fixture.workDir}'; exec "$@"`;
			const child = fixture.spawnRunner({ by: ["unshare", "--mount", "bash", "-c", mount, "bash"] });
			const full = await fixture.runToEnd({ run: "head -c 128M /dev/zero > file" });
			expect(full.finish).toMatchObject({ outcome: "failed", exitCode: 1 });
			expect(full.finish?.reason).toMatch(/exit code 1; the disk that it works on is full$/);
			const roomy = await fixture.runToEnd({ run: "exit 1" });
			expect(roomy.finish?.reason).toMatch(/exit code 1$/);
			child.kill("SIGTERM");
			await new Promise((resolve) => child.once("exit", resolve));
		});

	it("[N94] a disk that takes no more of a log is the machine's fault, and what was kept of the log is whole", async () => {
		fixture = new FakeServerRunner();
		const { server } = fixture;
		await server.open();
		const path = fileURLToPath(new URL("../runner.ts", import.meta.url));
		const { eventLog: _, ...options } = fixture.options();
		const script = `const { runRunner } = await import(${JSON.stringify(path)}); await runRunner(${JSON.stringify(options)});`;
		// No file may be larger than 64 KiB: to the runner that is a full disk.
		const words = ["-c", 'ulimit -f 64; exec "$0" "$@"', process.execPath, "--input-type=module", "--eval", script];
		const child = spawn("bash", words, { stdio: "ignore" });
		const lease = await fixture.runToEnd({ run: "head -c 200000 /dev/zero | tr '\\0' x; sleep 1000" });
		expect(lease.finish).toMatchObject({ outcome: "refused", platformFault: "machine-fault", logLength: 65_536 });
		expect(lease.finish?.reason).toMatch(/^the runner cannot keep its log: EFBIG/);
		expect(lease.log.length).toBe(65_536);
		child.kill("SIGTERM");
		await new Promise((resolve) => child.once("exit", resolve));
	});
});
