// The program under test: the built one, file by file, with one file changed. The Worker in it is the built Worker with a place
// for faults around it (chaos/worker/main.ts).
import { cp, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { root } from "../../scripts/child.ts";

const built = join(root, "dist");

export interface Program {
	/** The command line. */
	script: string;
	remove(): Promise<void>;
}

export async function makeProgram(): Promise<Program> {
	// Under node_modules, where the server finds its runtime by name.
	const folder = join(root, "node_modules/.cache", `spillway-chaos-${process.pid}`);
	await rm(folder, { recursive: true, force: true });
	await mkdir(folder, { recursive: true });
	await cp(built, folder, { recursive: true, filter: (file) => !file.endsWith(".map") });
	await build({
		absWorkingDir: root,
		entryPoints: ["chaos/worker/main.ts"],
		outfile: join(folder, "worker/main.js"),
		bundle: true,
		format: "esm",
		target: "es2024",
		// The runtime's own modules.
		external: ["cloudflare:*", "node:*"],
		plugins: [
			{
				name: "built-worker",
				setup: ({ onResolve }) =>
					onResolve({ filter: /\/workers\/main\.ts$/ }, () => ({ path: join(built, "worker/main.js") })),
			},
		],
		allowOverwrite: true,
		legalComments: "none",
		logLevel: "error",
	});
	return { script: join(folder, "spillway.js"), remove: () => rm(folder, { recursive: true, force: true }) };
}
