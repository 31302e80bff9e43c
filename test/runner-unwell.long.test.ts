// A runner whose disk is full beside a healthy one: real processes, a real disk, and a run that passes all the same.
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { RunnerRig } from "./runner-rig.ts";

let rig: RunnerRig;
beforeAll(async () => {
	rig = await RunnerRig.open();
});
afterAll(() => rig.close());

/** Where the test may mount a small one. */
const hasSmallDisk = spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;
const jobs = 60;

if (!hasSmallDisk) process.stderr.write("[N148] not tried here: a full disk, for this user may mount none\n");
else
	it("[N148][P12][J18] sixty jobs pass though the quickest runner of the pool has a full disk, which takes jobs again when it has room", async () => {
		const pool = "full";
		mkdirSync(rig.path("small"), { recursive: true });
		const mount = `mount -t tmpfs -o size=48m none '${rig.path("small")}'; exec "$@"`;
		const by = ["unshare", "--mount", "bash", "-c", mount, "bash"];
		const small = rig.runner(pool, { workDir: "small", words: ["--labels", "small", "--capacity", "4"], by });
		const fill = await rig.submit(pool, [
			{
				key: "fill",
				labels: ["small"],
				run: "head -c 1G /dev/zero > ../../../fill 2>/dev/null || true",
				retry: { maxAttempts: 3 },
			},
		]);
		await rig.finished(pool, fill);
		rig.runner(pool, { workDir: "large", words: ["--labels", "large", "--capacity", "4"] });
		const run = await rig.submit(
			pool,
			Array.from({ length: jobs }, (_, at) => ({ key: `j${at}`, run: "sleep 0.1" })),
		);
		const waits = await rig.submit(pool, [{ key: "small", labels: ["small"], run: "true" }]);
		const done = await rig.finished(pool, run);
		expect(done.filter(({ outcome }) => outcome !== "passed").map(({ key, reason }) => `${key}: ${reason}`)).toEqual(
			[],
		);
		const attempts = done.flatMap((job) => job.attempts);
		const faults = attempts.filter(({ platformFault }) => platformFault === "machine-fault");
		expect(attempts.filter(({ outcome }) => outcome !== "passed").length).toBe(faults.length);
		expect(faults.length).toBeLessThanOrEqual(8);

		const shown = await rig.client.pools.get({ owner: "acme", pool });
		const unwell = shown.runners.find(({ labels }) => labels.includes("small"));
		expect(unwell).toMatchObject({ state: "unwell", reason: expect.stringMatching(/disk|room|space|ENOSPC/) });
		const [waiting] = (await rig.client.runs.get({ owner: "acme", repo: pool }, waits.id)).jobs ?? [];
		if (waiting?.state === "waiting") expect(waiting.waiting?.detail).toMatch(/unwell|backoff/);

		// The mount is the runner's alone; its process shows it.
		rmSync(`/proc/${small.process.pid}/root${rig.path("small")}/fill`);
		const [last] = await rig.finished(pool, waits);
		expect(last?.outcome).toBe("passed");
	}, 120_000);
