// What a checkout that failed comes to, in words. Git says why in text alone, so its last words are read here (in English: its
// locale is set), and nowhere else. What the other side prints by git begins with `remote:` and is no word of git's.
import type { Grant } from "../../contracts/http/runner.ts";
import { commitIdPattern, isCloneUrl, isRefName } from "../../domain/text/git-names.ts";

export type CheckoutSource = NonNullable<Grant["run"]["source"]>;

export const exitCodes = {
	unreachable: 101,
	noCommit: 102,
	noRef: 103,
	wrongHead: 104,
	noFolder: 105,
	submodules: 106,
	noLfs: 107,
	lfs: 108,
} as const;

/** Null when it can be fetched, else the reason why it cannot. The server asks the same; this is the second lock. */
export function sourceFault({ cloneUrl, ref, commit }: CheckoutSource): string | null {
	if (!isCloneUrl(cloneUrl)) return `checkout: ${shown(cloneUrl)} is no clone URL`;
	if (ref !== null && !isRefName(ref)) return `checkout: ${JSON.stringify(ref)} is no name of a ref`;
	if (commit !== null && !commitIdPattern.test(commit)) return `checkout: ${JSON.stringify(commit)} is no commit`;
	return null;
}

export interface CheckoutFault {
	reason: string;
	/** This machine's, and none of the job's or the repository's: another runner may do better. */
	isOfMachine: boolean;
}

/** In the order in which they are looked for; `of` is the clone URL. The first that fits is the cause, since git says it first. */
const words: [RegExp, (of: string) => string, "machine"?][] = [
	[/No space left on device|Disk quota exceeded/, () => "the runner's disk is full", "machine"],
	[/Read-only file system/, () => "the runner's disk is read-only", "machine"],
	[/git: command not found/, () => "there is no git on the runner's machine", "machine"],
	[
		/detected dubious ownership/,
		(of) => `${of} belongs to another user of the runner's machine, and is no safe.directory of git's`,
	],
	[/Host key verification failed/, (of) => `the host key of ${of} is not known to the runner`],
	[
		/SSL certificate problem|server certificate verification failed|certificate verify failed|SSL: no alternative certificate/i,
		(of) => `the certificate of ${of} is not trusted`,
	],
	[
		/Could not resolve host|Name or service not known|nodename nor servname|Temporary failure in name resolution/i,
		(of) => `the host of ${of} is not known`,
	],
	[/returned error: 403|HTTP 403/, (of) => `${of} refuses access (403)`],
	[
		/Authentication failed|could not read (?:Username|Password)|unable to (?:get|read) (?:password|askpass)|returned error: 401|Permission denied \(/,
		(of) => `${of} wants credentials, and had none that it takes (401)`,
	],
	[/transport '[^']*' not allowed/, (of) => `${of} names a transport that is not allowed`],
	[
		/returned error: 404|repository '[^\n]*' not found|does not appear to be a git repository|Repository not found|does not exist$/m,
		(of) => `there is no repository at ${of}, or none that these credentials may see`,
	],
	[/Connection refused|Failed to connect|Couldn't connect/i, (of) => `${of} does not answer (connection refused)`],
	[
		/timed out|Operation too slow|Timeout was reached|Empty reply|Connection reset|hung up unexpectedly|early EOF/i,
		(of) => `${of} does not answer`,
	],
];

/** `said` is the end of what git printed. */
export function checkoutFault(
	{ cloneUrl, ref, commit }: CheckoutSource,
	exitCode: number | null,
	said: string,
): CheckoutFault {
	const url = shown(cloneUrl);
	const own = said
		.split("\n")
		.filter((line) => !line.startsWith("remote:"))
		.join("\n");
	const cause = words.find(([pattern]) => pattern.test(own));
	if (cause?.[2] === "machine") return { reason: `checkout: ${cause[1](url)}`, isOfMachine: true };
	const reason = (() => {
		switch (exitCode) {
			case exitCodes.unreachable:
				return cause?.[1](url) ?? `git could not reach ${url}`;
			case exitCodes.noCommit:
				return `the commit ${commit} does not exist in ${url}`;
			case exitCodes.noRef:
				return `the ref ${ref ?? "HEAD"} does not exist in ${url}`;
			case exitCodes.wrongHead:
				return `what was checked out of ${url} is not ${commit ?? ref ?? "HEAD"}`;
			case exitCodes.noFolder:
				return "SPILLWAY_GIT_SPARSE names a file, and takes folders only";
			case exitCodes.submodules:
				return `its submodules: ${cause?.[1]("one of them") ?? "git failed"}`;
			case exitCodes.noLfs:
				return "there is no git-lfs on the runner's machine";
			case exitCodes.lfs:
				return `its large files: ${cause?.[1](url) ?? "git-lfs failed"}`;
			default:
				return `git failed on ${url}`;
		}
	})();
	return { reason: `checkout: ${reason}`, isOfMachine: exitCode === exitCodes.noLfs };
}

/** Without user and password: reasons end in lists. */
function shown(cloneUrl: string): string {
	return cloneUrl.replace(/^(\w+:\/\/)[^/@]*@/, "$1").slice(0, 300);
}
