// What a runner promises, with real processes that are really killed, stopped and cut off. Seen from outside: which attempts
// there were, what the jobs themselves wrote down, and whether the log is whole.
import { cpSync, mkdirSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { RunnerSession } from "../src/client/runner-session.ts";
import type { Job } from "../src/contracts/http/run.ts";
import type { ServerFrame } from "../src/contracts/wire/sockets/runner-session.ts";
import { itLong } from "./fixture-long.ts";
import { Chaos } from "./runner-chaos.ts";
import { outcomes, pause, RunnerRig } from "./runner-rig.ts";

// All at the same time: each mostly waits.
vi.setConfig({ maxConcurrency: 20 });

let rig: RunnerRig;
beforeAll(async () => {
	rig = await RunnerRig.open();
});
afterAll(() => rig.close());
beforeEach(({ onTestFailed }) => onTestFailed(() => void process.stderr.write(rig.story())));

/** Writes down that it lives, five times a second, and prints; ends by itself after `seconds`, or when told to. */
function ticking(name: string, seconds: number): string {
	const file = rig.path(`${name}.ticks`);
	return `for i in $(seq ${seconds * 5}); do
		echo "$SPILLWAY_ATTEMPT" >> '${file}'; echo "tick $i"
		if [ -e '${file}.end' ]; then break; fi
		sleep 0.2
	done
	echo over`;
}

/** No attempt was alive when the next one had begun. */
function expectOneAtATime(name: string): void {
	const attempts = rig.written(`${name}.ticks`).trim().split("\n").map(Number);
	expect(attempts).toEqual([...attempts].sort((a, b) => a - b));
}

function ticksIn(text: string): number[] {
	return [...text.matchAll(/^tick (\d+)\n/gm)].map(([, number]) => Number(number));
}

function isCounted(numbers: number[]): boolean {
	return numbers.length > 0 && numbers.every((number, at) => number === at + 1);
}

it.concurrent("[N95] a runner killed with its job: the next process has lost the lease at once, and runs the job again", async () => {
	const first = rig.runner("killed");
	const run = await rig.submit("killed", [{ key: "a", run: ticking("killed", 6) }]);
	await rig.seen("killed.ticks", "1\n1\n1\n");
	first.process.kill("SIGKILL");
	await first.end();
	const killedAt = Date.now();
	rig.runner("killed");
	await rig.seen("killed.ticks", "2\n");
	// A quiet lease is lost after 30 s at the earliest.
	expect(Date.now() - killedAt).toBeLessThan(20_000);
	const [job] = await rig.finished("killed", run);
	expect([job?.outcome, outcomes(job)]).toEqual(["passed", ["lost", "passed"]]);
	expectOneAtATime("killed");
	const log = job && (await rig.log("killed", job, 2));
	expect([log?.isWhole, isCounted(ticksIn(log?.text ?? ""))]).toEqual([true, true]);
});

itLong("[N96] a runner that is stopped for 20 s keeps its lease, and its log is whole", async () => {
	const runner = rig.runner("stopped");
	const run = await rig.submit("stopped", [{ key: "a", run: ticking("stopped", 24) }]);
	await rig.seen("stopped.ticks", "1\n1\n1\n");
	runner.process.kill("SIGSTOP");
	await pause(20_000);
	runner.process.kill("SIGCONT");
	const [job] = await rig.finished("stopped", run);
	expect([job?.outcome, outcomes(job)]).toEqual(["passed", ["passed"]]);
	const log = job && (await rig.log("stopped", job, 1));
	expect([log?.isWhole, ticksIn(log?.text ?? "").length]).toEqual([true, 120]);
});

itLong(
	"[N109] an ordinary job of a runner that is stopped for 90 s runs elsewhere, and what is said of it later changes nothing",
	async () => {
		const first = rig.runner("frozen", { words: ["--name", "first", "--labels", "one"] });
		const script = `if [ "$SPILLWAY_ATTEMPT" = 1 ]; then ${ticking("frozen", 3)}; exit 7; fi; echo again`;
		const run = await rig.submit("frozen", [{ key: "a", run: script }]);
		await rig.seen("frozen.ticks", "1\n");
		first.process.kill("SIGSTOP");
		const standsStill = pause(90_000);
		rig.runner("frozen", { workDir: "frozen-2", words: ["--name", "second"] });
		const [elsewhere] = await rig.finished("frozen", run);
		const seen = (job: Job | undefined) =>
			job?.attempts.map(({ outcome, exitCode, runner }) => [outcome, exitCode, runner.name]);
		const expected = [
			["lost", null, "first"],
			["passed", 0, "second"],
		];
		expect([elsewhere?.outcome, seen(elsewhere)]).toEqual(["passed", expected]);
		await standsStill;
		first.process.kill("SIGCONT");
		await rig.said(first, "lease-lost");
		// It is a runner as before, and what it ran to the end meanwhile changed nothing.
		const next = await rig.submit("frozen", [{ key: "b", labels: ["one"], run: "echo alive" }]);
		expect((await rig.finished("frozen", next))[0]?.attempts[0]?.runner.name).toBe("first");
		const [later] = await rig.finished("frozen", run);
		expect([later?.outcome, seen(later), later?.finishedAt]).toEqual(["passed", expected, elsewhere?.finishedAt]);
	},
	180_000,
);

itLong(
	"[N98][N107] an exclusive job of a runner that is stopped for 90 s has ended before another may start",
	async () => {
		const first = rig.runner("frozen-deploy", { words: ["--name", "first"] });
		const job = { key: "a", exclusive: true, onLost: "retry", run: ticking("frozen-deploy", 300) } as const;
		const run = await rig.submit("frozen-deploy", [job]);
		await rig.seen("frozen-deploy.ticks", "1\n");
		first.process.kill("SIGSTOP");
		const standsStill = pause(90_000);
		rig.runner("frozen-deploy", { workDir: "frozen-deploy-2", words: ["--name", "second"] });
		await rig.seen("frozen-deploy.ticks", "2\n");
		await standsStill;
		first.process.kill("SIGCONT");
		await rig.said(first, "lease-lost");
		await pause(1_000);
		expectOneAtATime("frozen-deploy");
		mkdirSync(rig.path("frozen-deploy.ticks.end"));
		const [finished] = await rig.finished("frozen-deploy", run);
		expect([finished?.outcome, outcomes(finished)]).toEqual(["passed", ["lost", "passed"]]);
	},
	180_000,
);

itLong(
	"[N98][N106] an exclusive job of a runner that was killed, and does not come back, has ended before another may start",
	async () => {
		const first = rig.runner("killed-deploy", { words: ["--name", "first"] });
		// What prints into a pipe that nobody reads any more would end by itself.
		const script = `( ${ticking("killed-deploy", 300)} ) > /dev/null`;
		const job = { key: "a", exclusive: true, onLost: "retry", run: script } as const;
		const run = await rig.submit("killed-deploy", [job]);
		await rig.seen("killed-deploy.ticks", "1\n");
		first.process.kill("SIGKILL");
		rig.runner("killed-deploy", { workDir: "killed-deploy-2", words: ["--name", "second"] });
		await rig.seen("killed-deploy.ticks", "2\n");
		await pause(1_000);
		expectOneAtATime("killed-deploy");
		mkdirSync(rig.path("killed-deploy.ticks.end"));
		const [finished] = await rig.finished("killed-deploy", run);
		expect([finished?.outcome, outcomes(finished)]).toEqual(["passed", ["lost", "passed"]]);
	},
	180_000,
);

itLong("[N97] a connection that is cut without a close costs neither the lease nor a byte of the log", async () => {
	const proxy = await rig.cuttable();
	rig.runner("cut", { url: proxy.url });
	const run = await rig.submit("cut", [{ key: "a", run: ticking("cut", 15) }]);
	await rig.seen("cut.ticks", "1\n1\n1\n1\n1\n1\n1\n1\n1\n1\n");
	proxy.cut();
	await pause(4_000);
	proxy.mend();
	const [job] = await rig.finished("cut", run);
	expect([job?.outcome, outcomes(job)]).toEqual(["passed", ["passed"]]);
	const log = job && (await rig.log("cut", job, 1));
	expect([log?.isWhole, ticksIn(log?.text ?? "").length]).toEqual([true, 75]);
});

itLong(
	"[N98] an exclusive job that is cut off stops itself before another may start",
	async () => {
		const proxy = await rig.cuttable();
		rig.runner("deploy", { url: proxy.url });
		const job = { key: "a", exclusive: true, onLost: "retry", run: ticking("deploy", 300) } as const;
		const run = await rig.submit("deploy", [job]);
		await rig.seen("deploy.ticks", "1\n");
		proxy.cut();
		rig.runner("deploy", { workDir: "deploy-2", words: ["--name", "second"] });
		await rig.seen("deploy.ticks", "2\n");
		await pause(2_000);
		expectOneAtATime("deploy");
		mkdirSync(rig.path("deploy.ticks.end"));
		const [finished] = await rig.finished("deploy", run);
		proxy.mend();
		expect([finished?.outcome, outcomes(finished)]).toEqual(["passed", ["lost", "passed"]]);
	},
	180_000,
);

it.concurrent("[N9][J16] a runner told twice to stop hands its job to another: no attempt is used up, both logs are whole", async () => {
	const first = rig.runner("drained");
	const run = await rig.submit("drained", [{ key: "a", run: ticking("drained", 6) }]);
	await rig.seen("drained.ticks", "1\n1\n");
	first.process.kill("SIGTERM");
	rig.runner("drained", { workDir: "drained-2", words: ["--name", "second"] });
	// Told once, it lets the job go on.
	await rig.seen("drained.ticks", "1\n".repeat(8));
	first.process.kill("SIGTERM");
	const [job] = await rig.finished("drained", run);
	expect([job?.outcome, outcomes(job), await first.end()]).toEqual(["passed", ["lost", "passed"], 0]);
	expect(job?.attempts).toMatchObject([
		{ platformFault: "drained", signal: "SIGTERM" },
		{ by: "platform", retryReason: "its runner was drained", runner: { name: "second" } },
	]);
	expectOneAtATime("drained");
	for (const attempt of [1, 2]) expect(job && (await rig.log("drained", job, attempt))?.isWhole).toBe(true);
});

it.concurrent("[N111] a runner told to stop once waits no longer than it was told to, then hands its job over", async () => {
	const first = rig.runner("hurried", { words: ["--drain-seconds", "2"] });
	const run = await rig.submit("hurried", [{ key: "a", run: ticking("hurried", 20) }]);
	await rig.seen("hurried.ticks", "1\n1\n");
	rig.runner("hurried", { workDir: "hurried-2", words: ["--name", "second"] });
	first.process.kill("SIGTERM");
	await rig.seen("hurried.ticks", "2\n");
	mkdirSync(rig.path("hurried.ticks.end"));
	const [job] = await rig.finished("hurried", run);
	expect([job?.outcome, outcomes(job), await first.end()]).toEqual(["passed", ["lost", "passed"], 0]);
	expect(job?.attempts).toMatchObject([{ platformFault: "drained" }, { runner: { name: "second" } }]);
	// The first was given its two seconds: five ticks each.
	expect(rig.written("hurried.ticks").match(/^1$/gm)?.length).toBeGreaterThan(8);
	expectOneAtATime("hurried");
});

itLong("[N62] of two processes with one runner's token the newer wins, the older ends and says why", async () => {
	const first = rig.runner("doubled");
	const run = await rig.submit("doubled", [{ key: "a", run: ticking("doubled", 8) }]);
	await rig.seen("doubled.ticks", "1\n1\n1\n");
	mkdirSync(rig.path("doubled-2"));
	cpSync(rig.path("doubled/runner.json"), rig.path("doubled-2/runner.json"));
	const second = rig.runner("doubled", { workDir: "doubled-2" });
	expect(await first.end()).not.toBe(0);
	expect(first.complaint).toContain("another process runs as this runner");
	const [job] = await rig.finished("doubled", run);
	expect([job?.outcome, outcomes(job), second.isRunning]).toEqual(["passed", ["lost", "passed"], true]);
	expectOneAtATime("doubled");
});

/** A runner of our own making, which does only what it is told. */
async function puppet(pool: string): Promise<{ session: RunnerSession; frames: ServerFrame[] }> {
	const request = { name: "puppet", capacity: 1 };
	const { token } = await rig.client.registerRunner({ owner: "acme", pool }, request);
	const frames: ServerFrame[] = [];
	const onFrame = (frame: ServerFrame) => void frames.push(frame);
	const session = await RunnerSession.open({ url: rig.ready.url, token, pingMs: 10_000, onFrame, onContact: () => {} });
	return { session, frames };
}

async function heard(frames: ServerFrame[], type: ServerFrame["type"]): Promise<void> {
	while (!frames.some((frame) => frame.type === type)) await pause(50);
}

it.concurrent("[N99] a grant that a runner never starts goes to another one, and costs no attempt", async () => {
	const { session, frames } = await puppet("idle");
	session.say({ type: "hello", instanceId: "p1", capacity: 1, leases: [] });
	const run = await rig.submit("idle", [{ key: "a", run: "echo done" }]);
	await heard(frames, "grant");
	session.say({ type: "bye" });
	rig.runner("idle");
	const [job] = await rig.finished("idle", run);
	expect(job?.attempts[0]?.runner?.name).not.toBe("puppet");
	expect([job?.outcome, outcomes(job)]).toEqual(["passed", ["passed"]]);
	session.close();
});

it.concurrent("[N100] a runner that names another's lease is told that it is lost, and the other's job goes on", async () => {
	rig.runner("lied");
	const run = await rig.submit("lied", [{ key: "a", run: ticking("lied", 3) }]);
	await rig.seen("lied.ticks", "1\n");
	const { session, frames } = await puppet("lied");
	const [{ id = "" } = {}] = (await rig.client.runs.jobs({ owner: "acme", repo: "lied" }, run.id)).items;
	session.say({ type: "hello", instanceId: "p1", capacity: 1, leases: [`${id}.1`] });
	await heard(frames, "lost");
	const [job] = await rig.finished("lied", run);
	expect([job?.outcome, outcomes(job)]).toEqual(["passed", ["passed"]]);
	session.close();
});

it.concurrent("[N101] a job adds jobs to its own run with its lease's token", async () => {
	rig.runner("dynamic");
	const program = `const { SPILLWAY_URL: url, SPILLWAY_OWNER: owner, SPILLWAY_REPO: repo, SPILLWAY_RUN_ID: run } = process.env;
		const headers = { authorization: "Bearer " + process.env.SPILLWAY_LEASE_TOKEN, "content-type": "application/json" };
		const body = JSON.stringify({ jobs: [{ key: "b", run: "echo added", pool: "dynamic" }] });
		const path = ["/v1/repos", owner, repo, "runs", run, "jobs"].join("/");
		const answer = await fetch(url + path, { method: "POST", headers, body });
		process.exitCode = answer.ok ? 0 : 1;`;
	const script = `'${process.execPath}' --input-type=module --eval '${program}'`;
	const run = await rig.submit("dynamic", [{ key: "a", run: script }]);
	const jobs = await rig.finished("dynamic", run);
	expect(jobs.map(({ key, outcome }) => [key, outcome])).toEqual([
		["a", "passed"],
		["b", "passed"],
	]);
});

/** More of them by hand: `SPILLWAY_FAULT_SEEDS=1,2,3`. */
const seeds = process.env.SPILLWAY_FAULT_SEEDS?.split(",").map(Number) ?? [1, 5];

itLong.each(seeds)(
	"[N110] whatever befalls runners and server, in any order: seed %i",
	(seed) => Chaos.run(seed),
	400_000,
);

it("[N102] a server that is killed and comes back finds the job where it was, and gets the whole log", async () => {
	const own = await RunnerRig.open();
	try {
		own.runner("restart");
		const run = await own.submit("restart", [
			{ key: "a", run: "for i in $(seq 60); do echo tick $i; sleep 0.1; done" },
		]);
		const running = async () =>
			(await own.client.runs.jobs({ owner: "acme", repo: "restart" }, run.id)).items[0]?.state;
		while ((await running()) !== "running") await pause(100);
		await pause(1_500);
		await own.replaceServer();
		const [job] = await own.finished("restart", run);
		expect([job?.outcome, outcomes(job)]).toEqual(["passed", ["passed"]]);
		const log = job && (await own.log("restart", job, 1));
		expect([log?.isWhole, ticksIn(log?.text ?? "").length]).toEqual([true, 60]);
	} finally {
		await own.close();
	}
});
