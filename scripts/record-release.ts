// `npm run record -- COMMIT`: builds a landed commit, lets it work on a stage, and keeps in `test/releases` what a later
// build must understand: its program, a data folder as its sudden death leaves it, its messages and its calls. Run it with the
// commit that was landed, before the first change after it; what is recorded is never recorded anew.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { build } from "esbuild";
import { root, startServer } from "./child.ts";
import { leaveWork } from "./release/left-work.ts";
import { control } from "./release/player.ts";
import { packFolder, releases } from "./release/recorded-release.ts";
import type { RecordedMessage } from "./release/recorded-release.ts";
import { stageBuild } from "./release/staged-build.ts";

/** Of each queue: messages of one kind say the same. */
const messagesMax = 40;
const killedMs = 1_000;

const [commit = "HEAD"] = process.argv.slice(2);
const git = (...words: string[]) => execFileSync("git", words, { cwd: root, encoding: "utf8" }).trim();
const day = git("show", "-s", "--format=%cs", commit);
const name = `${day}-${git("rev-parse", "--short=7", commit)}`;
const folder = mkdtempSync(join(tmpdir(), "spillway-record-"));
const source = join(folder, "source");
try {
	git("worktree", "add", "--quiet", "--detach", source, commit);
	await record();
} finally {
	git("worktree", "remove", "--force", source);
	rmSync(folder, { recursive: true, force: true });
}

async function record(): Promise<void> {
	const locks = [source, root].map((place) => readFileSync(join(place, "package-lock.json"), "utf8"));
	if (locks[0] === locks[1]) symlinkSync(join(root, "node_modules"), join(source, "node_modules"));
	else execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: source, stdio: "inherit" });
	execFileSync(process.execPath, ["scripts/build.ts"], { cwd: source, stdio: "inherit" });
	const dist = join(source, "dist");
	const modules = join(source, "node_modules");
	const script = await stageBuild({ folder, dist, modules, variables: { POOL_SHARDS: 2 } });
	const data = join(folder, "data");
	const { child, ready } = await startServer(data, { script });
	try {
		const left = await leaveWork(ready);
		const messages = kinds((await control(ready, "messages")) as RecordedMessage[]);
		const calls = await control(ready, "samples");
		if (child.process.pid !== undefined) process.kill(-child.process.pid, "SIGKILL");
		await child.end();
		const target = join(releases, name);
		mkdirSync(target, { recursive: true });
		const json = { "left.json": left, "messages.json": messages, "calls.json": calls };
		for (const [file, value] of Object.entries(json))
			writeFileSync(join(target, file), JSON.stringify(value, null, "\t"));
		await new Promise((resolve) => setTimeout(resolve, killedMs));
		cleanUp(data);
		packFolder(data, join(target, "data.tar.br"));
		await packProgram(dist, join(target, "program.tar.br"));
	} finally {
		await child.stop();
	}
	process.stdout.write(`recorded ${name}\n`);
}

/** One of each form: a form is which fields there are. */
function kinds(messages: readonly RecordedMessage[]): RecordedMessage[] {
	const found = new Map<string, RecordedMessage>();
	for (const message of messages) found.set(`${message.queue} ${formOf(message.body)}`, message);
	const byQueue = Map.groupBy(found.values(), ({ queue }) => queue);
	return [...byQueue.values()].flatMap((all) => all.slice(0, messagesMax));
}

function formOf(value: unknown): string {
	if (Array.isArray(value)) return value.length === 0 ? "[]" : `[${formOf(value[0])}]`;
	if (typeof value !== "object" || value === null) return value === null ? "null" : typeof value;
	return `{${Object.entries(value)
		.map(([key, part]) => `${key}:${formOf(part)}`)
		.join()}}`;
}

/** What belongs to the process that died; and each database in one file. */
function cleanUp(data: string): void {
	for (const file of ["lock", "serving.json", "tmp", "workerd-name", "workerd-pid"]) {
		rmSync(join(data, file), { recursive: true, force: true });
	}
	for (const entry of readdirSync(data, { recursive: true, withFileTypes: true })) {
		if (!entry.name.endsWith(".sqlite")) continue;
		const database = new DatabaseSync(join(entry.parentPath, entry.name));
		database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
		database.close();
	}
}

/** As it was built, but for what a machine does not read. */
async function packProgram(dist: string, file: string): Promise<void> {
	const program = join(folder, "program");
	const scripts = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".js"));
	for (const path of scripts) {
		await build({
			...{ entryPoints: [join(dist, path)], outfile: join(program, path), bundle: false, minify: true },
			...{ keepNames: path.startsWith("worker/"), target: "esnext", logLevel: "error", legalComments: "none" },
		});
	}
	const others = [
		"package.json",
		"worker/settings.json",
		"worker/migrations.json",
		"worker/tables.json",
		"worker/workerd.sh",
	];
	for (const path of others) execFileSync("cp", ["-p", join(dist, path), join(program, path)]);
	packFolder(program, file);
}
