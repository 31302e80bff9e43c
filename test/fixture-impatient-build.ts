// A build whose messages die soon: as it is delivered, that takes a quarter of an hour.
import { cp, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { root, spillway } from "../scripts/child.ts";

/** This build, but that its queue of changes gives up after one more try. Below the folder; the path of its command line. */
export async function impatientBuild(folder: string): Promise<string> {
	const build = join(folder, "build");
	await cp(dirname(spillway), build, { recursive: true });
	await symlink(join(root, "node_modules"), join(folder, "node_modules"));
	const file = join(build, "worker/settings.json");
	const settings = JSON.parse(await readFile(file, "utf8"));
	settings.queueConsumers["spillway-events"].maxRetries = 1;
	await writeFile(file, JSON.stringify(settings));
	return join(build, "spillway.js");
}
