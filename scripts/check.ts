// `npm run check`: everything that must hold before a change is done. `-- style types` runs those parts only, `-- --except
// tests` all but those; `-- --write` first rewrites what is generated or formatted. A part runs even if an earlier one failed.
import { runAccessCheck } from "./checks/check-access.ts";
import { runBindingsCheck } from "./checks/check-bindings.ts";
import { runLimitsCheck } from "./checks/check-limits.ts";
import { runClientsCheck } from "./checks/check-clients.ts";
import { runNamesCheck } from "./checks/check-names.ts";
import { runOpenApiCheck } from "./checks/check-openapi.ts";
import type { CheckPart } from "./checks/check-process.ts";
import { LeftOut, runCommand } from "./checks/check-process.ts";
import { runPathsCheck } from "./checks/check-paths.ts";
import { runRulesCheck } from "./checks/check-rules.ts";
import { runSchemaCheck } from "./checks/check-schema.ts";

const parts: Record<string, CheckPart> = {
	/** Format, lint, order of imports. */
	style: ({ write }) => runCommand("biome", ["check", ...(write ? ["--write"] : []), "."]),
	types: async () => [
		...(await runCommand("tsc", ["-p", "tsconfig.json"])),
		...(await runCommand("tsc", ["-p", "workers/tsconfig.json"])),
		...(await runCommand("tsc", ["-p", "src/dashboard/tsconfig.json"])),
	],
	bindings: runBindingsCheck,
	schema: runSchemaCheck,
	openapi: runOpenApiCheck,
	/** Clients that others would generate. Needs the network the first time, and Python for one of them. */
	clients: runClientsCheck,
	/** The page of who may do what. */
	access: runAccessCheck,
	/** The page of limits. */
	limits: runLimitsCheck,
	/** What no compiler sees: names that mean two things, cited paths, rules and their tests. */
	rules: async (options) => [
		...(await runNamesCheck(options)),
		...(await runPathsCheck(options)),
		...(await runRulesCheck(options)),
	],
	tests: () => runCommand("vitest", ["run"], { shown: true }),
};

const chosen = choose(process.argv.slice(2));
const failed: string[] = [];
const leftOut: string[] = [];
for (const name of chosen.names) {
	const startedAt = performance.now();
	const faults = await runPart(name);
	const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
	if (leftOut.includes(name)) continue;
	console.log(`${faults.length === 0 ? "ok  " : "FAIL"} ${name} (${seconds} s)`);
	for (const fault of faults) console.log(fault.replaceAll(/^/gm, "     "));
	if (faults.length > 0) failed.push(name);
}
console.log(
	failed.length === 0
		? `check: ${chosen.names.length - leftOut.length} parts hold${leftOut.length > 0 ? `, LEFT OUT: ${leftOut.join(", ")}` : ""}`
		: `check: ${failed.length} of ${chosen.names.length} parts failed: ${failed.join(", ")}`,
);
process.exitCode = failed.length === 0 ? 0 : 1;

/** What a part throws is its fault, and no reason to leave out the parts after it. */
async function runPart(name: string): Promise<string[]> {
	try {
		return (await parts[name]?.({ write: chosen.write })) ?? [`there is no part ${name}`];
	} catch (error) {
		if (error instanceof LeftOut) {
			leftOut.push(name);
			console.log(`LEFT OUT ${name}: ${error.message}`);
			return [];
		}
		return [error instanceof Error ? error.message : String(error)];
	}
}

function choose(args: string[]): { names: string[]; write: boolean } {
	const write = args.includes("--write");
	const words = args.filter((arg) => arg !== "--write" && arg !== "--except");
	const unknown = words.filter((word) => !(word in parts));
	if (unknown.length > 0) {
		console.error(`check: no part is called ${unknown.join(", ")}; there are ${Object.keys(parts).join(", ")}`);
		process.exit(2);
	}
	const all = Object.keys(parts);
	if (args.includes("--except")) return { names: all.filter((name) => !words.includes(name)), write };
	return { names: words.length > 0 ? words : all, write };
}
