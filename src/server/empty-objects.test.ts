// Files as workerd leaves them, and files that must stay.
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { deleteEmptyObjects } from "./empty-objects.ts";

const nameOf = (letter: string) => `${letter.repeat(64)}.sqlite`;

function makeDatabase(file: string, statements: string[]): void {
	const database = new DatabaseSync(file);
	for (const statement of statements) database.exec(statement);
	database.close();
}

it("[W70] deletes the files of emptied objects at the start, and nothing that holds anything or may", async () => {
	const folder = await mkdtemp(join(tmpdir(), "spillway-objects-"));
	try {
		const objects = join(folder, "spillway-LogObject");
		await mkdir(objects);
		const emptied = ["CREATE TABLE a (b)", "DROP TABLE a", "VACUUM"];
		makeDatabase(join(objects, nameOf("a")), emptied);
		makeDatabase(join(objects, nameOf("b")), ["CREATE TABLE a (b)", "INSERT INTO a VALUES (1)"]);
		makeDatabase(join(objects, nameOf("c")), emptied);
		await writeFile(join(objects, `${nameOf("c")}-wal`), "what is not in it yet");
		makeDatabase(join(objects, "metadata.sqlite"), emptied);
		await writeFile(join(objects, nameOf("d")), Buffer.alloc(4_096));
		await writeFile(join(objects, nameOf("e")), "");
		await writeFile(join(folder, "note"), "");
		expect(await deleteEmptyObjects(folder)).toBe(1);
		const left = [...["b", "c", "d", "e"].map(nameOf), `${nameOf("c")}-wal`, "metadata.sqlite"];
		expect((await readdir(objects)).sort()).toEqual(left.sort());
		expect(await deleteEmptyObjects(join(folder, "not-there"))).toBe(0);
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
});
