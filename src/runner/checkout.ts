// The script that fetches exactly one commit, run as the job's first step so that its output, timeout and cancel are the
// job's. Git's own words stay in the log; the exit code says which fact ended it. Nothing of a URL, ref or commit is ever
// taken for an option, and nobody is ever asked for a password.
import type { Grant } from "../contracts/runner.ts";
import { quoted } from "./shell-quote.ts";

export type Source = NonNullable<Grant["run"]["source"]>;

export const checkoutStepName = "checkout";

const exitCodes = { unreachable: 101, noCommit: 102, noRef: 103, wrongHead: 104 } as const;

/** A scheme that git may use, or user@host:path. `ext::` would run a command. The server checks the same; this is the second lock. */
const urlPattern = /^(?:(?:https?|ssh|git|file):\/\/\S+|[\w.][\w.-]*@[\w.-]+:\S+)$/;
/** A branch, tag or full name: no option, no refspec, no revision expression. */
const refPattern = /^[A-Za-z0-9_][^\s:?*[\\^~]*$/;
const commitPattern = /^[0-9a-f]{40}$/;

/** Null when it can be fetched, else the reason why it cannot. */
export function sourceFault({ cloneUrl, ref, commit }: Source): string | null {
	if (!urlPattern.test(cloneUrl)) return `checkout: ${shown(cloneUrl)} is no clone URL`;
	if (ref !== null && (!refPattern.test(ref) || ref.includes(".."))) return `checkout: ${ref} is no plain ref name`;
	if (commit !== null && !commitPattern.test(commit)) return `checkout: ${commit} is no commit`;
	return null;
}

/** `commitFile` is where the script leaves the commit it found. `hostEnv` is what git may use of the machine's own settings. */
export function checkoutScript(
	source: Source,
	{ commitFile, hostEnv }: { commitFile: string; hostEnv: NodeJS.ProcessEnv },
): string {
	const settings = ["HOME", "XDG_CONFIG_HOME", "SSH_AUTH_SOCK", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO"]
		.flatMap((name) => (hostEnv[name] === undefined ? [] : [`export ${name}=${quoted(hostEnv[name])}`]))
		.join("\n");
	return `${settings}
url=${quoted(source.cloneUrl)} ref=${quoted(source.ref ?? "")} commit=${quoted(source.commit ?? "")}
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export GIT_TERMINAL_PROMPT=0 GIT_ASKPASS=false SSH_ASKPASS=false GCM_INTERACTIVE=never
export GIT_SSH_COMMAND="\${GIT_SSH_COMMAND:-ssh -o BatchMode=yes -o ConnectTimeout=30}"
export GIT_ALLOW_PROTOCOL=file:git:http:https:ssh
export GIT_HTTP_LOW_SPEED_LIMIT=1 GIT_HTTP_LOW_SPEED_TIME=60
git -c init.defaultBranch=main init --quiet .
git config remote.origin.url "$url"
git config remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'
${source.commit === null ? fetchRef : fetchCommit}
git -c advice.detachedHead=false checkout --quiet --detach "$commit"
[ "$(git rev-parse HEAD)" = "$commit" ] || exit ${exitCodes.wrongHead}
printf '%s' "$commit" > ${quoted(commitFile)}
git log -1 --format='%H %s'
`;
}

/** One commit if the server gives single ones away, else everything: some servers refuse what no ref points at. */
const fetchCommit = `if ! git fetch --quiet --depth=1 --no-tags -- "$url" "$commit"; then
	echo "The commit alone cannot be had; fetching all refs."
	refs=('+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*')
	git fetch --quiet --no-tags -- "$url" "\${refs[@]}" || exit ${exitCodes.unreachable}
	[ -z "$ref" ] || git cat-file -e "$commit^{commit}" 2>/dev/null || git fetch --quiet --no-tags -- "$url" "$ref" || true
	git cat-file -e "$commit^{commit}" || exit ${exitCodes.noCommit}
fi`;

const fetchRef = `if ! git fetch --quiet --depth=1 --no-tags -- "$url" "\${ref:-HEAD}"; then
	git ls-remote --quiet -- "$url" HEAD >/dev/null || exit ${exitCodes.unreachable}
	exit ${exitCodes.noRef}
fi
commit=$(git rev-parse 'FETCH_HEAD^{commit}')`;

/** What a checkout that failed comes to, in words. */
export function checkoutReason({ cloneUrl, ref, commit }: Source, exitCode: number | null): string {
	const url = shown(cloneUrl);
	switch (exitCode) {
		case exitCodes.unreachable:
			return `checkout: ${url} does not answer`;
		case exitCodes.noCommit:
			return `checkout: the commit ${commit} does not exist in ${url}`;
		case exitCodes.noRef:
			return `checkout: the ref ${ref ?? "HEAD"} does not exist in ${url}`;
		case exitCodes.wrongHead:
			return `checkout: what was checked out of ${url} is not ${commit ?? ref ?? "HEAD"}`;
		default:
			return `checkout: git failed on ${url}`;
	}
}

/** Without user and password: reasons end in lists. */
function shown(cloneUrl: string): string {
	return cloneUrl.replace(/^(\w+:\/\/)[^/@]*@/, "$1").slice(0, 300);
}
