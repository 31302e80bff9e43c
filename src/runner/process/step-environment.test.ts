// What a step finds in its environment, byte for byte as it was given, and who else does not have it.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { buildGrant, headingOf } from "../../testing/fake-server/fake-server-lease.ts";
import { FakeServerRunner } from "../../testing/fake-server/fake-server-runner.ts";

let fixture: FakeServerRunner;
afterEach(() => fixture.close());

/** Names that bash keeps to itself or gives a meaning of its own. */
const shellNames = [
	...[
		"UID",
		"EUID",
		"GROUPS",
		"DIRSTACK",
		"FUNCNAME",
		"PPID",
		"SHELLOPTS",
		"BASHOPTS",
		"BASH_VERSINFO",
		"IFS",
		"PS4",
		"_",
	],
	...[
		"BASH_ARGV0",
		"BASHPID",
		"EPOCHSECONDS",
		"HISTCMD",
		"LINENO",
		"OLDPWD",
		"OPTIND",
		"PWD",
		"RANDOM",
		"SECONDS",
		"SHLVL",
	],
];
const env = {
	...Object.fromEntries(shellNames.map((name) => [name, "1234"])),
	SHELLOPTS: "nounset",
	// Bash says so when it is too high.
	SHLVL: "12",
	ODD: ` 'quoted' "$HOME" \\ $(exit 3) \t\n*é`,
	EMPTY: "",
};

/** What the step's own process was started with, not what its shell made of it. */
const show = "cat /proc/$$/environ";

function read(text: string): Record<string, string> {
	const pairs = text.replace(headingOf("step 1"), "").split("\0").filter(Boolean);
	return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));
}

describe.runIf(process.platform === "linux")("a step's environment", () => {
	it("[N116] variables come as they were given, whatever their names mean to a shell", async () => {
		fixture = await FakeServerRunner.open();
		const lease = await fixture.runToEnd({ run: show, env });
		expect(read(lease.text)).toMatchObject(env);
	});

	it("[N116] a program that a step starts finds them", async () => {
		fixture = await FakeServerRunner.open();
		const names = ["UID", "EUID", "GROUPS", "DIRSTACK", "FUNCNAME"];
		const given = Object.fromEntries(names.map((name) => [name, "1234"]));
		const lease = await fixture.runToEnd({ run: `printenv ${names.join(" ")}`, env: given });
		expect(lease.text).toBe(`${headingOf("step 1")}${"1234\n".repeat(names.length)}`);
	});

	it("[N116] so it is inside of what wraps a step, and of the wrapper's own variables none is left", async () => {
		fixture = new FakeServerRunner();
		await fixture.server.open();
		const hostEnv = { PATH: process.env.PATH, HOME: "/nowhere", DOCKER_HOST: "tcp://nowhere", OTHER: "x" };
		await fixture.start({ wrap: "env --", hostEnv });
		const lease = await fixture.runToEnd({ run: show, env });
		const seen = read(lease.text);
		expect(seen).toMatchObject(env);
		expect(Object.keys(seen)).not.toContain("DOCKER_HOST");
		expect(Object.keys(seen)).not.toContain("OTHER");
	});

	it("[N116] an image without Perl has all that bash can set", async () => {
		fixture = new FakeServerRunner();
		await fixture.server.open();
		const programs = ["bash", "cat", "env"].map((name) => `ln -s "$(command -v ${name})" "$1/${name}"`);
		const wrap = `'${fixture.program("bare", `set -- '${fixture.folder}/bare programs' "$@"; mkdir -p "$1"; ${programs.join("; ")}; PATH=$1; shift; exec "$@"`)}'`;
		await fixture.start({ wrap });
		const { ODD, EMPTY } = env;
		const lease = await fixture.runToEnd({ run: show, env: { ODD, EMPTY, UID: "1234" } });
		expect(read(lease.text)).toMatchObject({ ODD, EMPTY });
	});

	it("[N117] neither what starts a step nor what wraps it has any of the job's variables", async () => {
		fixture = new FakeServerRunner();
		const { server, folder } = fixture;
		await server.open();
		const wrap = `'${fixture.program("box", `env > '${folder}/box env'; exec "$@"`)}'`;
		await fixture.start({ wrap });
		const evil = { BASH_ENV: "/nowhere", ENV: "/nowhere", PERL5OPT: "-Mnothing", KEY: "own" };
		const lease = await fixture.runToEnd({ run: "echo through", env: evil, secrets: { SECRET: "correct-horse" } });
		expect(lease.text).toBe(`${headingOf("step 1")}through\n`);
		const seen = readFileSync(join(folder, "box env"), "utf8");
		expect(seen).not.toMatch(/^(BASH_ENV|ENV|PERL5OPT|KEY|SECRET|SPILLWAY_LEASE_TOKEN)=/m);
	});

	it("[N52] no process of the runner's has a secret in its words or its environment", async () => {
		fixture = await FakeServerRunner.open({ wrap: "env --" });
		// No other test's: all processes of the machine are looked at.
		const secret = `battery-staple-${process.pid}`;
		const { server, folder } = fixture;
		const lease = server.offer(
			buildGrant({
				run: `echo up; until [ -e '${folder}/go' ]; do sleep 0.02; done`,
				secrets: { KEY: secret },
			}),
		);
		await server.until(() => lease.text.includes("up\n"));
		const holders = readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && has(pid, secret));
		expect(holders.every((pid) => name(pid).startsWith("bash") || name(pid).startsWith("sleep"))).toBe(true);
		lease.state = "canceling";
		await server.until(() => lease.finish !== null);
	});

	function has(pid: string, text: string): boolean {
		try {
			if (readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(text)) throw new Error(`${pid} shows it`);
			return readFileSync(`/proc/${pid}/environ`, "latin1").includes(text);
		} catch (error) {
			if (error instanceof Error && error.message.endsWith("shows it")) throw error;
			return false;
		}
	}

	function name(pid: string): string {
		try {
			return readFileSync(`/proc/${pid}/comm`, "latin1");
		} catch {
			return "bash";
		}
	}
});
