// A folder that all jobs of a runner share, for what package managers fetch: a job's home is empty, so without it each job
// fetches everything anew. Whoever can write it decides what later jobs run, so it is off unless the machine's owner names one.
import { realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { makeFolder } from "../made-folder.ts";

/** What is set for a job that does not say otherwise; each tool has a folder of its own. */
const folders: Record<string, string> = {
	npm_config_cache: "npm",
	YARN_CACHE_FOLDER: "yarn",
	PIP_CACHE_DIR: "pip",
	UV_CACHE_DIR: "uv",
	GOMODCACHE: "go-mod",
	GOCACHE: "go-build",
	COMPOSER_CACHE_DIR: "composer",
	CCACHE_DIR: "ccache",
};

/** The absolute path of the folder, without links; made if it is not there. */
export function makeSharedCache(folder: string): string {
	const path = resolve(folder);
	makeFolder(path);
	return realpathSync(path);
}

export function sharedCacheEnv(path: string | null): Record<string, string> {
	if (path === null) return {};
	const named = Object.entries(folders).map(([name, folder]) => [name, join(path, folder)]);
	return { SPILLWAY_CACHE: path, ...Object.fromEntries(named) };
}
