// The command line as a machine without a clone has it: packed, installed by npm into a place of its own, and run by whatever
// Node is there. Its runner does a job of a real server.
import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { root } from "../scripts/child.ts";
import { repository, Site } from "./fixture-site.ts";

const run = promisify(execFile);

/** The Node that the tests run on, and the machine's own where that is another. */
const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
const machines = folders.map((folder) => join(folder, "node")).find((file) => existsSync(file));
const nodes = [...new Set([process.execPath, machines ?? process.execPath])];

let site: Site;
let prefix: string;
let program: string;
beforeAll(async () => {
	prefix = await mkdtemp(join(tmpdir(), "spillway-install-"));
	await run("npm", ["pack", "./dist", "--pack-destination", prefix], { cwd: root });
	const [tarball] = (await readdir(prefix)).filter((name) => name.endsWith(".tgz"));
	const install = ["install", "--global", "--offline", "--no-audit", "--no-fund", "--prefix", prefix];
	await run("npm", [...install, join(prefix, tarball ?? "")], { cwd: prefix });
	program = join(prefix, "lib/node_modules/spillway/spillway.js");
	site = await Site.open();
});
afterAll(async () => {
	await site.close();
	await rm(prefix, { recursive: true });
});

it("[X29] the package brings nothing else along, and is on the path under its name", async () => {
	expect(await readdir(join(prefix, "lib/node_modules"))).toEqual(["spillway"]);
	expect(await readdir(join(prefix, "bin"))).toEqual(["spillway"]);
	const files = await readdir(join(prefix, "lib/node_modules/spillway"));
	expect(files.filter((name) => !name.endsWith(".js")).sort()).toEqual(["LICENSE", "package.json"]);
});

it.each(nodes)("[X54] %s without its SQLite serves nothing, and says in a line which Node does", async (node) => {
	const { stdout } = await run(node, ["-p", `require("node:module").isBuiltin("node:sqlite")`]);
	const without = stdout.trim() === "true" ? ["--no-experimental-sqlite"] : [];
	const data = join(prefix, "data-of-old");
	const words = [...without, join(root, "dist/spillway.js"), "serve", "--port", "0", "--data", data];
	await expect(run(node, words)).rejects.toMatchObject({
		code: 1,
		stderr: expect.stringMatching(/^spillway: the server needs Node 22\.13 or later, .* npm start brings its own\n$/),
	});
	expect(existsSync(data)).toBe(false);
});

it.each(nodes)(
	"[X29] installed, with %s, it runs jobs and follows them; serving it leaves to a clone",
	async (node) => {
		const { url, operatorToken } = site.ready;
		const env = { PATH: process.env.PATH, HOME: prefix, SPILLWAY_URL: url, SPILLWAY_TOKEN: operatorToken };
		const place = ["--pool", `${repository.owner}/default`, "--work-dir", join(prefix, `work-${nodes.indexOf(node)}`)];
		const runner: ChildProcess = spawn(node, [program, "runner", "start", "--once", ...place], {
			env,
			stdio: "ignore",
		});
		const left = once(runner, "exit");
		try {
			const words = ["run", "start", `${repository.owner}/${repository.repo}`, "--file", "-", "--watch"];
			const watch = run(node, [program, ...words], { env });
			watch.child.stdin?.end(JSON.stringify([{ key: "hello", run: "echo installed" }]));
			expect((await watch).stdout).toContain("installed");
			expect(await left).toEqual([0, null]);
			const serve = run(node, [program, "serve", "--data", join(prefix, "data")], { env });
			await expect(serve).rejects.toMatchObject({
				code: 1,
				stderr: "spillway: the server runs from a clone of Spillway: npm start there\n",
			});
		} finally {
			runner.kill("SIGKILL");
			await left;
		}
	},
);

it("[X60] one line makes a machine a runner, from the server's own files, and a line that breaks off does nothing", async () => {
	const { token } = await site.client.tokens.create({
		owner: repository.owner,
		name: "one runner",
		scopes: ["runner:register"],
		pools: ["fetched"],
		uses: 1,
	});
	const home = join(prefix, "home-of-line");
	await mkdir(home);
	const env = { PATH: process.env.PATH, HOME: home, SPILLWAY_TOKEN: token };
	const { url } = site.ready;
	const script = await (await fetch(`${url}/install/runner.sh`)).text();
	await run("sh", ["-c", script.slice(0, script.lastIndexOf("exec node"))], { env }).catch(() => undefined);
	expect(await readdir(home)).toEqual([]);
	const line = `curl -fsSL ${url}/install/runner.sh | sh -s -- --pool ${repository.owner}/fetched --once --work-dir '${home}/work'`;
	const { run: submitted } = await site.client.runs.submit(repository, {
		jobs: [{ key: "a", pool: "fetched", run: "echo done" }],
	});
	await run("sh", ["-c", line], { env });
	expect((await site.settled(submitted.id)).outcome).toBe("passed");
	const [program = ""] = await readdir(join(home, ".spillway"));
	const bytes = await readFile(join(home, ".spillway", program));
	expect(program).toBe(`spillway-${createHash("sha256").update(bytes).digest("hex")}.mjs`);
	const other = script.replace(/digest='\w+'/, `digest='${"0".repeat(64)}'`);
	await expect(run("sh", ["-c", other, "sh", "--pool", "acme/fetched"], { env })).rejects.toMatchObject({
		code: 1,
		stderr: expect.stringContaining("is not what it said"),
	});
	expect(await readdir(join(home, ".spillway"))).toEqual([program]);
});

it("[X60] a machine without curl is told so, and nothing is left there", async () => {
	const script = await (await fetch(`${site.ready.url}/install/runner.sh`)).text();
	const home = join(prefix, "home-without-curl");
	const programs = join(prefix, "programs");
	await mkdir(home);
	await mkdir(programs);
	await symlink(process.execPath, join(programs, "node"));
	for (const name of ["mkdir", "rm", "mv"]) await symlink(`/bin/${name}`, join(programs, name));
	const line = run("/bin/sh", ["-c", script, "sh", "--pool", "acme/fetched"], { env: { PATH: programs, HOME: home } });
	await expect(line).rejects.toMatchObject({ code: 1, stderr: "spillway: there is no curl in PATH\n" });
	expect(await readdir(home)).toEqual([]);
});
