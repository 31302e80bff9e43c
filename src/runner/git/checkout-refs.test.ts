// Refs, tags and history that a job may ask for, from real repositories on this disk.
import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo, Server } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FakeLease } from "../../testing/fake-server/fake-server-lease.ts";
import { FakeServerRunner } from "../../testing/fake-server/fake-server-runner.ts";
import { readWishes } from "./checkout-wishes.ts";

let fixture: FakeServerRunner;
let origin: string;
let cloneUrl: string;

function git(...words: string[]): string {
	const settings = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "advice.detachedHead=false"];
	return execFileSync("git", [...settings, ...words], {
		cwd: origin,
		encoding: "utf8",
		stdio: ["ignore", "pipe", "pipe"],
	}).trim();
}

function commit(text: string): string {
	mkdirSync(join(origin, "folder"), { recursive: true });
	for (const name of ["file", "folder/file"]) writeFileSync(join(origin, name), `${text}\n`);
	git("add", ".");
	git("commit", "--quiet", "-m", text);
	return git("rev-parse", "HEAD");
}

async function open(options: Parameters<typeof FakeServerRunner.open>[0] = {}): Promise<void> {
	fixture = await FakeServerRunner.open({ capacity: 4, ...options });
	origin = join(fixture.folder, "origin");
	cloneUrl = `file://${origin}`;
	mkdirSync(origin);
	git("init", "--quiet", "--initial-branch=main");
}
afterEach(() => fixture.close());

interface Wish {
	ref?: string | null;
	commit?: string | null;
	env?: Record<string, string>;
	secrets?: Record<string, string>;
	run?: string;
	url?: string;
}

async function check({
	ref = null,
	commit: id = null,
	env = {},
	secrets = {},
	run = "cat file",
	url = cloneUrl,
}: Wish): Promise<FakeLease> {
	const source = { cloneUrl: url, ref, commit: id };
	return fixture.runToEnd({ run, env, secrets }, { run: { id: "rtest", number: 1, title: null, source } });
}

/** With what is kept between jobs, and without. */
describe.each([
	["with a cache", {}],
	["without a cache", { gitCacheBytes: 0 }],
])("%s", (_, options) => {
	beforeEach(() => open(options));

	it.each(["@scope/pkg@1.0.0", "#12-fix", "фича/один", "+plus", "tag", "a'b\"$(c)"])(
		"[N136] the ref %s, which git takes, is checked out, as a tag and as a branch",
		async (name) => {
			const tagged = commit("tagged");
			git("update-ref", `refs/tags/${name}`, tagged);
			expect((await check({ ref: name })).finish).toMatchObject({ outcome: "passed", commit: tagged });
			git("update-ref", "-d", `refs/tags/${name}`);
			const branched = commit("branched");
			git("update-ref", `refs/heads/${name}`, branched);
			const lease = await check({ ref: name, run: 'printf "<%s>" "$SPILLWAY_REF"' });
			expect(lease.finish).toMatchObject({ outcome: "passed", commit: branched });
			expect(lease.text).toContain(`<${name}>`);
		},
	);

	it("[N135] a commit that is named by its annotated tag's own id is checked out, and reported by its own", async () => {
		const tagged = commit("one");
		git("tag", "-a", "-m", "a tag", "v1");
		git("tag", "-a", "-m", "a tag of a tag", "v2", "v1");
		commit("two");
		for (const tag of ["v1", "v2", "v1"]) {
			const lease = await check({ commit: git("rev-parse", tag), run: "git rev-parse HEAD" });
			expect(lease.finish).toMatchObject({ outcome: "passed", commit: tagged });
			expect(lease.text).toMatch(new RegExp(`\n${tagged}\n$`));
		}
	});

	it("[N45] an id that is no commit's fails the job with that reason", async () => {
		commit("one");
		const tree = git("rev-parse", "HEAD:file");
		expect((await check({ commit: tree })).finish?.reason).toBe(
			`checkout: the commit ${tree} does not exist in ${cloneUrl}`,
		);
	});

	const asked =
		"git describe --tags --always; git merge-base origin/main HEAD 2>/dev/null || echo none; git tag | wc -l | tr -d ' '";

	it("[N137] the whole history comes with its tags and the origin's branches, whatever was fetched before", async () => {
		const first = commit("one");
		git("tag", "-a", "-m", "a tag", "v1");
		git("checkout", "--quiet", "-b", "topic/1");
		const topic = commit("two");
		git("checkout", "--quiet", "main");
		commit("three");
		await check({ commit: topic });
		for (const id of [topic, null]) {
			const lease = await check({ commit: id, ref: "topic/1", env: { SPILLWAY_GIT_DEPTH: "0" }, run: asked });
			expect(lease.text).toMatch(new RegExp(`\nv1-1-g[0-9a-f]+\n${first}\n1\n$`));
		}
		// What is gone at the origin is gone here, and what is new there is here.
		git("branch", "-D", "topic/1");
		git("update-ref", "refs/heads/topic", topic);
		git("tag", "v2");
		const run = "git for-each-ref --format='%(refname)' refs/remotes refs/tags";
		const lease = await check({ commit: topic, env: { SPILLWAY_GIT_DEPTH: "0" }, run });
		expect(lease.text).toMatch(
			/\nrefs\/remotes\/origin\/main\nrefs\/remotes\/origin\/topic\nrefs\/tags\/v1\nrefs\/tags\/v2\n$/,
		);
	});

	it("[N137] a job with one commit of history has no tags unless it asks, and then all", async () => {
		commit("one");
		git("tag", "-a", "-m", "a tag", "v1");
		git("tag", "other");
		expect((await check({ run: asked })).text).toMatch(/\n[0-9a-f]{7,}\nnone\n0\n$/);
		expect((await check({ run: asked, env: { SPILLWAY_GIT_TAGS: "true" } })).text).toMatch(/\nv1\nnone\n2\n$/);
		const none = { SPILLWAY_GIT_TAGS: "false", SPILLWAY_GIT_DEPTH: "0" };
		expect((await check({ run: "git tag | wc -l | tr -d ' '", env: none })).text).toMatch(/\n0\n$/);
	});

	it("[N134] of folders that a job asks for, one that is not there is said, and a file is refused", async () => {
		commit("one");
		const lease = await check({ env: { SPILLWAY_GIT_SPARSE: "folder/ ./no/such" }, run: "ls" });
		expect(lease.text).toContain("SPILLWAY_GIT_SPARSE: there is no folder no/such in ");
		expect(lease.text).toMatch(/\nfile\nfolder\n$/);
		const refused = await check({ env: { SPILLWAY_GIT_SPARSE: "file" } });
		expect(refused.finish).toMatchObject({
			outcome: "failed",
			exitCode: null,
			reason: "checkout: SPILLWAY_GIT_SPARSE names a file, and takes folders only",
		});
	});
});

describe("a wish", () => {
	it.each([
		["DEPTH", "-1", "a number of commits, or 0 for all"],
		["DEPTH", "abc", "a number of commits, or 0 for all"],
		["DEPTH", "00", "a number of commits, or 0 for all"],
		["DEPTH", "2147483648", "a number of commits, or 0 for all"],
		["DEPTH", "1; id", "a number of commits, or 0 for all"],
		["SPARSE", "../other", "folders of the repository"],
		["SUBMODULES", "yes", "true, recursive or false"],
		["TAGS", "1", "true or false"],
		["LFS", "TRUE", "true or false"],
		["CREDENTIALS", "on", "true or false"],
	])("[N134] SPILLWAY_GIT_%s of %s is refused with its name", (name, value, wanted) => {
		const said = value === "../other" ? '"../other"' : JSON.stringify(value);
		expect(readWishes({ [`SPILLWAY_GIT_${name}`]: value })).toBe(
			`checkout: SPILLWAY_GIT_${name} is ${said}, and must be ${wanted}`,
		);
	});

	it("[N134] that is not said, or empty, has its default", () => {
		const plain = { depth: 1, tags: false, sparse: [], submodules: "none", lfs: false, credentials: false };
		expect(readWishes({})).toEqual(plain);
		expect(readWishes({ SPILLWAY_GIT_DEPTH: "", SPILLWAY_GIT_TAGS: "", SPILLWAY_GIT_SUBMODULES: "" })).toEqual(plain);
		expect(readWishes({ SPILLWAY_GIT_DEPTH: "0" })).toEqual({ ...plain, depth: null, tags: true });
	});

	it("[N134] that cannot be understood fails the job before git begins", async () => {
		await open();
		const lease = await check({ env: { SPILLWAY_GIT_DEPTH: "abc" } });
		expect(lease.finish).toMatchObject({ outcome: "failed", exitCode: null });
		expect(lease.finish?.reason).toMatch(/SPILLWAY_GIT_DEPTH is "abc"/);
	});
});

describe("a work folder", () => {
	it.each(["with%20percent", "with 'quotes\" and $(id)", "mit Ümlaut #1?x", "a:b"])(
		"[N139] may be called %s",
		async (name) => {
			fixture = new FakeServerRunner();
			const workDir = join(fixture.folder, name);
			await fixture.close();
			await open({ workDir });
			commit("one");
			const texts = [await check({}), await check({ commit: git("rev-parse", "HEAD") })].map(({ text }) => text);
			for (const text of texts) expect(text).toMatch(/\none\n$/);
			expect(texts.join()).not.toMatch(/broken|fatal|warning/);
			expect(readdirSync(join(workDir, "cache"))).toHaveLength(1);
		},
	);
});

describe("git in a step", () => {
	const token = "open-sesame";
	const authorization = `Basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;
	let server: Server;
	const heard: { path: string; given: string | undefined }[] = [];

	beforeEach(async () => {
		await open();
		heard.length = 0;
		commit("one");
		git("update-server-info");
		server = createServer(({ headers, url = "" }, response) => {
			heard.push({ path: url, given: headers.authorization });
			const file = join(origin, ".git", url.replace(/^.*?\.git\/|\?.*$/g, ""));
			if (headers.authorization !== authorization) {
				response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
			} else if (existsSync(file)) response.end(readFileSync(file));
			else response.writeHead(404).end();
		});
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	});
	afterEach(() => void server.close());

	it.each([
		["true", "0"],
		["false", "128"],
	])(
		"[N138] with SPILLWAY_GIT_CREDENTIALS=%s asks the clone URL's host with the job's token: exit code %s",
		async (wish, code) => {
			const { port } = server.address() as AddressInfo;
			const url = `http://127.0.0.1:${port}/acme/web.git`;
			const lease = await check({
				url,
				env: { SPILLWAY_GIT_DEPTH: "0", SPILLWAY_GIT_CREDENTIALS: wish },
				secrets: { SPILLWAY_GIT_TOKEN: token },
				run: `git ls-remote origin </dev/null >refs || echo "ended with $?"; cat refs; git ls-remote http://localhost:${port}/other.git </dev/null || echo "other: $?"`,
			});
			expect(lease.text.includes("ended with")).toBe(code !== "0");
			expect(lease.text.includes("\trefs/heads/main\n")).toBe(code === "0");
			expect(lease.text).toContain("other: 128\n");
			expect(heard.filter(({ path, given }) => path.startsWith("/other") && given !== undefined)).toEqual([]);
			expect(lease.text).not.toContain(token);
		},
	);
});
