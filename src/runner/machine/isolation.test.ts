// Commands that isolate a job's steps: how they are called, what a container of them has, and what a real sandbox keeps out.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { buildGrant, headingOf } from "../../testing/fake-server/fake-server-lease.ts";
import { FakeServerRunner } from "../../testing/fake-server/fake-server-runner.ts";
import { bubblewrap } from "./isolation.ts";
import type { RunnerOptions } from "../runner.ts";

let fixture: FakeServerRunner;
afterEach(() => fixture.close());

async function open(options: (fixture: FakeServerRunner) => Partial<RunnerOptions> = () => ({})): Promise<void> {
	fixture = new FakeServerRunner();
	await fixture.server.open();
	await fixture.start(options(fixture));
}

describe("isolation", () => {
	it("[N90] a command is put before each step's own, with the job's places filled in; the checkout is left out", async () => {
		await open(() => ({
			wrap: `'${fixture.program("box", 'printf "%s\\n" "$@" > "$0.said"; shift 4; exec "$@"')}' {job} {work} "x y" --`,
		}));
		const source = { cloneUrl: `file://${fixture.folder}/nowhere`, ref: null, commit: null };
		const plain = await fixture.runToEnd({}, { run: { id: "rtest", number: 1, title: null, source } });
		expect(plain.finish?.reason).toMatch(/there is no repository/);
		expect(existsSync(join(fixture.folder, "box.said"))).toBe(false);
		const lease = await fixture.runToEnd({ run: ["pwd", "exit 4"] });
		const [job, work, ...rest] = readFileSync(join(fixture.folder, "box.said"), "utf8").trim().split("\n");
		expect(job).toBe(join(fixture.workDir, "jobs", lease.grant.lease.id));
		expect([work, ...rest.slice(0, 3)]).toEqual([`${job}/work`, "x y", "--", "bash"]);
		expect(lease.finish).toMatchObject({ outcome: "failed", exitCode: 4 });
		expect(lease.text).toContain(`${job}/work\n`);
	});

	it("[N90] variables are named to a container, and never told their values", async () => {
		await open(() => ({
			wrap: `'${fixture.program("box", 'echo "$@"; while [ "$1" = --env ]; do shift 2; done; exec "$@"')}' {env}`,
		}));
		const lease = await fixture.runToEnd({ run: "true", secrets: { KEY: "correct-horse" } });
		expect(lease.text).toContain("--env KEY");
		expect(lease.text).not.toContain("***");
	});

	it("[N90] a step that changes what it can reach of its own does not take the next one out of the sandbox", async () => {
		await open(() => ({ wrap: `'${fixture.program("box", 'exec "$@"')}'` }));
		const change = `for at in 1 2 3; do echo "touch '${fixture.folder}/out'; exec \\"\\$@\\"" > ../steps/$at.wrap; done`;
		const lease = await fixture.runToEnd({ run: [change, "ls ../..; echo second"] });
		expect(lease.finish?.outcome).toBe("passed");
		expect(lease.text).toContain("second\n");
		expect(existsSync(join(fixture.folder, "out"))).toBe(false);
		expect(lease.text).not.toContain("json");
	});

	it("[N91] a place that there is not ends the runner before it begins", async () => {
		fixture = new FakeServerRunner();
		await fixture.server.open();
		await expect(fixture.start({ wrap: "docker run {image}" })).rejects.toThrow("there is no {image} to fill in");
	});

	it("[N92] the sandbox shows the job its own folder, and neither the runner's nor the user's home", async () => {
		await open(({ folder }) => {
			mkdirSync(join(folder, "some one"));
			fixture.program("programs/bwrap", 'echo "$@"; while [ "$1" != -- ]; do shift; done; shift; exec "$@"');
			return {
				wrap: bubblewrap,
				hostEnv: { PATH: `${folder}/programs:${process.env.PATH}`, HOME: join(folder, "some one") },
			};
		});
		const lease = await fixture.runToEnd({ run: "echo inside" });
		expect(lease.text).toContain(
			`--tmpfs ${fixture.folder}/some one --tmpfs ${fixture.workDir} --bind ${fixture.workDir}/jobs/`,
		);
		expect(lease.text).toMatch(/\ninside\n$/);
	});

	/** Takes the words that `docker run` is documented with, and gives a step what that would: named variables and nothing else. */
	const container = `named=()
		while :; do
			case $1 in
			run | --rm | --init) shift ;;
			-v) mount=$2; shift 2 ;;
			-w) cd "$2"; shift 2 ;;
			--env) named+=("$2=\${!2}"); shift 2 ;;
			*) break ;;
			esac
		done
		[ "$1" = registry.example/build ] || exit 125
		shift
		exec env -i PATH="$PATH" MOUNT="$mount" "\${named[@]}" "$@"`;

	it("[N90] in a container as it is documented a job has its folder and its variables, and ends as it ends", async () => {
		await open(({ folder }) => ({
			wrap: `'${fixture.program("docker", container)}' run --rm --init -v {job}:{job} -w {work} {env} registry.example/build`,
			hostEnv: { PATH: process.env.PATH, FOLDER: folder },
		}));
		const lease = await fixture.runToEnd({
			run: 'echo "$MOUNT"; pwd; echo "$SPILLWAY_JOB_KEY.$KEY.$FOLDER."; echo x > "$HOME/file"; exit 6',
			env: { KEY: "a b" },
		});
		const job = join(fixture.workDir, "jobs", lease.grant.lease.id);
		expect(lease.text).toBe(`${headingOf("step 1")}${job}:${job}\n${job}/work\ntest.a b..\n`);
		expect(lease.finish).toMatchObject({ outcome: "failed", exitCode: 6 });
	});

	it("[N90] one that is canceled is told by SIGTERM", async () => {
		await open(() => ({ wrap: `'${fixture.program("docker", container)}' run {env} registry.example/build` }));
		const lease = fixture.server.offer(
			buildGrant({ run: "trap 'echo told; exit 3' TERM; echo up; while :; do echo on; sleep 0.02; done" }),
		);
		await fixture.server.until(() => lease.text.includes("up\n"));
		lease.state = "canceling";
		await fixture.server.until(() => lease.finish !== null);
		expect(lease.finish).toMatchObject({ outcome: "canceled", exitCode: 3 });
		expect(lease.text).toContain("told\n");
	});
});

/** Where it is not, or where users may make no namespaces, only how it is called is tried: above. */
const hasSandbox = spawnSync("bwrap", ["--ro-bind", "/", "/", "--unshare-pid", "--proc", "/proc", "true"]).status === 0;
if (!hasSandbox) process.stderr.write("[N92] not tried here: a real sandbox, for no bwrap works on this machine\n");
else
	describe("a real sandbox", () => {
		/** What a step in it says to each of the lines. */
		async function ask(lines: string[]): Promise<string> {
			await open(({ folder }) => {
				mkdirSync(join(folder, "home"));
				writeFileSync(join(folder, "home", "key"), "the user's");
				return { wrap: bubblewrap, hostEnv: { PATH: process.env.PATH, HOME: join(folder, "home") } };
			});
			const run = lines.map((line) => `{ ${line}; } 2>/dev/null && echo yes || echo no`).join("\n");
			const lease = await fixture.runToEnd({ run: `${run}\nexit 4` });
			expect(lease.finish).toMatchObject({ outcome: "failed", exitCode: 4 });
			return lease.text.replace(headingOf("step 1"), "");
		}

		it("[N92] a job writes its own folder, home and temporary folder, and /tmp, and nothing else of the machine", async () => {
			const writes = ["echo a > here", 'echo a > "$HOME/here"', 'echo a > "$TMPDIR/here"', "echo a > /tmp/here"];
			const others = ["echo a > /here", "echo a > /etc/here", "mount -o remount,rw /"];
			expect(await ask([...writes, ...others])).toBe("yes\n".repeat(4) + "no\n".repeat(3));
			expect(existsSync("/tmp/here")).toBe(false);
		});

		it("[N92] it sees no file of the user's or the runner's, and no process but its own", async () => {
			const text = await ask([
				"[ -e ../../../../home/key ]",
				"[ -e ../../../runner.json ]",
				'[ "$(ls ../..)" = "$(basename "$(dirname "$PWD")")" ]',
				`[ "$(ls -d /proc/[0-9]* | wc -l)" -lt 10 ]`,
			]);
			expect(text).toBe("no\nno\nyes\nyes\n");
		});

		it("[N130] no variable or file of a job's runs anything outside of it", async () => {
			await open(() => ({ wrap: bubblewrap }));
			const mark = join(fixture.folder, "mark");
			const evil = `touch ${mark}`;
			const program = `printf '#!/bin/sh\\n${evil}\\n' >bwrap; chmod +x bwrap; cp bwrap bash; cp bwrap sh; cp bwrap perl`;
			const tamper =
				'for each in ../steps/*.sh ../steps/enter.bash; do cp bwrap "$each" 2>/dev/null; done; cp bwrap ../askpass.sh';
			const lease = await fixture.runToEnd({
				run: ["id >/dev/null", `${program}; ${tamper}`, "true"],
				env: {
					BASH_ENV: `$(${evil})`,
					ENV: `$(${evil})`,
					PS4: `$(${evil})`,
					SHELLOPTS: "xtrace",
					PATH: ".:/usr/local/bin:/usr/bin:/bin",
					PERL5OPT: "-Mevil",
					"BASH_FUNC_exec%%": `() { ${evil}; }`,
				},
			});
			expect(lease.finish?.outcome).not.toBeUndefined();
			const named = await fixture.runToEnd({
				run: [`${program}; ${tamper}`, "true"],
				env: { BASH_ENV: `$(${evil})`, PATH: ".:/usr/local/bin:/usr/bin:/bin", PS4: `$(${evil})`, SHELLOPTS: "xtrace" },
			});
			expect(named.finish?.steps?.[0]?.exitCode).toBe(0);
			expect(existsSync(mark)).toBe(false);
		});

		it("[N92] what it leaves in the background ends with the step", async () => {
			await open(() => ({ wrap: bubblewrap }));
			const mark = `${process.pid}${Date.now()}`.slice(-9);
			await fixture.runToEnd({ run: `(setsid sleep 9${mark} &); true` });
			expect(spawnSync("ps", ["-eo", "args"]).stdout.toString()).not.toContain(`sleep 9${mark}`);
		});
	});
