// One job at a time against a fake server over loopback: what is reported, what is killed, and when nothing is.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { problem } from "../../testing/fake-server/fake-server.ts";
import { buildGrant, headingOf } from "../../testing/fake-server/fake-server-lease.ts";
import { FakeServerRunner } from "../../testing/fake-server/fake-server-runner.ts";
import { identify } from "../process/process-identity.ts";

let fixture: FakeServerRunner;
beforeEach(async () => {
	fixture = await FakeServerRunner.open();
});
afterEach(() => fixture.close());

/** Resolves when the process that a job wrote down is gone. */
async function untilGone(pid: number): Promise<void> {
	while ((await identify(pid)) !== null) await new Promise((resolve) => setImmediate(resolve));
}

describe("start", () => {
	it("[N11] nothing runs before the start is confirmed, and a start that fails is tried again", async () => {
		const { server, folder } = fixture;
		const seen: boolean[] = [];
		server.intercept = ({ path }) => {
			if (path !== "/v1/lease/start") return null;
			seen.push(existsSync(join(folder, "ran")));
			return seen.length < 3 ? problem(503, "unavailable", { "retry-after": "0" }) : null;
		};
		const lease = await fixture.runToEnd({ run: `touch '${folder}/ran'` });
		expect(seen).toEqual([false, false, false]);
		expect([lease.starts, lease.finish?.outcome, existsSync(join(folder, "ran"))]).toEqual([1, "passed", true]);
	});

	it("[N12] a grant that is stale at its start is given up without a word", async () => {
		const { server, folder } = fixture;
		const stale = buildGrant({ run: `touch '${folder}/ran'` });
		server.intercept = ({ path, token }) =>
			path === "/v1/lease/start" && token === stale.lease.token ? problem(409, "lease-stale") : null;
		const lease = server.offer(stale);
		await fixture.runToEnd({ run: "true" });
		expect(fixture.has("start-given-up")).toBe(true);
		expect([lease.finish, lease.log.length, existsSync(join(folder, "ran"))]).toEqual([null, 0, false]);
	});
});

describe("steps", () => {
	it("[N13] steps run in order, the first that fails is the last, and its exit code is the job's", async () => {
		const lease = await fixture.runToEnd({ run: ["echo one", "false | true", "echo never"] });
		expect(lease.text).toBe(`${headingOf("step 1")}one\n${headingOf("step 2")}`);
		expect(lease.finish).toMatchObject({ outcome: "failed", exitCode: 1, signal: null });
		expect(lease.finish?.steps?.map(({ exitCode }) => exitCode)).toEqual([0, 1, null]);
	});

	it("[N14] a step's offsets are the bytes of its heading and output", async () => {
		const { log, text, finish } = await fixture.runToEnd({ run: ["printf 'no newline'", "echo two >&2"] });
		const parts = finish?.steps?.map(({ logStart, logEnd }) => log.toString("utf8", logStart ?? 0, logEnd ?? 0));
		expect(parts).toEqual([`${headingOf("step 1")}no newline`, `${headingOf("step 2")}two\n`]);
		expect(text).toBe(parts?.join("\n"));
	});

	it("[N15] a step that is killed is reported with its signal, and so is a job that kills its own group", async () => {
		const one = await fixture.runToEnd({ run: "kill -KILL $$" });
		expect(one.finish).toMatchObject({ outcome: "failed", exitCode: 137, signal: "SIGKILL" });
		const all = await fixture.runToEnd({ run: "kill -KILL 0" });
		expect(all.finish).toMatchObject({ outcome: "failed", exitCode: null, signal: "SIGKILL" });
	});

	it("[N16] a job sees what is named and nothing else: no token of the runner's, no home of its user's", async () => {
		fixture.runner?.drain();
		await fixture.done;
		const hostEnv = { PATH: process.env.PATH, SECRET: "hidden", LENT: "seen", LEAK: "registration-token" };
		await fixture.start({ hostEnv, env: ["LENT", "LEAK"] });
		const lease = await fixture.runToEnd({ run: "env", env: { OWN: "1", CI: "yes" }, secrets: { OWN: "2" } });
		const env = Object.fromEntries(lease.text.split("\n").map((line) => line.split("=") as [string, string]));
		expect(env).toMatchObject({ CI: "yes", OWN: "2", LENT: "seen", SPILLWAY: "true", SPILLWAY_RUN_NUMBER: "7" });
		expect(env.HOME).toContain(lease.grant.lease.id);
		expect([env.SECRET, env.LEAK]).toEqual([undefined, undefined]);
		expect(lease.text).not.toMatch(/token-of|registration-token/);
	});

	it("[N17] a job may say after how long it wants to be tried again", async () => {
		const lease = await fixture.runToEnd({ run: 'echo 12.5 > "$SPILLWAY_RETRY_AFTER_FILE"; exit 75' });
		expect(lease.finish).toMatchObject({ outcome: "failed", exitCode: 75, retryAfterSeconds: 12.5 });
	});

	it("[N18] `/dev/stdout` and `/dev/stderr` are a pipe that can be opened, in order with the rest", async () => {
		const lease = await fixture.runToEnd({ run: "echo a; echo b > /dev/stdout; echo c | tee /dev/stderr; echo d" });
		expect(lease.text).toBe(`${headingOf("step 1")}a\nb\nc\nc\nd\n`);
	});
});

describe("stopping", () => {
	it("[N19] past its timeout a job gets SIGTERM, then SIGKILL, and is reported as timed out", async () => {
		const lease = await fixture.runToEnd({
			run: "trap 'echo got TERM' TERM; echo up; while :; do sleep 0.05 || true; done",
			timeoutSeconds: 0.4,
		});
		expect(lease.text).toContain("up\n");
		expect(lease.text).toContain("got TERM\n");
		expect(lease.finish).toMatchObject({ outcome: "timed-out", signal: "SIGKILL", exitCode: 137 });
		expect(lease.finish?.reason).toBe("ran longer than its timeout of 0.4 s");
	});

	it("[N20] a job that ends within its grace is not killed", async () => {
		const { server } = fixture;
		server.heartbeatSeconds = 0.05;
		const run = "trap 'echo cleaned; exit 9' TERM; echo up; while :; do sleep 0.01; done";
		const lease = server.offer(buildGrant({ run }));
		await server.until(() => lease.text.includes("up\n"));
		lease.state = "canceling";
		await server.until(() => lease.finish !== null);
		expect(lease.text).toContain("cleaned\n");
		expect(lease.finish).toMatchObject({ outcome: "canceled", exitCode: 9 });
	});

	it("[N21] a cancel is heard from a heartbeat, even when the job says nothing", async () => {
		fixture.runner?.drain();
		await fixture.done;
		fixture.server.heartbeatSeconds = 0.05;
		fixture.server.runners.clear();
		await fixture.start();
		const lease = fixture.server.offer(buildGrant({ run: "sleep 1000" }));
		await fixture.server.until(() => lease.log.length > 0);
		const uploads = lease.uploads.length;
		lease.state = "canceling";
		await fixture.server.until(() => lease.finish !== null);
		expect(fixture.server.callsTo("/v1/runner/heartbeat").length).toBeGreaterThan(0);
		expect(lease.uploads.length).toBeGreaterThanOrEqual(uploads);
		expect(lease.finish).toMatchObject({ outcome: "canceled", signal: "SIGTERM" });
	});

	it("[N22] a cancel is heard from the Lease-State of a log's upload", async () => {
		const { server } = fixture;
		const lease = server.offer(buildGrant({ run: "echo up; while :; do echo on; sleep 0.02; done" }));
		await server.until(() => lease.text.includes("up\n"));
		lease.state = "canceling";
		await server.until(() => lease.finish !== null);
		expect(server.callsTo("/v1/runner/heartbeat")).toHaveLength(0);
		expect(lease.finish?.outcome).toBe("canceled");
	});

	it("[N23] a job whose lease is lost is stopped, and nothing of it is reported", async () => {
		const { server, folder } = fixture;
		const lease = server.offer(buildGrant({ run: `echo $$ > '${folder}/pid'; while :; do echo on; sleep 0.02; done` }));
		await server.until(() => lease.text.includes("on\n"));
		lease.state = "lost";
		await fixture.runToEnd({ run: "true" });
		await untilGone(Number(readFileSync(join(folder, "pid"), "utf8")));
		expect(lease.finish).toBe(null);
		expect(fixture.has("lease-lost")).toBe(true);
	});

	it("[N24] an exclusive job stops itself when the server was not reached for its time, and says so later", async () => {
		const { server, folder } = fixture;
		const grant = buildGrant({ run: `echo $$ > '${folder}/pid'; echo up; sleep 1000`, exclusive: true });
		grant.lease.stopAfterSeconds = 3;
		const lease = server.offer(grant);
		await server.until(() => lease.text.includes("up\n"));
		await server.close();
		await server.until(() => fixture.has("job-stopping"));
		await untilGone(Number(readFileSync(join(folder, "pid"), "utf8")));
		await server.open();
		await server.until(() => lease.finish !== null);
		expect(lease.finish).toMatchObject({ outcome: "failed", signal: "SIGTERM", platformFault: "cut-off" });
		expect(lease.finish?.reason).toMatch(/without contact/);
	});

	it("[N25] what a job leaves in the background lives as long as the job, and holds nothing open", async () => {
		const { folder } = fixture;
		const lease = await fixture.runToEnd({
			run: [`sleep 1000 & echo $! > '${folder}/pid'`, `kill -0 $(cat '${folder}/pid') && echo alive`],
		});
		expect(lease.text).toBe(`${headingOf("step 1")}${headingOf("step 2")}alive\n`);
		expect(lease.finish?.outcome).toBe("passed");
		await untilGone(Number(readFileSync(join(folder, "pid"), "utf8")));
	});
});

describe("finish", () => {
	it("[N26] a finish is sent until it is acknowledged, the same each time", async () => {
		const { server } = fixture;
		const bodies: string[] = [];
		server.intercept = ({ path, body }) => {
			if (path !== "/v1/lease/finish") return null;
			bodies.push(body.toString());
			return bodies.length < 3 ? problem(500, "internal") : null;
		};
		const lease = await fixture.runToEnd({ run: "echo done" });
		expect(bodies).toHaveLength(3);
		expect(new Set(bodies).size).toBe(1);
		expect(lease.finish?.outcome).toBe("passed");
	});

	it("[N27] a finish that is stale ends it, and the slot is free", async () => {
		const { server } = fixture;
		const stale = buildGrant();
		server.intercept = ({ path, token }) =>
			path === "/v1/lease/finish" && token === stale.lease.token ? problem(409, "lease-stale") : null;
		server.offer(stale);
		expect((await fixture.runToEnd({ run: "true" })).finish?.outcome).toBe("passed");
	});

	it("[N28] a job's folder is gone when it is over, read-only parts included", async () => {
		const { server } = fixture;
		const lease = await fixture.runToEnd({ run: "pwd; mkdir -p a/b; touch a/b/c; chmod -R a-w a" });
		const [, folder = ""] = lease.text.split("\n");
		await fixture.runToEnd({ run: "true" });
		await server.until(() => !existsSync(folder));
	});

	it("[N29] what no runner can run is refused with the reason, and is no fault of the machine's", async () => {
		const lease = await fixture.runToEnd({
			run: "true",
			env: Object.fromEntries(Array.from({ length: 80 }, (_, at) => [`E${at}`, "x".repeat(32_768)])),
		});
		expect(lease.finish).toMatchObject({ outcome: "refused", exitCode: null, platformFault: null });
		expect(lease.finish?.reason).toMatch(/^its environment of \d+ bytes is larger/);
	});

	it("[N51] a variable's name that a shell cannot use never becomes a command", async () => {
		const { folder } = fixture;
		const lease = await fixture.runToEnd({ env: { [`A='';touch '${folder}/bad';B`]: "1" } });
		expect(lease.finish?.outcome).toBe("refused");
		expect(existsSync(join(folder, "bad"))).toBe(false);
	});

	it("[N52] a job's secrets are on no disk while it runs", async () => {
		const { server, folder, workDir } = fixture;
		const run = `echo up; until [ -e '${folder}/go' ]; do sleep 0.02; done`;
		const lease = server.offer(buildGrant({ run, secrets: { KEY: "correct-horse" } }));
		await server.until(() => lease.text.includes("up\n"));
		const files = readdirSync(workDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
		const texts = files.map((file) => readFileSync(join(file.parentPath, file.name), "utf8"));
		expect(texts.filter((text) => text.includes("correct-horse"))).toEqual([]);
		expect(texts.length).toBeGreaterThan(2);
		writeFileSync(join(folder, "go"), "");
		await server.until(() => lease.finish !== null);
	});
});
