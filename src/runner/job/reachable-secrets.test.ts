// What a job can read of its runner, of the machine's environment and of other jobs: a real runner as a process, started as its
// operator would, with the job as the reader. What is printed is shifted by a letter, for the runner would mask it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";
import { buildGrant } from "../../testing/fake-server/fake-server-lease.ts";
import { FakeServerRunner } from "../../testing/fake-server/fake-server-runner.ts";
import { hasSandbox } from "../../testing/real-sandbox.ts";

const alphabet = "abcdefghijklmnopqrstuvwxyz";
const main = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));
const registrationToken = "spw_access_registrationtoken_of-the-runner";
const machineSecrets = { SPILLWAY_OPERATOR_TOKEN: "spw_operator_token-of-the-operator", CLOUD_KEY: "key-of-the-cloud" };

/** All that it may read of its ancestors and of the runner's folder, each under its name. */
function reader(workDir: string): string {
	return `{
		pid=$$
		while [ "\${pid:-0}" -gt 1 ]; do
			for what in environ cmdline; do echo "== $what of $(cat /proc/$pid/comm)"; tr '\\0' '\\n' </proc/$pid/$what; done
			pid=$(sed -n 's/^PPid:\\s*//p' /proc/$pid/status)
		done
		find '${workDir}' -type f -readable -size -1024k -not -path "\${HOME%/*}/*" | while read -r file; do echo "== $file"; cat "$file"; echo; done
	} 2>/dev/null | tr 'a-z' 'b-za'`;
}

let fixture: FakeServerRunner;
afterEach(() => fixture.close());

/** A real runner, with two jobs at once. */
async function withRunner<T>(words: string[], work: (pid: number) => Promise<T>): Promise<T> {
	fixture = new FakeServerRunner();
	const { server, folder, workDir } = fixture;
	await server.open();
	const place = [
		"--url",
		server.url,
		"runner",
		"start",
		"--pool",
		"acme/default",
		"--work-dir",
		workDir,
		"--capacity",
		"2",
		"--env",
		"LENT",
	];
	const runner = spawn(process.execPath, ["--no-warnings", main, ...place, ...words], {
		env: {
			PATH: process.env.PATH,
			HOME: folder,
			LENT: "still lent",
			SPILLWAY_TOKEN: registrationToken,
			...machineSecrets,
		},
		stdio: "ignore",
	});
	try {
		return await work(runner.pid ?? 0);
	} finally {
		runner.kill("SIGTERM");
		await once(runner, "exit");
	}
}

/** Where each of the secrets was found. */
function foundIn(words: string[]): Promise<Record<string, string[]>> {
	return withRunner(words, async () => {
		const { server, workDir } = fixture;
		const secrets = { OTHERS: "secret-of-another-job" };
		const other = server.offer(buildGrant({ run: "echo up; sleep 1000", secrets }));
		await server.until(() => other.text.includes("up\n"));
		const lease = await fixture.runToEnd({ run: reader(workDir) });
		other.state = "canceling";
		const text = lease.text.replaceAll(/[a-z]/g, (letter) => alphabet.at(alphabet.indexOf(letter) - 1) ?? "");
		const parts = text.split(/^== /m).map((part) => part.split(/\n(.*)/s));
		// Its own environment is among it.
		expect(text).toContain("LENT=still lent\n");
		const runnerToken = [...server.runners].join();
		expect(runnerToken).not.toBe("");
		const needles = {
			registrationToken,
			runnerToken,
			...machineSecrets,
			...secrets,
			otherLease: other.grant.lease.token,
		};
		return Object.fromEntries(
			Object.entries(needles).map(([name, needle]) => {
				const places = parts.filter(([, content = ""]) => content.includes(needle)).map(([at = ""]) => at);
				return [name, places.map((at) => at.replace(`${workDir}/`, "").replace(other.grant.lease.id, "<lease>"))];
			}),
		);
	});
}

/** What one job can do to another of the same runner, and to the runner: a line for each that it can. */
function reachedOf(words: string[]): Promise<string[]> {
	return withRunner(words, async (pid) => {
		const { server } = fixture;
		const name = `OTHERS_${process.pid}`;
		const secrets = { [name]: "secret-of-another-job" };
		const other = server.offer(buildGrant({ run: "echo here >left; echo up; sleep 1000", secrets }));
		await server.until(() => other.text.includes("up\n"));
		const lines = [
			`grep -qz '^${name}=' /proc/[0-9]*/environ && echo "reads another job's environment"`,
			`cat '../../${other.grant.lease.id}/work/left' >/dev/null && echo "reads another job's folder"`,
			`touch '../../${other.grant.lease.id}/work/new' && echo "writes another job's folder"`,
			`kill -0 ${pid} && echo "signals the runner"`,
			`cat /proc/${pid}/maps >/dev/null && echo "looks at the runner's memory"`,
			`touch '${fixture.workDir}/new' && echo "writes the runner's folder"`,
			"true",
		];
		const lease = await fixture.runToEnd({ run: `{\n${lines.join("\n")}\n} 2>/dev/null` });
		other.state = "canceling";
		expect(lease.finish?.outcome).toBe("passed");
		return lease.text.split("\n").filter((line) => /^(reads|writes|signals|looks)/.test(line));
	});
}

const nowhere = { registrationToken: [], runnerToken: [], SPILLWAY_OPERATOR_TOKEN: [], CLOUD_KEY: [], OTHERS: [] };

it.runIf(process.platform === "linux")(
	"[N185] without isolation a job reads no secret in its ancestors or the runner's folder, but what delivers another's log",
	async () => {
		expect(await foundIn([])).toEqual({ ...nowhere, otherLease: ["spools/<lease>.json"] });
	},
);

it.runIf(hasSandbox)("[N185] an isolated job reads nothing of these at all", async () => {
	expect(await foundIn(["--isolate", "bwrap"])).toEqual({ ...nowhere, otherLease: [] });
});

it.runIf(process.platform === "linux")(
	"[N204] without isolation jobs of one runner reach each other and the runner, as the page about trust says",
	async () => {
		expect(await reachedOf([])).toEqual([
			"reads another job's environment",
			"reads another job's folder",
			"writes another job's folder",
			"signals the runner",
			"looks at the runner's memory",
			"writes the runner's folder",
		]);
	},
);

it.runIf(hasSandbox)("[N204] an isolated job reaches neither another one nor the runner", async () => {
	// It may write into its own empty place of the runner's folder, which nobody else sees and which goes with its step.
	expect(await reachedOf(["--isolate", "bwrap"])).toEqual(["writes the runner's folder"]);
	expect(existsSync(join(fixture.workDir, "new"))).toBe(false);
});
