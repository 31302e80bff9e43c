// Puts a build on a stage: a copy of its `dist` whose Worker is wrapped by `staged-worker.ts`, alone or beside an older one.
import { cp, mkdtemp, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(here));

export interface StagedBuild {
	/** Where the copy is made. */
	folder: string;
	/** A `dist`: its server and its command line are the copy's. */
	dist: string;
	/** The `dist` whose Worker takes the older part; absent: there is one build alone. */
	older?: string;
	/** What is added to the real time. */
	offsetMs?: number;
	/** Variables of the Worker that differ from the build's own. */
	variables?: Record<string, unknown>;
	/** Of these packages the server's runtime is taken. */
	modules?: string;
}

/** Resolves to the path of the copy's command line. */
export async function stageBuild(options: StagedBuild): Promise<string> {
	const { folder, dist, older = dist, offsetMs = 0, variables = {} } = options;
	const place = await mkdtemp(join(folder, "staged-"));
	const target = join(place, "dist");
	await cp(dist, target, { recursive: true, filter: (path) => !path.endsWith(".map") });
	await symlink(options.modules ?? join(root, "node_modules"), join(place, "node_modules"));
	const workers: Record<string, string> = { newer: join(dist, "worker/main.js"), older: join(older, "worker/main.js") };
	await build({
		entryPoints: [join(here, "staged-worker.ts")],
		outfile: join(target, "worker/main.js"),
		allowOverwrite: true,
		bundle: true,
		format: "esm",
		target: "esnext",
		external: ["cloudflare:*", "node:*"],
		define: { STAGE_OFFSET_MS: String(offsetMs) },
		logLevel: "error",
		plugins: [
			{
				name: "releases",
				setup: ({ onResolve }) =>
					onResolve({ filter: /^release:/ }, ({ path }) => ({ path: workers[path.slice("release:".length)] ?? "" })),
			},
		],
	});
	const settingsFile = join(target, "worker/settings.json");
	const settings = JSON.parse(await readFile(settingsFile, "utf8")) as { bindings: Record<string, unknown> };
	Object.assign(settings.bindings, variables);
	await writeFile(settingsFile, JSON.stringify(settings));
	return join(target, "spillway.js");
}
