// Every way that is known of leaving a process group, against each way of holding a job together, with real processes. What
// comes of them is looked for by a word in their command line, which nothing of the runner's goes by.
import { spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { buildGrant } from "../../testing/fake-server/fake-server-lease.ts";
import type { FakeLease } from "../../testing/fake-server/fake-server-lease.ts";
import { FakeServerRunner } from "../../testing/fake-server/fake-server-runner.ts";
import { processesWith } from "../../testing/process-finder.ts";
import { isLong } from "../../testing/long-form.ts";
import { chooseContainment, ownCgroup } from "./containment.ts";
import type { ContainmentKind } from "./job-processes.ts";
import { askSupervisor } from "./supervisor.ts";

let fixture: FakeServerRunner;
let word: string;
afterEach(async () => {
	await fixture.close();
	for (const pid of processesWith(word)) process.kill(pid, "SIGKILL");
});

/** Each starts a shell that says so, lives on and notes a SIGTERM. */
const ways = {
	background: "sh -c $LOOP &",
	timeout: "timeout 600 sh -c $LOOP &",
	"job control": "set -m; sh -c $LOOP & set +m",
	setsid: "setsid sh -c $LOOP &",
	"a double fork": "(setsid sh -c $LOOP &) &",
	"another environment": "env -i PATH=$PATH sh -c $LOOP &",
	"a daemon with another environment": "(env -i PATH=$PATH setsid sh -c $LOOP &) &",
	nohup: "nohup sh -c $LOOP & disown",
	"a deaf one": `trap '' HUP INT; setsid sh -c $LOOP & trap - HUP INT`,
};
const all = Object.values(ways);

/** A step that goes all these ways, and waits until each has come to its end. */
function leaving(scripts: string[]): string {
	const { folder } = fixture;
	word = `word-${process.pid}-${performance.now()}`;
	const loop = `: ${word}; trap 'echo told >> ${folder}/told; exit' TERM; echo up >> ${folder}/up; while :; do sleep 0.2; done`;
	return [
		`LOOP="${loop.replaceAll(" ", "\t")}"; IFS=`,
		...scripts,
		`until [ "$(wc -l < ${folder}/up)" -eq ${scripts.length} ]; do sleep 0.02; done 2>/dev/null; echo all up`,
	].join("\n");
}

const lines = (name: string) => {
	const path = join(fixture.folder, name);
	return existsSync(path) ? readFileSync(path, "utf8").split("\n").length - 1 : 0;
};

const stay = "\nwhile :; do echo on; sleep 0.1; done";

async function open(contain: ContainmentKind): Promise<void> {
	fixture = await FakeServerRunner.open({ contain, graceSeconds: 2 });
}

async function offerUp(grant: Parameters<typeof buildGrant>[0]): Promise<FakeLease> {
	const lease = fixture.server.offer(buildGrant(grant));
	await fixture.server.until(() => lease.text.includes("all up\n"));
	return lease;
}

async function untilNone(): Promise<void> {
	while (processesWith(word).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
}

const strong: ContainmentKind[] = [];
for (const kind of ["cgroup", "subreaper"] as const) {
	const fault = await chooseContainment(kind).then(
		() => null,
		(error: Error) => error.message,
	);
	if (fault === null) strong.push(kind);
	else process.stderr.write(`[N118] not tried here: ${fault}\n`);
}

/** As bubblewrap does; where the test's user may not, a step without one. */
const unshare = "unshare --pid --fork --kill-child --mount-proc --";
const sandbox = spawnSync("bash", ["-c", `${unshare} true`]).status === 0 ? unshare : "env --";

// Each kind does the same in a way of its own: the short form tries the one that every machine has.
describe.each(isLong ? strong : strong.slice(-1))("by %s", (kind) => {
	it("[N118] what a job that passed left in the background is gone when its end is reported", async () => {
		await open(kind);
		const lease = await fixture.runToEnd({ run: `${leaving(all)}\nssh-agent -s` });
		expect(lease.finish?.outcome).toBe("passed");
		expect(processesWith(word)).toEqual([]);
		const agent = /SSH_AGENT_PID=(\d+)/.exec(lease.text)?.[1];
		expect(existsSync(`/proc/${agent}`)).toBe(false);
	});

	it("[N118] so it is in a sandbox with processes of its own, canceled or passed", async () => {
		fixture = await FakeServerRunner.open({ contain: kind, graceSeconds: 2, wrap: sandbox });
		const passing = await fixture.runToEnd({ run: leaving(all) });
		expect(passing.finish?.outcome).toBe("passed");
		expect(processesWith(word)).toEqual([]);
		rmSync(join(fixture.folder, "up"));
		const lease = await offerUp({ run: leaving(all) + stay });
		lease.state = "canceling";
		await fixture.server.until(() => lease.finish !== null);
		expect(processesWith(word)).toEqual([]);
	});

	it("[N118][N119] a cancel tells all of it, then nothing of it is left", async () => {
		await open(kind);
		const lease = await offerUp({ run: leaving(all) + stay });
		lease.state = "canceling";
		await fixture.server.until(() => lease.finish !== null);
		expect(processesWith(word)).toEqual([]);
		expect(lines("told")).toBe(all.length);
	});

	it("[N118] neither is it after a timeout, however deaf it is", async () => {
		await open(kind);
		const deaf = leaving(all).replace("trap 'echo", "trap '' TERM; : 'echo");
		const lease = await fixture.runToEnd({ run: deaf.replaceAll("\texit'\tTERM", "'") + stay, timeoutSeconds: 2 });
		expect(lease.text).toContain("all up\n");
		expect(lease.finish?.outcome).toBe("timed-out");
		expect(processesWith(word)).toEqual([]);
	});

	it("[N118] neither is it when the job killed its leader", async () => {
		await open(kind);
		const lease = await fixture.runToEnd({ run: `${leaving(all)}\nkill -KILL $PPID; sleep 1000` });
		expect(lease.finish).toMatchObject({ outcome: "failed", signal: "SIGKILL" });
		expect(processesWith(word)).toEqual([]);
		// The starter is still there for the next one.
		expect((await fixture.runToEnd({ run: "true" })).finish?.outcome).toBe("passed");
	});

	it("[N118] neither is it when the job stopped its leader", async () => {
		await open(kind);
		const lease = await offerUp({ run: `${leaving(all)}\nkill -STOP $PPID; sleep 1000` });
		lease.state = "canceling";
		fixture.runner?.interrupt("for the test");
		await fixture.server.until(() => lease.finish !== null);
		expect(processesWith(word)).toEqual([]);
	}, 60_000);

	async function spawnRunner(grant: Parameters<typeof buildGrant>[0]): Promise<[ChildProcess, FakeLease]> {
		const child = fixture.spawnRunner({ options: { contain: kind } });
		return [child, await offerUp(grant)];
	}

	it("[N120] the guard of an exclusive job ends all of it when its runner stands still", async () => {
		fixture = new FakeServerRunner();
		await fixture.server.open();
		const child = fixture.spawnRunner({ options: { contain: kind } });
		const grant = buildGrant({ run: leaving(all) + stay, exclusive: true });
		const lease = fixture.server.offer({ ...grant, lease: { ...grant.lease, stopAfterSeconds: 6 } });
		await fixture.server.until(() => lease.text.includes("all up\n"));
		child.kill("SIGSTOP");
		await untilNone();
		expect(lines("told")).toBe(all.length);
		child.kill("SIGCONT");
		await fixture.server.until(() => lease.finish !== null);
		expect(lease.finish).toMatchObject({ platformFault: "cut-off" });
		child.kill("SIGTERM");
		await once(child, "exit");
	});

	it("[N120][N230] a runner that goes on too late begins no further step, though the last one passed", async () => {
		fixture = new FakeServerRunner();
		word = "no word";
		const { server, folder } = fixture;
		await server.open();
		const child = fixture.spawnRunner({ options: { contain: kind, graceSeconds: 5 } });
		// By the shell itself: a program that it starts then may be told to end too, before it has done anything.
		const first = `trap ': > ${folder}/over; exit 0' TERM; echo all up; while :; do sleep 0.2; done`;
		const grant = buildGrant({ run: [first, `touch ${folder}/second`], exclusive: true });
		const lease = server.offer({ ...grant, lease: { ...grant.lease, stopAfterSeconds: 6 } });
		await server.until(() => lease.text.includes("all up\n"));
		child.kill("SIGSTOP");
		while (!existsSync(join(folder, "over"))) await new Promise((resolve) => setTimeout(resolve, 20));
		child.kill("SIGCONT");
		await server.until(() => lease.finish !== null);
		expect(lease.finish).toMatchObject({ outcome: "failed", platformFault: "cut-off" });
		expect(existsSync(join(folder, "second"))).toBe(false);
		child.kill("SIGTERM");
		await once(child, "exit");
	});

	it("[N121] all of it ends with a runner that is killed", async () => {
		fixture = new FakeServerRunner();
		await fixture.server.open();
		const [child] = await spawnRunner({ run: leaving(all) + stay });
		child.kill("SIGKILL");
		await untilNone();
	});

	it("[N121] with runner, starter and leader killed, the next runner in the folder ends what can be known of it", async () => {
		fixture = new FakeServerRunner();
		await fixture.server.open();
		const known = kind === "cgroup" ? all : all.filter((way) => !way.includes("env -i"));
		const whose = "\necho $PPID $(ps -o ppid= -p $PPID) whose";
		const [child, lease] = await spawnRunner({ run: leaving(known) + whose + stay });
		await fixture.server.until(() => lease.text.includes("whose\n"));
		child.kill("SIGSTOP");
		const [leader, starter] = /^(\d+) +(\d+) whose/m.exec(lease.text)?.slice(1).map(Number) ?? [];
		process.kill(starter as number, "SIGKILL");
		process.kill(leader as number, "SIGKILL");
		child.kill("SIGKILL");
		await once(child, "exit");
		expect(processesWith(word).length).toBeGreaterThanOrEqual(known.length);
		await fixture.start({ contain: kind });
		expect(processesWith(word)).toEqual([]);
	});
});

describe("by group", () => {
	it("[N118] what did not leave group, session, descent and environment all at once is gone", async () => {
		await open("group");
		const known = all.filter((way) => !(way.includes("env -i") && way.includes("setsid")));
		const lease = await fixture.runToEnd({ run: leaving(known) });
		expect(lease.finish?.outcome).toBe("passed");
		expect(processesWith(word)).toEqual([]);
	});
});

describe("what is chosen", () => {
	const mounts =
		(...lines: string[]) =>
		(path: string) =>
			path === "/proc/self/mountinfo" ? lines.join("\n") : "9:name=systemd:/x\n0::/user.slice/one two.service\n";

	it("[N122] the runner's first line says by what jobs are contained", async () => {
		fixture = await FakeServerRunner.open();
		word = "no word";
		expect(fixture.events[0]).toMatchObject({ event: "jobs-contained", facts: { by: expect.any(String) } });
	});

	it.each([
		["", "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw", "/sys/fs/cgroup/user.slice/one two.service"],
		[
			"hybrid",
			"41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 c rw",
			"/sys/fs/cgroup/unified/user.slice/one two.service",
		],
		["part", "41 31 0:38 /user.slice /mnt/c\\040d rw shared:1 - cgroup2 c rw", "/mnt/c d/one two.service"],
		["another part", "41 31 0:38 /system.slice /mnt rw - cgroup2 c rw", null],
		["version 1 alone", "41 31 0:38 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu", null],
	])("[N122] the cgroup is found by its mount: %s", async (_, mount, found) => {
		fixture = await FakeServerRunner.open();
		word = "no word";
		expect(ownCgroup(mounts("31 23 0:28 / /sys rw - sysfs sysfs rw", mount))).toBe(found);
	});

	it("[N122] one that is wanted and cannot be had ends the runner before it begins, with the reason", async () => {
		fixture = new FakeServerRunner();
		word = "no word";
		const folder = mkdtempSync(join(tmpdir(), "spillway-no-cgroup-"));
		expect(await askSupervisor("probe", ["cgroup", folder])).toContain("no cgroup can be made there");
		expect(await askSupervisor("probe", ["cgroup", `${folder}/nowhere`])).toContain("No such file");
		rmSync(folder, { recursive: true });
	});
});

describe("a step's output", () => {
	it("[N123] what one step sets on its output, the next does not see", async () => {
		fixture = await FakeServerRunner.open();
		word = "no word";
		const set =
			"perl -e 'use Fcntl; fcntl(STDOUT, F_SETFL, O_NONBLOCK | fcntl(STDOUT, F_GETFL, 0)) or die; kill 9, $$' || true";
		const lease = await fixture.runToEnd({ run: [set, "seq 1 400000; echo end"] });
		expect(lease.finish?.outcome).toBe("passed");
		expect(lease.text.endsWith("\n400000\nend\n")).toBe(true);
	});

	it("[N123] what an earlier step left in the background prints into the log while the job lives", async () => {
		fixture = await FakeServerRunner.open();
		word = "no word";
		const { folder } = fixture;
		const first = `(until [ -e '${folder}/go' ]; do sleep 0.02; done; echo late; touch '${folder}/said') &`;
		const second = `echo second; touch '${folder}/go'; until [ -e '${folder}/said' ]; do sleep 0.02; done; echo third`;
		const lease = await fixture.runToEnd({ run: [first, second] });
		expect(lease.text).toMatch(/second\nlate\nthird\n$/);
	});
});
