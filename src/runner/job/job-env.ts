// A job's environment: what the machine lends by name, what every job gets, then the job's own variables and secrets, each
// laid over the one before. Anything that is not named stays out, so the runner's own tokens cannot get in by accident.
// Not promised: a job runs as the runner's user, and can read what that user can. Isolation is the machine's business.
import type { Grant } from "../../contracts/http/runner.ts";
import { idTokenPath } from "../../contracts/wire/job-token.ts";
import { loginPath } from "../machine/own-env.ts";
import { sharedCacheEnv } from "../machine/shared-cache.ts";
import type { JobFolder } from "./job-folder.ts";

const lentNames = [
	"PATH",
	"LANG",
	"LANGUAGE",
	"LC_ALL",
	"LC_CTYPE",
	"TERM",
	"TZ",
	"USER",
	"LOGNAME",
	"SHELL",
	"SSL_CERT_FILE",
	"SSL_CERT_DIR",
	"NODE_EXTRA_CA_CERTS",
	"http_proxy",
	"https_proxy",
	"no_proxy",
	"HTTP_PROXY",
	"HTTPS_PROXY",
	"NO_PROXY",
];

/**
 * Variables of the machine that jobs may see: the list above and `allowed`, but never one that holds one of `tokens`. The
 * `PATH` is a login's: without what npm or npx put in front when they started the runner.
 */
export function lentEnv(host: NodeJS.ProcessEnv, allowed: string[], tokens: string[]): Record<string, string> {
	const env: Record<string, string> = {};
	for (const name of [...lentNames, ...allowed]) {
		const value = Object.hasOwn(host, name) ? host[name] : undefined;
		if (value !== undefined && !tokens.includes(value)) env[name] = value;
	}
	return env.PATH === undefined ? env : { ...env, PATH: loginPath(env.PATH) };
}

export interface JobPlace {
	url: string;
	folder: JobFolder;
	lent: Record<string, string>;
	/** What jobs of this runner share; null: nothing. */
	sharedCache: string | null;
}

/** Which job this is. */
export function placeEnv({ job, run, repository }: Pick<Grant, "job" | "run" | "repository">): Record<string, string> {
	return {
		SPILLWAY_RUN_ID: run.id,
		SPILLWAY_RUN_NUMBER: String(run.number),
		SPILLWAY_JOB_ID: job.id,
		SPILLWAY_JOB_KEY: job.key,
		SPILLWAY_ATTEMPT: String(job.attempt),
		SPILLWAY_OWNER: repository.owner,
		SPILLWAY_REPO: repository.repo,
	};
}

/**
 * With the lease's token a job adds jobs to its own run and asks for a token that says who it is. It could also end itself or write to
 * its log, and nothing else.
 */
export function jobEnv(
	{ lease, job, run, repository }: Grant,
	{ url, folder, lent, sharedCache }: JobPlace,
): Record<string, string> {
	const env: Record<string, string> = {
		...lent,
		HOME: folder.home,
		TMPDIR: folder.temporary,
		CI: "true",
		SPILLWAY: "true",
		SPILLWAY_URL: url,
		SPILLWAY_LEASE_TOKEN: lease.token,
		SPILLWAY_ID_TOKEN_REQUEST_URL: `${url.replace(/\/+$/, "")}${idTokenPath}`,
		SPILLWAY_ID_TOKEN_REQUEST_TOKEN: lease.token,
		...placeEnv({ job, run, repository }),
		SPILLWAY_RETRY_AFTER_FILE: folder.retryAfter,
		...sharedCacheEnv(sharedCache),
	};
	if (run.source) {
		env.SPILLWAY_COMMIT = run.source.commit ?? "";
		env.SPILLWAY_REF = run.source.ref ?? "";
	}
	return { ...env, ...job.env, ...job.secrets };
}

/** What a client of a container's engine goes by, beside what jobs may see anyway. */
const wrapperNames = /^(?:HOME|XDG_RUNTIME_DIR|DBUS_SESSION_BUS_ADDRESS|(?:DOCKER|CONTAINER|PODMAN|BUILDAH)_\w+)$/;

/** Of the command that wraps a step: nothing of the job's. A sandboxed process may see its parent's, so nothing secret. */
export function wrapperEnv(host: NodeJS.ProcessEnv, lent: Record<string, string>): Record<string, string> {
	const named = Object.entries(host).filter((pair): pair is [string, string] => pair[1] !== undefined);
	return { ...Object.fromEntries(named.filter(([name]) => wrapperNames.test(name))), ...lent };
}
