// Files as workerd leaves them, and files that must stay: before a start, and while another process has some of them open.
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deleteEmptyObjects, sweepEmptyObjects } from "./empty-objects.ts";

const nameOf = (letter: string) => `${letter.repeat(64)}.sqlite`;
const emptied = ["CREATE TABLE a (b)", "DROP TABLE a", "VACUUM"];
const filled = ["CREATE TABLE a (b)", "INSERT INTO a VALUES (1)"];

let folder: string;
let objects: string;

beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), "spillway-objects-"));
	objects = join(folder, "spillway-LogObject");
	await mkdir(objects);
});

afterEach(async () => {
	await rm(folder, { recursive: true, force: true });
});

function make(letter: string, statements: string[], end = ""): string {
	const file = join(objects, `${nameOf(letter)}${end}`);
	const database = new DatabaseSync(file);
	for (const statement of statements) database.exec(statement);
	database.close();
	return file;
}

function rowsOf(file: string): unknown[] {
	const database = new DatabaseSync(file);
	try {
		return database.prepare("SELECT b FROM a").all();
	} finally {
		database.close();
	}
}

const left = async () => (await readdir(objects)).sort();

describe("before a start", () => {
	it("[W70] deletes the files of emptied objects, and nothing that holds anything or may", async () => {
		make("a", emptied);
		make("b", filled);
		make("c", emptied);
		await writeFile(join(objects, `${nameOf("c")}-journal`), "what is not in it yet");
		await cp(make("1", emptied), join(objects, "metadata.sqlite"));
		await writeFile(join(objects, nameOf("d")), Buffer.alloc(4_096));
		await writeFile(join(objects, nameOf("e")), "");
		await writeFile(join(folder, "note"), "");
		expect(await deleteEmptyObjects(folder)).toBe(2);
		const stay = [...["b", "c", "d", "e"].map(nameOf), `${nameOf("c")}-journal`, "metadata.sqlite"];
		expect(await left()).toEqual(stay.sort());
		expect(await deleteEmptyObjects(join(folder, "not-there"))).toBe(0);
	});

	it("[W72] what a kill left beside a file is taken into it first, and only then is looked whether it is empty", async () => {
		for (const [letter, last] of [
			["a", ["DROP TABLE a", "VACUUM"]],
			["b", ["INSERT INTO a VALUES (2)"]],
		] as const) {
			const file = make(letter, ["PRAGMA journal_mode = WAL", ...filled]);
			const database = new DatabaseSync(file);
			for (const statement of last) database.exec(statement);
			// As a kill leaves it: copied while it is open.
			for (const end of ["", "-wal"]) await cp(`${file}${end}`, join(folder, `${letter}${end}`));
			database.close();
			for (const end of ["", "-wal"]) await cp(join(folder, `${letter}${end}`), `${file}${end}`);
		}
		await writeFile(join(objects, nameOf("c")), "no database at all".repeat(500));
		await writeFile(join(objects, `${nameOf("c")}-wal`), "");
		expect((await stat(join(objects, `${nameOf("a")}-wal`))).size).toBeGreaterThan(0);
		expect(await deleteEmptyObjects(folder)).toBe(1);
		expect((await left()).filter((name) => name.endsWith(".sqlite"))).toEqual([nameOf("b"), nameOf("c")]);
		expect(rowsOf(join(objects, nameOf("b")))).toEqual([{ b: 1 }, { b: 2 }]);
	});

	it("[W72] what a sweep that was killed left under its other name has its own again, and what came since stays", async () => {
		make("a", filled, ".going");
		make("b", emptied, ".going");
		make("c", filled);
		make("c", emptied, ".going");
		expect(await deleteEmptyObjects(folder)).toBe(1);
		expect(await left()).toEqual([nameOf("a"), nameOf("c")]);
		expect(rowsOf(join(objects, nameOf("a")))).toEqual([{ b: 1 }]);
	});
});

describe.skipIf(process.platform !== "linux")("while another process has files open", () => {
	const children: ChildProcess[] = [];

	afterEach(() => {
		for (const child of children.splice(0)) child.kill("SIGKILL");
	});

	/** It has the file open, and executes each line that it is given. */
	async function opened(file: string): Promise<{ execute(sql: string): Promise<void>; pid: number }> {
		const script = `const { DatabaseSync } = require("node:sqlite");
			const database = new DatabaseSync(process.argv[1]);
			database.prepare("SELECT * FROM sqlite_master").all();
			console.log("ready");
			require("node:readline").createInterface({ input: process.stdin }).on("line", (sql) => {
				database.exec(sql);
				console.log("done");
			});`;
		const child = spawn(process.execPath, ["-e", script, file], { stdio: ["pipe", "pipe", "ignore"] });
		children.push(child);
		const lines = createInterface({ input: child.stdout });
		await once(lines, "line");
		return {
			pid: child.pid ?? 0,
			async execute(sql) {
				child.stdin.write(`${sql}\n`);
				await once(lines, "line");
			},
		};
	}

	async function openBy(pid: number): Promise<Set<number>> {
		const fds = await readdir(`/proc/${pid}/fd`);
		const all = await Promise.all(fds.map((fd) => stat(`/proc/${pid}/fd/${fd}`).catch(() => null)));
		return new Set(all.flatMap((one) => one?.ino ?? []));
	}

	const later = () => Date.now() + 3_600_000;
	const settle = async () => {};

	it("[W73] deletes what has been empty for a minute and is not open; nothing where what is open cannot be known", async () => {
		make("a", emptied);
		make("b", filled);
		const file = make("c", emptied);
		const { pid, execute } = await opened(file);
		const openFiles = () => openBy(pid);
		expect(await sweepEmptyObjects(folder, { openFiles: async () => null, now: later(), settle })).toBe(0);
		expect(await sweepEmptyObjects(folder, { openFiles, now: Date.now(), settle })).toBe(0);
		expect(await sweepEmptyObjects(folder, { openFiles, now: later(), settle })).toBe(1);
		expect(await left()).toEqual([nameOf("b"), nameOf("c")]);
		await execute("CREATE TABLE a (b); INSERT INTO a VALUES (3)");
		expect(rowsOf(file)).toEqual([{ b: 3 }]);
	});

	it.each([1, 2])(
		"[W73] opened before it lost its name, and seen at look %i only, it has the name again and what is written stays",
		async (seenAt) => {
			const file = make("a", emptied);
			const { pid, execute } = await opened(file);
			let looks = 0;
			const openFiles = async () => (looks++ < seenAt ? new Set<number>() : openBy(pid));
			expect(await sweepEmptyObjects(folder, { openFiles, now: later(), settle })).toBe(0);
			await execute("CREATE TABLE a (b); INSERT INTO a VALUES (4)");
			expect(await left()).toEqual([nameOf("a")]);
			expect(rowsOf(file)).toEqual([{ b: 4 }]);
		},
	);

	it("[W73] one that comes to be under the name meanwhile stays, and one that was filled meanwhile is not deleted", async () => {
		make("a", emptied);
		make("b", emptied);
		const openFiles = async () => new Set<number>();
		const between = async () => {
			make("a", filled);
			make("b", filled, ".going");
		};
		expect(await sweepEmptyObjects(folder, { openFiles, now: later(), settle: between })).toBe(1);
		expect(await left()).toEqual([nameOf("a"), nameOf("b")]);
		for (const letter of ["a", "b"]) expect(rowsOf(join(objects, nameOf(letter)))).toEqual([{ b: 1 }]);
		expect((await readFile(join(objects, nameOf("a")))).length).toBeGreaterThan(4_096);
	});
});
