// The database's files under a running server. Taken away while it has them open, they would still be there for it: it lets go of
// them once nobody has asked the database for ten seconds.
import { copyFile, mkdir, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { until } from "./fixture-until.ts";

/** Whatever Miniflare calls them. */
export async function databaseFiles(data: string): Promise<string[]> {
	const folder = join(data, "d1");
	const files = await readdir(folder, { recursive: true });
	return files.filter((file) => /[0-9a-f]{64}\.sqlite/.test(file)).map((file) => join(folder, file));
}

/** The sweep asks the database each minute, and what a consumer could not write is tried again after up to a minute. */
const quietWithinMs = 180_000;

/** Nothing else may ask the database meanwhile, `/readyz` neither. */
async function untilClosed(data: string): Promise<void> {
	const isClosed = async () => {
		const pid = (await readFile(join(data, "workerd-pid"), "utf8")).trim();
		const open = (await readdir(`/proc/${pid}/fd`)).map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => ""));
		return !(await Promise.all(open)).some((path) => /[0-9a-f]{64}\.sqlite/.test(path) && path.includes(`${data}/d1/`));
	};
	await until("the server has let go of the database's files", isClosed, { withinMs: quietWithinMs });
}

export type Harm = "gone" | "broken";

/** Puts the files aside, and something else in their place. */
export async function takeDatabase(data: string, harm: Harm): Promise<void> {
	await untilClosed(data);
	const aside = join(data, "..", "database-aside");
	await mkdir(aside, { recursive: true });
	for (const file of await databaseFiles(data)) {
		await copyFile(file, join(aside, basename(file)));
		if (harm === "gone") await rm(file);
		else await writeFile(file, "this is no database ".repeat(1_000));
	}
}

export async function putDatabaseBack(data: string): Promise<void> {
	await untilClosed(data);
	const [first] = await readdir(join(data, "d1"));
	for (const file of await databaseFiles(data)) await rm(file);
	const aside = join(data, "..", "database-aside");
	for (const name of await readdir(aside)) await copyFile(join(aside, name), join(data, "d1", first ?? "", name));
}
