// The tables in src/store/schema.ts against migrations/: when drizzle-kit would generate one more migration, one is missing.
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CheckPart } from "./check-process.ts";
import { runCommand } from "./check-process.ts";

export const runSchemaCheck: CheckPart = async ({ write }) => {
	if (write) return generateInto("migrations");
	const folder = await mkdtemp(join(tmpdir(), "spillway-migrations-"));
	try {
		const before = (await readdir("migrations")).sort();
		await cp("migrations", folder, { recursive: true });
		const faults = await generateInto(folder);
		if (faults.length > 0) return faults;
		const added = (await readdir(folder)).filter((name) => !before.includes(name));
		if (added.length === 0) return [];
		return [
			`src/store/schema.ts has changes without a migration (${added.join(", ")}): npm run check -- schema --write`,
		];
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
};

function generateInto(folder: string): Promise<string[]> {
	return runCommand("drizzle-kit", [
		"generate",
		"--dialect",
		"sqlite",
		"--schema",
		"src/store/schema.ts",
		"--out",
		folder,
	]);
}
