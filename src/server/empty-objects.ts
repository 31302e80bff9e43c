// What an object that is done leaves on one machine's disk: workerd empties its database and keeps the file, one page of it, for
// ever. They are deleted before workerd starts, when nobody has any of them open.
import { open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

/** A page, with which SQLite begins; the header of its table of tables comes after the file's own. */
const pageBytes = 4_096;
const fileHeaderBytes = 100;
const leafOfTables = 0x0d;

/** An object's file is named by its id. */
const objectFile = /^[0-9a-f]{64}\.sqlite$/;
/** Files looked at at once. */
const atOnce = 64;

/** In `folder` each class has a folder. How many files went. Never call it while a workerd may have one of them open. */
export async function deleteEmptyObjects(folder: string): Promise<number> {
	let deleted = 0;
	for (const entry of await entriesOf(folder)) {
		if (!entry.isDirectory()) continue;
		const inClass = join(folder, entry.name);
		const names = (await entriesOf(inClass)).map(({ name }) => name);
		// Beside one that was not closed in order lies what is not in it yet.
		const others = new Set(names.filter((name) => !objectFile.test(name)));
		const closed = names.filter(
			(name) => objectFile.test(name) && !["-wal", "-shm", "-journal"].some((end) => others.has(`${name}${end}`)),
		);
		for (let from = 0; from < closed.length; from += atOnce) {
			const slice = closed.slice(from, from + atOnce).map((name) => deleteIfEmpty(join(inClass, name)));
			deleted += (await Promise.all(slice)).filter(Boolean).length;
		}
	}
	return deleted;
}

async function deleteIfEmpty(file: string): Promise<boolean> {
	if ((await stat(file)).size !== pageBytes) return false;
	const handle = await open(file, "r");
	const page = Buffer.alloc(pageBytes);
	try {
		await handle.read(page, 0, pageBytes, 0);
	} finally {
		await handle.close();
	}
	if (!page.toString("latin1", 0, 16).startsWith("SQLite format 3")) return false;
	const tables = page.readUInt16BE(fileHeaderBytes + 3);
	if (page[fileHeaderBytes] !== leafOfTables || tables !== 0) return false;
	await rm(file);
	return true;
}

async function entriesOf(folder: string) {
	return readdir(folder, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
		if (cause.code === "ENOENT") return [];
		throw cause;
	});
}
