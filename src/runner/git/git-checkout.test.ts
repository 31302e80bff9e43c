// What a job may ask of its checkout, and the repositories that are kept between jobs; from real repositories on this disk.
import { execFileSync } from "node:child_process";
import {
	chmodSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildGrant } from "../../testing/fake-server/fake-server-lease.ts";
import type { FakeLease } from "../../testing/fake-server/fake-server-lease.ts";
import { FakeServerRunner } from "../../testing/fake-server/fake-server-runner.ts";
import { GitCache } from "./git-cache.ts";

let fixture: FakeServerRunner;
let cloneUrl: string;
let origin: string;
let commits: string[];

function git(cwd: string, ...words: string[]): string {
	const settings = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "protocol.file.allow=always"];
	return execFileSync("git", [...settings, ...words], {
		cwd,
		encoding: "utf8",
		stdio: ["ignore", "pipe", "pipe"],
	}).trim();
}

function commit(folder: string, files: Record<string, string>): string {
	for (const [file, text] of Object.entries(files)) {
		mkdirSync(join(folder, file, ".."), { recursive: true });
		writeFileSync(join(folder, file), text);
	}
	git(folder, "add", ".");
	git(folder, "commit", "--quiet", "-m", "a commit");
	return git(folder, "rev-parse", "HEAD");
}

function makeRepository(name: string): string {
	const folder = join(fixture.folder, name);
	mkdirSync(folder);
	git(folder, "init", "--quiet", "--initial-branch=main");
	return folder;
}

beforeEach(async () => {
	fixture = await FakeServerRunner.open({ capacity: 4 });
	origin = makeRepository("origin");
	cloneUrl = `file://${origin}`;
	commits = [1, 2, 3].map((n) => commit(origin, { "a/file": `a ${n}\n`, "b/file": `b ${n}\n`, top: `${n}\n` }));
});
afterEach(() => fixture.close());

/** The same runner, started anew on a machine with these variables too. */
async function reopen(variables: NodeJS.ProcessEnv): Promise<void> {
	fixture.runner?.drain();
	await fixture.done;
	await fixture.start({ capacity: 4, hostEnv: { ...process.env, ...variables } });
}

interface Wish {
	env?: Record<string, string>;
	secrets?: Record<string, string>;
	commit?: string | undefined;
	url?: string;
	run?: string;
}

function offer({ env = {}, secrets = {}, commit: wanted = commits[2], url = cloneUrl, run = "true" }: Wish): FakeLease {
	const source = { cloneUrl: url, ref: null, commit: wanted ?? null };
	return fixture.server.offer(
		buildGrant({ run, env, secrets }, { run: { id: "rtest", number: 1, title: null, source } }),
	);
}

async function check(wish: Wish): Promise<FakeLease> {
	const lease = offer(wish);
	await fixture.server.until(() => lease.finish !== null);
	return lease;
}

const cachePath = () => new GitCache(join(fixture.workDir, "cache")).pathOf("acme/web", cloneUrl);
const history = "git rev-list HEAD | wc -l | tr -d ' '";

describe("what a job asks for", () => {
	it.each([
		["1", "1"],
		["2", "2"],
		["0", "3"],
	])("[N77] with SPILLWAY_GIT_DEPTH=%s it has %s commits of history", async (depth, count) => {
		const lease = await check({ env: { SPILLWAY_GIT_DEPTH: depth }, run: history });
		expect(lease.text).toMatch(new RegExp(`\n${count}\n$`));
	});

	it("[N77] one that asks for more gets it from a cache that was filled by one that asked for less, and back", async () => {
		for (const [depth, count] of [
			["1", "1"],
			["0", "3"],
			["1", "1"],
			["0", "3"],
		] as const) {
			const lease = await check({ env: { SPILLWAY_GIT_DEPTH: depth }, run: history });
			expect(lease.text).toMatch(new RegExp(`\n${count}\n$`));
		}
	});

	it("[N78] with SPILLWAY_GIT_SPARSE only those folders, and what is at the top, are there", async () => {
		const lease = await check({ env: { SPILLWAY_GIT_SPARSE: "a\nno/such" }, run: "ls -d */ *" });
		expect(lease.text).toContain("a/\n");
		expect(lease.text).toContain("top\n");
		expect(lease.text).not.toContain("b/\n");
	});

	it("[N79] submodules are there only if they are asked for", async () => {
		const inner = makeRepository("inner");
		commit(inner, { file: "inside\n" });
		git(origin, "submodule", "--quiet", "add", `file://${inner}`, "sub");
		const withModule = commit(origin, { top: "4\n" });
		const run = "cat sub/file || echo nothing";
		expect((await check({ commit: withModule, run })).text).toContain("nothing\n");
		for (const wish of ["true", "recursive"]) {
			const lease = await check({ commit: withModule, run, env: { SPILLWAY_GIT_SUBMODULES: wish } });
			expect(lease.text).toMatch(/\ninside\n$/);
		}
	});

	it("[N80] large files are fetched only if they are asked for", async () => {
		const said = join(fixture.folder, "lfs");
		fixture.program("programs/git-lfs", `[ "$1" = version ] || echo "lfs $*" >> '${said}'`);
		await reopen({ PATH: `${fixture.folder}/programs:${process.env.PATH}` });
		await check({});
		expect(existsSync(said)).toBe(false);
		await check({ env: { SPILLWAY_GIT_LFS: "true" } });
		expect(readFileSync(said, "utf8")).toBe("lfs install --local --skip-repo\nlfs pull origin\n");
	});

	it("[N81] the commit that was checked out is reported, and nothing where nothing was", async () => {
		expect((await check({ commit: undefined })).finish?.commit).toBe(commits[2]);
		expect((await check({ commit: commits[1] })).finish?.commit).toBe(commits[1]);
		const lease = fixture.server.offer(buildGrant());
		await fixture.server.until(() => lease.finish !== null);
		expect(lease.finish).not.toHaveProperty("commit");
	});
});

describe("the cache", () => {
	it("[N82] what is in the cache is not fetched again", async () => {
		await check({});
		rmSync(origin, { recursive: true });
		const lease = await check({ run: "cat a/file" });
		expect(lease.text).toMatch(/\na 3\n$/);
	});

	it("[N83] many jobs at once fill and use one cache", async () => {
		const leases = [0, 1, 2, 0, 1, 2, 2, 2].map((at) => offer({ commit: commits[at], run: "cat top" }));
		await fixture.server.until(() => leases.every(({ finish }) => finish !== null));
		expect(leases.map(({ text }) => text.trim().at(-1))).toEqual(["1", "2", "3", "1", "2", "3", "3", "3"]);
		expect(readdirSync(join(fixture.workDir, "cache"))).toHaveLength(1);
	});

	it.each([
		["without its objects", () => rmSync(join(cachePath(), "objects"), { recursive: true })],
		["with packs that are cut off", () => spoilPacks()],
		["with locks that a killed job left", () => ["shallow.lock", "config.lock", "HEAD.lock"].forEach(lock)],
		["with a head that is nonsense", () => writeFileSync(join(cachePath(), "HEAD"), "nonsense")],
	])("[N84] a cache %s is made anew", async (_, spoil) => {
		await check({});
		spoil();
		for (let job = 0; job < 2; job++) {
			const lease = await check({ commit: commits[job], run: "cat top" });
			expect([lease.finish?.outcome, lease.text.trim().at(-1)]).toEqual(["passed", String(job + 1)]);
		}
	});

	function lock(name: string): void {
		writeFileSync(join(cachePath(), name), "");
	}

	function spoilPacks(): void {
		const packs = join(cachePath(), "objects", "pack");
		for (const name of readdirSync(packs)) {
			chmodSync(join(packs, name), 0o600);
			if (name.endsWith(".pack")) writeFileSync(join(packs, name), readFileSync(join(packs, name)).subarray(0, 40));
		}
	}

	it("[N85] what was not used for long, or is too much, goes at the next start, the oldest first", async () => {
		const folder = join(fixture.folder, "cache");
		const cache = new GitCache(folder);
		const now = 1_800_000_000_000;
		const days = { old: 31, large: 3, newer: 2, newest: 1 };
		for (const [name, age] of Object.entries(days)) {
			mkdirSync(join(folder, name), { recursive: true });
			writeFileSync(join(folder, name, "pack"), Buffer.alloc(name === "large" ? 5_000 : 1_000));
			const at = now / 1_000 - age * 24 * 3_600;
			utimesSync(join(folder, name), at, at);
		}
		await cache.prune({ bytesMax: 4_000, now, eventLog: () => {} });
		expect(readdirSync(folder).sort()).toEqual(["newer", "newest"]);
	});
});

describe("credentials", () => {
	const token = "open-sesame";
	/** What must be found nowhere: the token as it is, and as HTTP carries it. */
	const forms = [token, Buffer.from(`x-access-token:${token}`).toString("base64")];
	const authorization = `Basic ${forms[1]}`;
	const servers: Server[] = [];
	afterEach(() => {
		for (const server of servers.splice(0)) server.close();
	});

	/** Answers as `answer` says, and remembers who came with what. */
	async function serve(answer: (path: string, response: ServerResponse) => void) {
		const asked: string[] = [];
		const server = createServer((request, response) => {
			const given = request.headers.authorization;
			if (given !== undefined) asked.push(given);
			if (given === authorization) return answer(request.url ?? "", response);
			response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
		});
		servers.push(server);
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		return { asked, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
	}

	const refuse = (_: string, response: ServerResponse) => void response.writeHead(403).end();

	/** A repository as plain files, which is all that git needs over HTTP. */
	function giveFiles(folder: string) {
		git(folder, "update-server-info");
		return (path: string, response: ServerResponse) => {
			const file = join(folder, ".git", decodeURI(path).replace(/^.*?\.git\/|\?.*$/g, ""));
			if (!existsSync(file)) return void response.writeHead(404).end();
			response.end(readFileSync(file));
		};
	}

	const asFiles = { SPILLWAY_GIT_DEPTH: "0" };

	it("[N86] git gets the token from a secret when it is asked", async () => {
		const { asked, host } = await serve(refuse);
		const url = `http://${host}/acme/web.git`;
		const lease = await check({ url, secrets: { SPILLWAY_GIT_TOKEN: token } });
		expect(asked).toContain(authorization);
		expect(lease.finish).toMatchObject({ outcome: "failed", reason: `checkout: ${url} refuses access (403)` });
		expect(lease.text).not.toContain(token);
	});

	it("[N86] no process list and no file has it while git runs or after, and no URL", async () => {
		const found: string[] = [];
		let looks = 0;
		const look = () => {
			looks++;
			found.push(...[...commandLines(), ...filesUnder(fixture.workDir)].filter(({ text }) => holds(text)).map(nameOf));
		};
		const give = giveFiles(origin);
		const { host } = await serve((path, response) => {
			look();
			give(path, response);
		});
		const lease = await check({
			...{ url: `http://${host}/acme/web.git`, env: asFiles, secrets: { SPILLWAY_GIT_TOKEN: token } },
			run: "git config --list",
		});
		look();
		expect(lease).toMatchObject({ finish: { outcome: "passed" } });
		expect(looks).toBeGreaterThan(3);
		expect(found).toEqual([]);
		// Masked, it would stand there as stars.
		expect(lease.text).toContain(`remote.origin.url=http://${host}/acme/web.git\n`);
	});

	const holds = (text: string) => forms.some((form) => text.includes(form));
	const nameOf = ({ name }: { name: string }) => name;

	it.each<[string, (hosts: { own: string; other: string }) => string]>([
		["on another host", ({ other }) => `http://${other}/sub.git`],
		["that names a user there", ({ other }) => `http://me@${other}/sub.git`],
		["whose user reads like the own host", ({ own, other }) => `http://me%40${own}%27@${other}/sub.git`],
		["whose path reads like the own host", ({ own, other }) => `http://me@${other}/@${own}'/sub.git`],
		["whose host begins like the own", ({ own, other }) => `http://${own}@${other}/sub.git`],
	])("[N86] a submodule %s does not get it", async (_, urlOf) => {
		const other = await serve(refuse);
		const files = { give: refuse };
		const own = await serve((path, response) => files.give(path, response));
		const url = urlOf({ own: own.host, other: other.host });
		writeFileSync(join(origin, ".gitmodules"), `[submodule "sub"]\n\tpath = sub\n\turl = "${url}"\n`);
		git(origin, "update-index", "--add", "--cacheinfo", `160000,${commits[0]},sub`);
		git(origin, "add", ".gitmodules");
		git(origin, "commit", "--quiet", "-m", "a submodule");
		files.give = giveFiles(origin);
		const lease = await check({
			...{ url: `http://${own.host}/acme/web.git`, commit: git(origin, "rev-parse", "HEAD") },
			...{ env: { ...asFiles, SPILLWAY_GIT_SUBMODULES: "true" }, secrets: { SPILLWAY_GIT_TOKEN: token } },
		});
		expect(own.asked).toContain(authorization);
		expect(lease.text).toContain("sub");
		expect(lease.finish).toMatchObject({ outcome: "failed" });
		expect(other.asked.map((each) => Buffer.from(each.slice(6), "base64").toString()).filter(holds)).toEqual([]);
	});

	it("[N86] neither does a host that the clone URL's redirects to", async () => {
		const other = await serve(refuse);
		const own = await serve(
			(path, response) => void response.writeHead(302, { location: `http://${other.host}${path}` }).end(),
		);
		const lease = await check({
			...{ url: `http://${own.host}/acme/web.git`, secrets: { SPILLWAY_GIT_TOKEN: token } },
		});
		expect(lease.finish).toMatchObject({ outcome: "failed" });
		expect([own.asked.length > 0, other.asked]).toEqual([true, []]);
	});
});

interface Text {
	name: string;
	text: string;
}

function commandLines(): Text[] {
	return readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name))
		.flatMap((name) => textOf(`/proc/${name}/cmdline`));
}

/** Pipes would wait for a writer. */
function filesUnder(folder: string): Text[] {
	return readdirSync(folder, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.flatMap((entry) => textOf(join(entry.parentPath, entry.name)));
}

/** Processes end and files go while one looks. */
function textOf(name: string): Text[] {
	try {
		return [{ name, text: readFileSync(name, "latin1") }];
	} catch {
		return [];
	}
}
