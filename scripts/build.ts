// Builds `dist`: the Worker as `wrangler deploy` would upload it, its settings in the form that Miniflare takes, and the
// command line. All is made in a folder of its own and put in place by a rename, so that builds at the same time do not mix.
import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { build } from "esbuild";
import type { BuildOptions } from "esbuild";
import { buildDashboard } from "./build-dashboard.ts";

// Read once, when wrangler is loaded. Its warnings about secrets are not for here: the server brings its own.
process.env.WRANGLER_LOG ??= "error";
const { unstable_getMiniflareWorkerOptions, unstable_readConfig, unstable_splitSqlQuery } = await import("wrangler");

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, "dist");
// Not in the clone's root, where git, watchers and other tools would see it.
const draft = join(root, "node_modules/.cache", `spillway-build-${process.pid}`);

/** What both forms of the command line have in common. */
const nodeProgram = {
	absWorkingDir: root,
	bundle: true,
	platform: "node",
	target: "node20",
	format: "esm",
	// For what is bundled and still asks for Node's own modules by `require`.
	banner: {
		js: `import { createRequire as __makeRequire } from "node:module"; const require = __makeRequire(import.meta.url);`,
	},
	// The server's runtime stays a package: it reads its own files.
	external: ["miniflare"],
	legalComments: "none",
	logLevel: "error",
} as const satisfies BuildOptions;

const startedAt = new Date();
try {
	await mkdir(draft, { recursive: true });
	await all([buildPage().then(buildWorker), buildCommandLine()]);
	await all([writePackage(), writeSettings(), writeMigrations(), writeTableVersions(), addScripts()]);
	// What changes while the build runs must count as newer than it.
	await writeFile(join(draft, "built"), "");
	await utimes(join(draft, "built"), startedAt, startedAt);
	await putInPlace();
	await linkCommand();
} finally {
	await rm(draft, { recursive: true, force: true });
}

/** Waits for each, also after one failed: else the others would still write into a folder that is being removed. */
async function all(parts: Promise<void>[]): Promise<void> {
	const failed = (await Promise.allSettled(parts)).find((part) => part.status === "rejected");
	if (failed) throw failed.reason;
}

async function buildWorker(): Promise<void> {
	const wrangler = join(root, "node_modules/wrangler/bin/wrangler.js");
	// The page is here and not yet where wrangler.toml has it; `[build]` need not make what makes this.
	const words = ["deploy", "--dry-run", "--outdir", join(draft, "worker"), "--assets", join(draft, "dashboard")];
	const offline = { WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true", SPILLWAY_BUILDS: "1" };
	try {
		await promisify(execFile)(process.execPath, [wrangler, ...words], {
			cwd: root,
			env: { ...process.env, ...offline },
		});
	} catch (error) {
		// Wrangler says what is wrong on either stream; its stack says nothing more.
		const { stdout, stderr } = error as { stdout?: string; stderr?: string };
		process.stderr.write(`${stdout ?? ""}${stderr ?? ""}`);
		process.exitCode = 1;
		throw new Error("the Worker does not build; see above");
	}
}

async function buildPage(): Promise<void> {
	await buildDashboard(root, join(draft, "dashboard"));
	await addInstaller(join(draft, "dashboard", "install"));
}

/** The command line as one file that a machine fetches from its server, and the script that fetches it, which knows its digest. */
async function addInstaller(folder: string): Promise<void> {
	const file = join(folder, "spillway.js");
	await build({
		...nodeProgram,
		external: [...nodeProgram.external],
		entryPoints: ["src/cli/main.ts"],
		outfile: file,
		minify: true,
	});
	const digest = createHash("sha256")
		.update(await readFile(file))
		.digest("hex");
	const script = await readFile(join(root, "src/dashboard/install-runner.sh"), "utf8");
	// Not by its own name: on Cloudflare it would be answered before the Worker says which server it is.
	await writeFile(join(folder, "runner-script.txt"), script.replaceAll("{{digest}}", digest));
}

async function buildCommandLine(): Promise<void> {
	await build({
		...nodeProgram,
		external: [...nodeProgram.external],
		entryPoints: { spillway: "src/cli/main.ts", "worker/peer-socket": "src/server/peer-socket.ts" },
		outdir: draft,
		// Each command is a chunk of its own: a runner loads no more than it needs. All in one folder, where the server finds
		// the Worker beside itself.
		splitting: true,
		chunkNames: "[name]-[hash]",
	});
}

/**
 * The command line and the runner as a package of their own, for `npm pack ./dist`: everything they need is bundled, so it has
 * no dependencies. Serving needs a runtime, and is not in it.
 */
async function writePackage(): Promise<void> {
	const { name, version, description, license, type, engines } = JSON.parse(
		await readFile(join(root, "package.json"), "utf8"),
	);
	const installed = { ...{ name, version, description, license, type, engines }, bin: { spillway: "spillway.js" } };
	await writeFile(join(draft, "package.json"), JSON.stringify({ ...installed, files: ["*.js"] }, null, "\t"));
	await copyFile(join(root, "LICENSE"), join(draft, "LICENSE"));
}

/** `serve` starts in half the time and a quarter of the memory when it need not load wrangler to read wrangler.toml. */
async function writeSettings(): Promise<void> {
	const config = join(root, "wrangler.toml");
	const { workerOptions } = unstable_getMiniflareWorkerOptions(config);
	// Calls are counted by the server itself: to ask another process for each would cost more than the call.
	const { rootPath: _, ratelimits: __, assets, ...options } = workerOptions;
	// Only `vars`: what wrangler adds from .dev.vars are somebody's secrets.
	const { name, vars, triggers } = unstable_readConfig({ config });
	// Where the page is, the server knows: beside the Worker.
	const { directory: ___, ...page } = assets as { directory: string };
	const settings = { ...options, assets: page, name, bindings: vars, crons: triggers.crons ?? [] };
	await writeFile(join(draft, "worker", "settings.json"), JSON.stringify(settings, null, "\t"));
}

async function writeMigrations(): Promise<void> {
	const folder = join(root, "migrations");
	const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
	const migrations = names.map(async (name) => {
		const text = await readFile(join(folder, name), "utf8");
		return { name, queries: unstable_splitSqlQuery(text) };
	});
	await writeFile(join(draft, "worker", "migrations.json"), JSON.stringify(await Promise.all(migrations), null, "\t"));
}

/** What the server knows of the tables in objects: it looks at them before it starts. */
async function writeTableVersions(): Promise<void> {
	// By a name that is put together: these files are checked with the types of the runtime, not with Node's.
	const files = {
		repo: "src/engine/repo/repo-schema.ts",
		pool: "src/engine/pool/pool-tables.ts",
		feed: "src/engine/feed/feed-tables.ts",
		log: "src/engine/log/log-tables.ts",
		owner: "src/engine/owner/owner-tables.ts",
		person: "src/engine/person/person-tables.ts",
	};
	const tables = Object.entries(files).map(async ([object, file]) => {
		const found = (await import(`../${file}`))[`${object}Tables`];
		// Written as null, they would keep every server from starting.
		if (found === undefined) throw new Error(`${file} has no ${object}Tables`);
		return found;
	});
	await writeFile(join(draft, "worker", "tables.json"), JSON.stringify(await Promise.all(tables), null, "\t"));
}

async function addScripts(): Promise<void> {
	await copyFile(join(root, "src/server/workerd.sh"), join(draft, "worker", "workerd.sh"));
	await chmod(join(draft, "worker", "workerd.sh"), 0o755);
	await chmod(join(draft, "spillway.js"), 0o755);
}

async function putInPlace(): Promise<void> {
	const old = `${draft}-old`;
	await rename(target, old).catch(ignoreMissing);
	try {
		await rename(draft, target);
	} catch (error) {
		// Another build came first; it is as new as ours.
		if (!["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
	}
	await rm(old, { recursive: true, force: true });
}

/** npm links the commands of packages, not of the project itself: this is what makes `npx spillway` work in the clone. */
async function linkCommand(): Promise<void> {
	const link = join(root, "node_modules/.bin/spillway");
	await symlink("../../dist/spillway.js", link).catch((error: NodeJS.ErrnoException) => {
		if (error.code !== "EEXIST") throw error;
	});
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
	if (error.code !== "ENOENT") throw error;
}
