// What a job has of the machine: a login's PATH and limits, folders by any name, and what jobs share if they may.
import { once } from "node:events";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeServerRunner } from "../../testing/fake-server/fake-server-runner.ts";
import { buildGrant } from "../../testing/fake-server/fake-server-lease.ts";
import { WorkFolder } from "../work-folder.ts";
import { bubblewrapWithCache } from "./isolation.ts";
import { jobOpenFiles } from "./open-files.ts";
import type { ProcessLook } from "./open-files.ts";
import { loginPath } from "./own-env.ts";
import { pruneFolder } from "./pruned-folder.ts";

let fixture: FakeServerRunner;
beforeEach(async () => {
	fixture = new FakeServerRunner();
	await fixture.server.open();
});
afterEach(() => fixture.close());

const lines = (text: string) => text.trim().split("\n").slice(1);

describe("the PATH", () => {
	it.each([
		["/usr/bin:/bin", "/usr/bin:/bin"],
		[
			"/a/node_modules/.bin:/node_modules/.bin:/usr/lib/node_modules/npm/node_modules/@npmcli/run-script/lib/node-gyp-bin:/usr/bin",
			"/usr/bin",
		],
		["/h/.npm/_npx/1a2b/node_modules/.bin/:/usr/bin", "/usr/bin"],
		["/a/node_modules/.bin/deeper:/usr/bin", "/a/node_modules/.bin/deeper:/usr/bin"],
		[".:bin::./node_modules/.bin:/usr/bin", "/usr/bin"],
		["", "/usr/local/bin:/usr/bin:/bin"],
		[undefined, "/usr/local/bin:/usr/bin:/bin"],
	])("[N140] of %s a job has %s", (given, expected) => {
		expect(loginPath(given)).toBe(expected);
	});

	it("[N140] a job of a runner that npm started finds no program of the runner's own package", async () => {
		const own = join(fixture.folder, "node_modules", ".bin");
		fixture.program("node_modules/.bin/tsc", "echo ours");
		await fixture.start({ hostEnv: { ...process.env, PATH: `${own}:${process.env.PATH}`, npm_config_prefix: "/x" } });
		const lease = await fixture.runToEnd({
			run: 'command -v tsc | grep -c node_modules/.bin; echo "$PATH" >path; env | grep -ci "^npm_"',
		});
		expect(lines(lease.text)[0]).toBe("0");
		const other = await fixture.runToEnd({ run: "tsc", env: { PATH: `${own}:/usr/bin:/bin` } });
		expect(lines(other.text)).toEqual(["ours"]);
	});
});

describe("open files", () => {
	/** From the runner upwards: names and soft limits; the hard one is 4096. */
	const looks =
		(chain: [string, number | null][]) =>
		(pid: number): ProcessLook | null => {
			const found = chain[pid - 100];
			return found
				? { name: found[0], soft: found[1], hard: 4096, parent: pid - 99 === chain.length ? 1 : pid + 1 }
				: null;
		};

	it.each<[string, [string, number | null][], number | null]>([
		[
			"a shell",
			[
				["node", 4096],
				["bash", 1024],
			],
			1024,
		],
		[
			"npm",
			[
				["node", 4096],
				["sh", 4096],
				["npm start", 4096],
				["bash", 1024],
			],
			1024,
		],
		[
			"npx by a script",
			[
				["node", 4096],
				["sh", 4096],
				["npm exec spillwa", 4096],
				["make", 512],
				["bash", 1024],
			],
			512,
		],
		[
			"a shell that set it",
			[
				["node", 4096],
				["bash", 4096],
				["bash", 1024],
			],
			null,
		],
		[
			"nothing but Node",
			[
				["node", 4096],
				["node", 4096],
			],
			null,
		],
		[
			"an init system",
			[
				["node", 4096],
				["systemd", 1024],
			],
			null,
		],
		[
			"a Node that raised nothing",
			[
				["node", 256],
				["bash", 128],
			],
			null,
		],
	])("[N140] of a runner that was started by %s are limited as there", (_, chain, expected) => {
		expect(jobOpenFiles(100, looks(chain))).toBe(expected);
	});

	if (process.platform === "linux")
		it("[N140] a job has the soft limit of the shell that started its runner", async () => {
			const runner = fixture.spawnRunner({
				by: ["bash", "-c", `ulimit -Sn 321; trap 'kill $!' TERM; "$@" & wait; wait`, "bash"],
			});
			try {
				const lease = fixture.server.offer(buildGrant({ run: "ulimit -Sn; ulimit -Hn; ulimit -Sn 400; ulimit -Sn" }));
				await fixture.server.until(() => lease.finish !== null);
				const [soft, hard, raised] = lines(lease.text);
				expect([soft, raised]).toEqual(["321", "400"]);
				expect(Number(hard)).toBeGreaterThan(400);
			} finally {
				runner.kill("SIGTERM");
				await once(runner, "exit");
			}
		});
});

describe("the work folder", () => {
	it("[N139] one that cannot be used is named, with what is in the way", async () => {
		const file = join(fixture.folder, "file");
		writeFileSync(file, "");
		await expect(WorkFolder.open(join(file, "work"), () => {})).rejects.toThrow(
			`the work folder ${join(file, "work")} cannot be used: ENOTDIR`,
		);
	});

	const canMount = spawnSync("unshare", ["-rm", "true"]).status === 0;
	if (canMount)
		it("[N139] one on a disk that is read-only says so", () => {
			const place = join(fixture.folder, "read-only");
			mkdirSync(place);
			const load = `import(${JSON.stringify(new URL("../work-folder.ts", import.meta.url).pathname)})`;
			const script = `const { WorkFolder } = await ${load}; await WorkFolder.open(process.argv[1], () => {}).catch(({ message }) => console.log(message));`;
			const mount =
				'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && exec "$2" --input-type=module --eval "$3" "$1/work"';
			const said = execFileSync("unshare", ["-rm", "sh", "-c", mount, "sh", place, process.execPath, script], {
				encoding: "utf8",
			});
			expect(said).toContain(`the work folder ${place}/work cannot be used: EROFS: read-only file system`);
		});
});

describe("the shared cache", () => {
	const ask = {
		run: 'for name in SPILLWAY_CACHE npm_config_cache PIP_CACHE_DIR GOMODCACHE; do printenv "$name" || echo none; done',
	};

	it("[N141] is off unless the machine's owner names a folder", async () => {
		await fixture.start();
		expect(lines((await fixture.runToEnd(ask)).text)).toEqual(["none", "none", "none", "none"]);
	});

	it("[N141] is one folder for all jobs, told by variables that a job may set otherwise", async () => {
		const cache = join(fixture.folder, "the cache");
		await fixture.start({ sharedCache: cache });
		await fixture.runToEnd({ run: 'mkdir -p "$npm_config_cache"; echo warm > "$npm_config_cache/file"' });
		const lease = await fixture.runToEnd({
			run: `cat "$npm_config_cache/file"; ${ask.run}`,
			env: { PIP_CACHE_DIR: "mine" },
		});
		expect(lines(lease.text)).toEqual(["warm", cache, join(cache, "npm"), "mine", join(cache, "go-mod")]);
	});

	it("[N141] loses at a start what was not used for long, and the oldest beyond its bound, each as a whole", async () => {
		const cache = join(fixture.folder, "cache");
		const now = 1_800_000_000_000;
		for (const [name, days] of Object.entries({ old: 40, large: 3, newer: 2, newest: 1 })) {
			mkdirSync(join(cache, name, "deep"), { recursive: true });
			const file = join(cache, name, "deep", "file");
			writeFileSync(file, Buffer.alloc(name === "large" ? 5_000 : 1_000));
			const at = now / 1_000 - days * 24 * 3_600;
			for (const path of [file, join(cache, name)]) utimesSync(path, at, at);
		}
		writeFileSync(join(cache, ".DS_Store"), "");
		utimesSync(join(cache, ".DS_Store"), now / 1_000, now / 1_000);
		const pruning = { bytesMax: 4_000, unusedMsMax: 30 * 24 * 3_600_000, now, eventLog: () => {} };
		await pruneFolder(cache, { ...pruning, usedBy: "files" });
		expect(readdirSync(cache).sort()).toEqual([".DS_Store", "newer", "newest"]);
	});

	it("[N141] cannot be asked for by a command that isolates where there is none", async () => {
		await expect(fixture.start({ wrap: "box {cache}" })).rejects.toThrow("there is no {cache} to fill in");
	});

	const hasSandbox =
		spawnSync("bwrap", ["--ro-bind", "/", "/", "--unshare-pid", "--proc", "/proc", "true"]).status === 0;
	if (hasSandbox)
		it("[N141] can be written in the sandbox, also where it lies under the user's home", async () => {
			const home = join(fixture.folder, "home");
			mkdirSync(home);
			writeFileSync(join(home, "key"), "");
			const sharedCache = join(home, "cache");
			await fixture.start({ sharedCache, wrap: bubblewrapWithCache, hostEnv: { PATH: process.env.PATH, HOME: home } });
			const lease = await fixture.runToEnd({ run: `ls '${home}'; echo warm > "$SPILLWAY_CACHE/file"` });
			expect(lines(lease.text)).toEqual(["cache"]);
			expect(existsSync(join(sharedCache, "file"))).toBe(true);
		});
});
