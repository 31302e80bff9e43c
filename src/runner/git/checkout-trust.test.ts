// What neither a job's variables nor a repository's content may do to the runner's own git, and waits that a stop must end.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildGrant } from "../../testing/fake-server/fake-server-lease.ts";
import type { FakeLease } from "../../testing/fake-server/fake-server-lease.ts";
import { FakeServerRunner } from "../../testing/fake-server/fake-server-runner.ts";
import type { RunnerOptions } from "../runner.ts";

let fixture: FakeServerRunner;
let origin: string;
let cloneUrl: string;

function git(...words: string[]): string {
	const settings = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "protocol.file.allow=always"];
	return execFileSync("git", [...settings, ...words], {
		cwd: origin,
		encoding: "utf8",
		stdio: ["ignore", "pipe", "pipe"],
	}).trim();
}

beforeEach(async () => {
	fixture = await FakeServerRunner.open({ capacity: 4 });
	makeOrigin();
});
afterEach(() => fixture.close());

function makeOrigin(): void {
	origin = join(fixture.folder, "origin");
	cloneUrl = `file://${origin}`;
	mkdirSync(origin);
	git("init", "--quiet", "--initial-branch=main");
	commit({ file: "content\n" });
}

function commit(files: Record<string, string>): string {
	for (const [name, text] of Object.entries(files)) writeFileSync(join(origin, name), text);
	git("add", ".");
	git("commit", "--quiet", "-m", "a commit");
	return git("rev-parse", "HEAD");
}

function offer(job: Parameters<typeof buildGrant>[0], url = cloneUrl): FakeLease {
	const source = { cloneUrl: url, ref: null, commit: null };
	return fixture.server.offer(buildGrant(job, { run: { id: "rtest", number: 1, title: null, source } }));
}

async function runToEnd(job: Parameters<typeof buildGrant>[0], url = cloneUrl): Promise<FakeLease> {
	const lease = offer(job, url);
	await fixture.server.until(() => lease.finish !== null);
	return lease;
}

describe("a job's variables", () => {
	it("[N130] reach no program that the runner starts for itself", async () => {
		const mark = join(fixture.folder, "marks");
		mkdirSync(mark);
		const touch = (name: string) => fixture.program(name, `touch '${mark}/${name}'; exit 1`);
		fixture.program("bin/git", `touch '${mark}/git'`);
		const key = (at: number, name: string, value: string) => ({
			[`GIT_CONFIG_KEY_${at}`]: name,
			[`GIT_CONFIG_VALUE_${at}`]: value,
		});
		const lease = await runToEnd({
			run: "cat file",
			env: {
				BASH_ENV: touch("bash-env"),
				ENV: touch("env"),
				GIT_SSH_COMMAND: touch("ssh"),
				GIT_ASKPASS: touch("askpass"),
				SSH_ASKPASS: touch("ssh-askpass"),
				GIT_EXTERNAL_DIFF: touch("diff"),
				GIT_PROXY_COMMAND: touch("proxy"),
				GIT_DIR: "/nowhere",
				GIT_WORK_TREE: "/nowhere",
				GIT_TRACE: join(mark, "trace"),
				GIT_TEMPLATE_DIR: "/nowhere",
				GIT_EXEC_PATH: "/nowhere",
				HOME: "/nowhere",
				LD_PRELOAD: "/nowhere.so",
				GIT_CONFIG_COUNT: "3",
				...key(0, "core.fsmonitor", touch("fsmonitor")),
				...key(1, "core.sshCommand", touch("ssh-command")),
				...key(2, "uploadpack.packObjectsHook", touch("pack-objects")),
			},
		});
		expect(lease.text).not.toMatch(/LD_PRELOAD.*▸ step 1/s);
		expect(lease.finish?.commit).toBe(git("rev-parse", "HEAD"));
		expect(readdirSync(mark).filter((name) => !["bash-env", "env"].includes(name))).toEqual([]);
		const other = await runToEnd({ run: "true", env: { PATH: `${fixture.folder}/bin:/usr/bin:/bin` } });
		expect([other.finish?.outcome, readdirSync(mark).includes("git")]).toEqual(["passed", false]);
	});
});

describe("a repository's content", () => {
	it("[N131] runs nothing while it is checked out", async () => {
		const mark = join(fixture.folder, "mark");
		const command = fixture.program("evil", `touch '${mark}'; cat`);
		mkdirSync(join(origin, "hooks"));
		writeFileSync(join(origin, "hooks", "post-checkout"), `#!/bin/sh\ntouch '${mark}'\n`, { mode: 0o755 });
		const tried = commit({
			".gitattributes": "* filter=evil diff=evil merge=evil\n",
			".gitconfig": `[filter "evil"]\n\tsmudge = ${command}\n[core]\n\thooksPath = hooks\n\tfsmonitor = ${command}\n`,
			".lfsconfig": `[lfs]\n\turl = ext::${command}\n`,
		});
		const lease = await runToEnd({ run: "git rev-parse HEAD; ls .git/hooks | wc -l | tr -d ' '" });
		expect(lease.text).toContain(`\n${tried}\n0\n`);
		expect(existsSync(mark)).toBe(false);
	});

	it.each([
		["a command", () => `ext::touch ${join(fixture.folder, "mark")}`],
		["an option", () => `--upload-pack=touch ${join(fixture.folder, "mark")}`],
	])("[N131] a submodule that names %s is not fetched", async (_, url) => {
		addSubmodule(url());
		const lease = await runToEnd({ env: { SPILLWAY_GIT_SUBMODULES: "true" } });
		expect(lease.finish).toMatchObject({ outcome: "failed" });
		expect(lease.finish?.reason).toMatch(/^checkout: its submodules: /);
		expect(existsSync(join(fixture.folder, "mark"))).toBe(false);
	});

	function addSubmodule(url: string): void {
		writeFileSync(join(origin, ".gitmodules"), `[submodule "sub"]\n\tpath = sub\n\turl = "${url}"\n`);
		git("update-index", "--add", "--cacheinfo", `160000,${git("rev-parse", "HEAD")},sub`);
		git("add", ".gitmodules");
		git("commit", "--quiet", "-m", "a submodule");
	}

	it("[N131] what was written into the cache's own settings is not kept", async () => {
		await runToEnd({});
		const [name = ""] = readdirSync(join(fixture.workDir, "cache"));
		const cache = join(fixture.workDir, "cache", name);
		const mark = join(fixture.folder, "mark");
		const command = fixture.program("evil", `touch '${mark}'`);
		writeFileSync(
			join(cache, "config"),
			`[core]\n\tbare = true\n\tfsmonitor = ${command}\n\tsshCommand = ${command}\n[remote "${cloneUrl}"]\n\tuploadpack = ${command}\n`,
		);
		mkdirSync(join(cache, "hooks"));
		for (const hook of ["reference-transaction", "post-update"]) {
			writeFileSync(join(cache, "hooks", hook), `#!/bin/sh\ntouch '${mark}'\n`, { mode: 0o755 });
		}
		commit({ file: "more\n" });
		expect((await runToEnd({ run: "cat file" })).text).toMatch(/\nmore\n$/);
		expect(existsSync(mark)).toBe(false);
	});
});

describe("what the runner keeps of other jobs", () => {
	/** Whose cache and folder it would be: another repository's, which has fetched its commit. */
	const escaped = (path: string) => path.replaceAll(" ", "%20");

	function offerOf(repo: string, source: { cloneUrl: string; commit: string | null }, run = "cat file"): FakeLease {
		const over = { repository: { owner: "acme", repo } };
		return fixture.server.offer(
			buildGrant({ run }, { ...over, run: { id: "rtest", number: 1, title: null, source: { ref: null, ...source } } }),
		);
	}

	async function endOf(lease: FakeLease): Promise<FakeLease> {
		await fixture.server.until(() => lease.finish !== null);
		return lease;
	}

	async function reopen(options: (folder: string) => Partial<RunnerOptions>): Promise<void> {
		await fixture.close();
		fixture = new FakeServerRunner();
		await fixture.server.open();
		await fixture.start(options(fixture.folder));
		makeOrigin();
	}

	it.each([
		["the cache", (cache: string) => `file://${escaped(cache)}`],
		["the cache by escapes", (cache: string) => `file://${escaped(cache).replace("/cache/", "/%63ache%2F")}`],
		[
			"the cache by a folder of each process's own",
			(cache: string) => `file:///proc/self/cwd/../../../cache/${basename(cache)}`,
		],
		["the cache by a way up", (cache: string) => `file://${escaped(cache)}/%2e./${basename(cache)}`],
		["the cache by a link", (cache: string) => `file://${fixture.folder}/link/cache/${basename(cache)}`],
		["another job's folder", () => `file://${escaped(fixture.workDir)}/jobs/other/work`],
	])("[N222] a clone URL does not lead to %s", async (_, url) => {
		symlinkSync(fixture.workDir, join(fixture.folder, "link"));
		const kept = await endOf(offerOf("web", { cloneUrl, commit: null }));
		const [name = ""] = readdirSync(join(fixture.workDir, "cache"));
		const commit = kept.finish?.commit ?? "";
		const lease = await endOf(offerOf("other", { cloneUrl: url(join(fixture.workDir, "cache", name)), commit }));
		expect(lease.finish?.outcome).toBe("failed");
		expect(lease.finish?.reason).toMatch(/^checkout: (?:the|a) clone URL .*|what is under \/proc/);
		expect(lease.text).not.toContain("content");
	});

	it("[N222] a clone URL leads to no repository that a job made where jobs write, and that borrows what the cache has", async () => {
		await reopen((folder) => ({ sharedCache: join(folder, "shared") }));
		await endOf(offerOf("web", { cloneUrl, commit: null }));
		const cache = `'${fixture.workDir}'/cache/*.git`;
		const make = `git init --quiet --bare "$SPILLWAY_CACHE/made"
			cd "$SPILLWAY_CACHE/made"
			rm -r refs
			ln -s ${cache}/refs refs
			echo ${cache}/objects > objects/info/alternates`;
		expect((await runToEnd({ run: make })).finish?.outcome).toBe("passed");
		const commit = git("rev-parse", "HEAD");
		const lease = await endOf(offerOf("other", { cloneUrl: `file://${fixture.folder}/shared/made`, commit }));
		expect(lease.finish?.reason).toMatch(/^checkout: the clone URL leads into a folder of the runner's/);
	});

	it("[N223] what one repository's jobs fetched is no other repository's, of the same clone URL either", async () => {
		const kept = await endOf(offerOf("web", { cloneUrl, commit: null }));
		renameSync(origin, `${origin}-closed`);
		const source = { cloneUrl, commit: kept.finish?.commit ?? "" };
		expect((await endOf(offerOf("other", source))).finish?.outcome).toBe("failed");
		expect((await endOf(offerOf("web", source))).text).toContain("content");
	});

	it("[N224] where steps are isolated a submodule is none of the machine's files", async () => {
		await reopen(() => ({ wrap: "env" }));
		const inner = git("rev-parse", "HEAD");
		writeFileSync(join(origin, ".gitmodules"), `[submodule "sub"]\n\tpath = sub\n\turl = "${cloneUrl}"\n`);
		git("update-index", "--add", "--cacheinfo", `160000,${inner},sub`);
		git("add", ".gitmodules");
		git("commit", "--quiet", "-m", "a submodule");
		const plain = await runToEnd({ run: "cat file" });
		expect(plain.text).toContain("content");
		const lease = await runToEnd({ run: "cat sub/file", env: { SPILLWAY_GIT_SUBMODULES: "true" } });
		expect(lease.finish?.reason).toBe("checkout: its submodules: one of them names a transport that is not allowed");
	});
});

describe("a stop", () => {
	const sockets = new Set<Socket>();
	let silent: Server;
	let url: string;

	beforeEach(async () => {
		silent = createServer((socket) => {
			sockets.add(socket);
			socket.on("error", () => {});
			fixture.server.changed();
		});
		await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
		url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/web.git`;
	});
	afterEach(() => {
		for (const socket of sockets) socket.destroy();
		sockets.clear();
		silent.close();
	});

	it("[N132] ends a job that stands in line for a repository's cache, and one whose server never answers", async () => {
		fixture.server.heartbeatSeconds = 0.05;
		const { server } = fixture;
		const a = offer({ key: "a" }, url);
		await server.until(() => sockets.size > 0);
		const b = offer({ key: "b", timeoutSeconds: 1 }, url);
		const c = offer({ key: "c" }, url);
		await server.until(() => b.starts + c.starts === 2 && c.text.includes("checkout"));
		c.state = "canceling";
		await server.until(() => c.finish !== null);
		expect(c.finish?.outcome).toBe("canceled");
		await server.until(() => b.finish !== null);
		expect(b.finish).toMatchObject({ outcome: "timed-out", reason: "ran longer than its timeout of 1 s" });
		expect(a.finish).toBeNull();
		a.state = "canceling";
		await server.until(() => a.finish !== null);
		expect(a.finish).toMatchObject({ outcome: "canceled", signal: "SIGTERM" });
		// Only the first ever asked: those in line left it.
		expect(sockets.size).toBe(1);
	});

	it("[N132] ends a submodule's fetch", async () => {
		fixture.server.heartbeatSeconds = 0.05;
		writeFileSync(join(origin, ".gitmodules"), `[submodule "sub"]\n\tpath = sub\n\turl = "${url}"\n`);
		git("update-index", "--add", "--cacheinfo", `160000,${git("rev-parse", "HEAD")},sub`);
		git("add", ".gitmodules");
		git("commit", "--quiet", "-m", "a submodule");
		const lease = offer({ env: { SPILLWAY_GIT_SUBMODULES: "recursive" } });
		await fixture.server.until(() => sockets.size > 0);
		lease.state = "canceling";
		await fixture.server.until(() => lease.finish !== null);
		expect(lease.finish?.outcome).toBe("canceled");
	});
});
