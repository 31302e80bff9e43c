// The types of the bindings are generated from wrangler.toml and committed, so that an editor knows them without a build.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CheckPart } from "./check-process.ts";
import { runCommand } from "./check-process.ts";

const committed = "workers/worker-configuration.d.ts";

/** Not in wrangler.toml: `secrets.required` there makes every test file warn that it has none. */
const secrets = ["SPILLWAY_OPERATOR_TOKEN", "SPILLWAY_SIGNING_KEYS", "SPILLWAY_SEALING_KEYS"];

export const runBindingsCheck: CheckPart = async ({ write }) => {
	// Inside workers/, since the file says where main.ts is as seen from itself.
	const folder = await mkdtemp("workers/.bindings-");
	try {
		const fresh = join(folder, "fresh.d.ts");
		// Instead of a developer's own .env and .dev.vars, which are no part of what is deployed.
		const named = join(folder, "secrets.env");
		await writeFile(named, secrets.map((name) => `${name}=x\n`).join(""));
		const faults = await runCommand("wrangler", ["types", fresh, "--include-runtime=false", "--env-file", named]);
		if (faults.length > 0) return faults;
		const text = asCommitted(await readFile(fresh, "utf8"));
		if (write) await writeFile(committed, text);
		const known = await readFile(committed, "utf8").catch(() => "");
		return known === text ? [] : [`${committed} is not what wrangler.toml says: npm run check -- bindings --write`];
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
};

/** The first lines name the command, its temporary paths and a hash over them. */
function asCommitted(text: string): string {
	const from = text.indexOf("interface ");
	const header = "// Generated from wrangler.toml by `npm run check -- bindings --write`; do not edit.\n";
	return header + text.slice(from).replaceAll('import("../main")', 'import("./main")');
}
