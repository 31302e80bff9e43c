// What the flags of `runner start` come to: the options that the runner is given. A flag that is lost on this way is lost in
// silence, a sandbox among them.
import { homedir, hostname } from "node:os";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { bubblewrap, bubblewrapWithCache } from "../../runner/machine/isolation.ts";
import type { RunnerOptions } from "../../runner/runner.ts";
import { addGlobalOptions } from "../connection.ts";
import type { Io } from "../io.ts";
import { addRunnerStart } from "./runner-start.ts";

const environment = { SPILLWAY_URL: "http://127.0.0.1:1", SPILLWAY_TOKEN: "spw_runner_a-token", PATH: "/bin" };

/** What the runner would be started with, and what it would then write. */
async function started(...words: string[]): Promise<RunnerOptions & { written: string[] }> {
	const written: string[] = [];
	const io: Io = {
		out: () => {},
		pipe: async () => {},
		err: (text) => void written.push(text),
		readInput: async () => new Uint8Array(),
		hasColors: false,
		columns: null,
		isWatched: false,
		environment,
		stopped: () => new Promise(() => {}),
	};
	const given: RunnerOptions[] = [];
	const program = new Command("spillway").exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
	addGlobalOptions(program);
	addRunnerStart(program, { io, exitWith: () => {} }, async (options) => void given.push(options));
	await program.parseAsync(["start", "--pool", "acme/big", ...words], { from: "user" });
	const [options] = given;
	if (options === undefined || given.length > 1) throw new Error(`the runner was started ${given.length} times`);
	return { ...options, written };
}

const plain = {
	...{ url: "http://127.0.0.1:1", token: "spw_runner_a-token", owner: "acme", pool: "big" },
	...{ name: hostname(), labels: [], capacity: 1, env: [], once: false, session: true, hooks: {} },
	contain: "auto" as const,
	workDir: join(homedir(), ".spillway-runner", "acme", "big", hostname()),
	hostEnv: environment,
};

describe("runner start", () => {
	it.each<[string[], Partial<RunnerOptions>]>([
		[[], {}],
		[["--name", "one"], { name: "one", workDir: join(homedir(), ".spillway-runner", "acme", "big", "one") }],
		[["--labels", "linux,x64", "--labels", "gpu"], { labels: ["linux", "x64", "gpu"] }],
		[["--capacity", "4"], { capacity: 4 }],
		[["--work-dir", "/srv/work"], { workDir: "/srv/work" }],
		[["--env", "LANG,CC", "--env", "CXX"], { env: ["LANG", "CC", "CXX"] }],
		[["--drain-seconds", "30"], { drainSeconds: 30 }],
		[["--drain-seconds", "0"], { drainSeconds: 0 }],
		[["--once"], { once: true }],
		[["--ephemeral"], { once: true }],
		[["--pre-job", "before.sh"], { hooks: { "pre-job": resolve("before.sh") } }],
		[["--post-job", "/bin/after"], { hooks: { "post-job": "/bin/after" } }],
		[["--pre-job", "/bin/a", "--post-job", "/bin/b"], { hooks: { "pre-job": "/bin/a", "post-job": "/bin/b" } }],
		[["--isolate", "bwrap"], { wrap: bubblewrap }],
		[["--shared-cache", "cache"], { sharedCache: resolve("cache") }],
		[["--shared-cache", "off", "--isolate", "bwrap"], { wrap: bubblewrap }],
		[["--shared-cache", "/c", "--isolate", "bwrap"], { sharedCache: "/c", wrap: bubblewrapWithCache }],
		[["--wrap", "docker run {env} image"], { wrap: "docker run {env} image" }],
		[["--contain", "subreaper"], { contain: "subreaper" }],
		[["--no-git-cache"], { gitCacheBytes: 0 }],
		[["--no-session"], { session: false }],
		[["--url", "http://127.0.0.1:2", "--token", "other"], { url: "http://127.0.0.1:2", token: "other" }],
	])("[X22] %j is what the runner is given, and everything else its default", async (words, expected) => {
		const { eventLog, written, ...options } = await started(...words);
		expect(options).toEqual({ ...plain, ...expected });
	});

	it.each([
		[[], /^\S+Z job-started job=j1\n$/],
		[["--json"], /^\{"at":"\S+Z","event":"job-started","job":"j1"\}\n$/],
	])("[X22] %j is how the runner tells of itself", async (words, expected) => {
		const { eventLog, written } = await started(...words);
		eventLog?.("job-started", { job: "j1" });
		expect(written).toEqual([expect.stringMatching(expected)]);
	});

	it.each([
		[["--isolate", "docker"]],
		[["--contain", "hope"]],
		[["--isolate", "bwrap", "--wrap", "env"]],
		[["--capacity", "many"]],
		[["--sandbox"]],
	])("[X22] %j starts no runner", async (words) => {
		await expect(started(...words)).rejects.toMatchObject({ code: expect.stringContaining("commander.") });
	});
});

describe("its token", () => {
	const access = (scopes: string[]) =>
		`spw_access_${Buffer.from(JSON.stringify({ k: "k1", c: { scopes } })).toString("base64url")}_${"0".repeat(64)}`;
	const complaints = async (token: string) => {
		const { written } = await started("--pool", "acme/default", "--token", token);
		return written.filter((line) => line.includes("token-can-do-more"));
	};

	it("[N165] that can do more than register is told of, with the command that makes a proper one", async () => {
		for (const token of ["operator-token-of-mine", access(["read", "runner:register"])]) {
			const [line = ""] = await complaints(token);
			expect(line).toContain("spillway token create acme --name runners --scope runner:register");
			expect(line).not.toContain(token);
		}
		expect(await complaints(access(["runner:register"]))).toEqual([]);
		expect(await complaints("spw_runner_x_y")).toEqual([]);
	});
});
