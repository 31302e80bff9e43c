// What an object that is done leaves on one machine's disk: workerd empties its database and keeps the file, one page of it, for
// ever. They are deleted before workerd starts, when nobody has any of them open, and each minute while it runs.
import { link, open, readdir, rename, rm, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sqlite } from "./sqlite.ts";

/** A page, with which SQLite begins; the header of its table of tables comes after the file's own. */
const pageBytes = 4_096;
const fileHeaderBytes = 100;
const leafOfTables = 0x0d;

/** An object's file is named by its id. */
const objectFile = /^[0-9a-f]{64}\.sqlite$/;
/** The name of one that is about to go: nobody opens it by that. */
const goingEnd = ".going";
const sideEnds = ["-wal", "-shm", "-journal"];
/** Files looked at at once. */
const atOnce = 64;
/** Files in one sweep: the rest has the next. */
const sweptMax = 5_000;
/** What was written so recently, somebody may still be busy with. */
const quietMs = 60_000;
/** Between the looks at what is open: less than workerd keeps an object that nobody calls, which is ten seconds. */
const settleMs = 2_000;

/** In `folder` each class has a folder. How many files went. Never call it while a workerd may have one of them open. */
export async function deleteEmptyObjects(folder: string): Promise<number> {
	let deleted = 0;
	for (const inClass of await classesOf(folder)) {
		await restoreAll(inClass);
		await replayAll(inClass);
		const closed = await closedIn(inClass);
		await eachOf(closed, async (file) => {
			if (!(await isEmpty(file))) return;
			await rm(file);
			deleted++;
		});
	}
	return deleted;
}

export interface Sweep {
	/** The inodes of all files that workerd has open now; null where that cannot be known: then nothing goes. */
	openFiles: () => Promise<ReadonlySet<number> | null>;
	now: number;
	settle?: () => Promise<unknown>;
}

/**
 * As `deleteEmptyObjects`, while workerd runs. A file takes another name first: from then on nobody can open it, and workerd makes
 * an empty one anew, which is the same. Whoever opened it before still has it open at one of the two looks that follow, since
 * workerd keeps an object for ten seconds; then it takes its name again. That workerd hangs in the midst of opening a file, one
 * that has been empty for a minute, for longer than lies between the looks is the one thing that is not excluded.
 */
export async function sweepEmptyObjects(folder: string, { openFiles, now, settle }: Sweep): Promise<number> {
	const before = await openFiles();
	if (before === null) return 0;
	const going: Going[] = [];
	for (const inClass of await classesOf(folder)) {
		const closed = (await closedIn(inClass)).slice(0, sweptMax - going.length);
		await eachOf(closed, async (file) => {
			const { ino, mtimeMs } = await stat(file);
			if (before.has(ino) || now - mtimeMs < quietMs || !(await isEmpty(file))) return;
			await rename(file, `${file}${goingEnd}`);
			going.push({ file, ino });
		});
	}
	if (going.length === 0) return 0;
	const unopened = await restoreOpened(going, openFiles);
	await (settle ?? (() => sleep(settleMs, undefined, { ref: false })))();
	const left = await restoreOpened(unopened, openFiles);
	await eachOf(left, ({ file }) => unlink(`${file}${goingEnd}`));
	return left.length;
}

interface Going {
	file: string;
	ino: number;
}

/** Gives their names back to those that are open, or hold something; the others. */
async function restoreOpened(going: readonly Going[], openFiles: Sweep["openFiles"]): Promise<Going[]> {
	const opened = await openFiles();
	const left: Going[] = [];
	await eachOf(going, async (one) => {
		const isGone = opened !== null && !opened.has(one.ino) && (await isEmpty(`${one.file}${goingEnd}`));
		if (isGone) left.push(one);
		else await restore(one.file);
	});
	return left;
}

/** Where a new one has the name by now, that is the object's, and the old one stays beside it unless it is empty. */
async function restore(file: string): Promise<void> {
	try {
		await link(`${file}${goingEnd}`, file);
	} catch (cause) {
		if ((cause as NodeJS.ErrnoException).code === "EEXIST") return;
		throw cause;
	}
	await unlink(`${file}${goingEnd}`);
}

/** What a sweep that was killed left under the other name. */
async function restoreAll(inClass: string): Promise<void> {
	const names = (await entriesOf(inClass)).map(({ name }) => name);
	for (const name of names) {
		const file = join(inClass, name.slice(0, -goingEnd.length));
		if (!name.endsWith(goingEnd) || !objectFile.test(name.slice(0, -goingEnd.length))) continue;
		await restore(file);
		if (names.includes(name.slice(0, -goingEnd.length)) && (await isEmpty(join(inClass, name))))
			await rm(join(inClass, name));
	}
}

/** Beside one that was not closed in order lies what is not in it yet: SQLite puts it there. One that it cannot read stays as it is. */
async function replayAll(inClass: string): Promise<void> {
	const names = new Set((await entriesOf(inClass)).map(({ name }) => name));
	const unclosed = [...names].filter((name) => objectFile.test(name) && names.has(`${name}-wal`));
	const DatabaseSync = await sqlite();
	for (const name of unclosed) {
		try {
			const database = new DatabaseSync(join(inClass, name));
			try {
				database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
			} finally {
				database.close();
			}
		} catch {
			// workerd says what is wrong with it once somebody asks for the object.
		}
	}
}

async function closedIn(inClass: string): Promise<string[]> {
	const names = new Set((await entriesOf(inClass)).map(({ name }) => name));
	const isClosed = (name: string) => objectFile.test(name) && !sideEnds.some((end) => names.has(`${name}${end}`));
	return [...names].filter(isClosed).map((name) => join(inClass, name));
}

async function isEmpty(file: string): Promise<boolean> {
	const handle = await open(file, "r");
	const page = Buffer.alloc(pageBytes);
	try {
		if ((await handle.stat()).size !== pageBytes) return false;
		await handle.read(page, 0, pageBytes, 0);
	} finally {
		await handle.close();
	}
	if (!page.toString("latin1", 0, 16).startsWith("SQLite format 3")) return false;
	return page[fileHeaderBytes] === leafOfTables && page.readUInt16BE(fileHeaderBytes + 3) === 0;
}

async function eachOf<T>(all: readonly T[], work: (one: T) => Promise<unknown>): Promise<void> {
	for (let from = 0; from < all.length; from += atOnce) await Promise.all(all.slice(from, from + atOnce).map(work));
}

async function classesOf(folder: string): Promise<string[]> {
	return (await entriesOf(folder)).filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
}

async function entriesOf(folder: string) {
	return readdir(folder, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
		if (cause.code === "ENOENT") return [];
		throw cause;
	});
}
