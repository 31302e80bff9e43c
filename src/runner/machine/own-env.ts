// The environment of what the runner starts for itself: git and hooks. It is the machine's, and nothing of a job is in it.
// A login would have no entries of npm's and none that is relative, so these are left out.

/**
 * Git takes these for the place of a repository, or for settings of one call (`git rev-parse --local-env-vars`); a hook of
 * git's that starts a runner has them.
 */
const repositoryNames = new Set([
	"GIT_ALTERNATE_OBJECT_DIRECTORIES",
	"GIT_CONFIG",
	"GIT_CONFIG_PARAMETERS",
	"GIT_OBJECT_DIRECTORY",
	"GIT_DIR",
	"GIT_WORK_TREE",
	"GIT_IMPLICIT_WORK_TREE",
	"GIT_GRAFT_FILE",
	"GIT_INDEX_FILE",
	"GIT_NO_REPLACE_OBJECTS",
	"GIT_REPLACE_REF_BASE",
	"GIT_PREFIX",
	"GIT_SHALLOW_FILE",
	"GIT_COMMON_DIR",
	"GIT_NAMESPACE",
	"GIT_EXTERNAL_DIFF",
]);

/** A shell runs what these name before it runs what it was given, or reads functions from them. */
const shellNames = /^(?:BASH_ENV|ENV|SHELLOPTS|BASHOPTS|PS4|CDPATH|BASH_FUNC_.*)$/;

/** Only absolute folders, and none that npm, npx or a package's script put in front. */
export function loginPath(path: string | undefined): string {
	const entries = (path ?? "").split(":").filter((entry) => entry.startsWith("/") && !isOfNpm(entry));
	return entries.length === 0 ? "/usr/local/bin:/usr/bin:/bin" : entries.join(":");
}

/** `npm run` and `npx` put in front: each `node_modules/.bin` upwards, node-gyp's own, and what npx keeps in its cache. */
function isOfNpm(entry: string): boolean {
	const plain = entry.replace(/\/+$/, "");
	return plain.endsWith("/node_modules/.bin") || plain.endsWith("/node-gyp-bin");
}

/** The machine's environment without the runner's `tokens`, for programs that are the runner's own. */
export function ownEnv(host: NodeJS.ProcessEnv, tokens: string[]): Record<string, string> {
	const env: Record<string, string> = {};
	for (const [name, value] of Object.entries(host)) {
		if (value === undefined || tokens.includes(value)) continue;
		if (repositoryNames.has(name) || shellNames.test(name) || /^(?:npm_|SPILLWAY_GIT_|GIT_TRACE)/.test(name)) continue;
		env[name] = value;
	}
	return { ...env, PATH: loginPath(host.PATH) };
}
