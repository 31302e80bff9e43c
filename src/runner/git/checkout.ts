// The scripts that fetch exactly one commit, run as the job's first step so that their output, timeout and cancel are the
// job's. Git's own words stay in the log; the exit code says which fact ended it. Nothing of a URL, ref or commit is ever
// taken for an option, and nobody is ever asked for a password.
import type { Grant } from "../../contracts/runner.ts";
import type { JobFolder } from "../job/job-folder.ts";
import { quoted } from "../process/shell-quote.ts";

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

export interface CheckoutPlace {
	folder: JobFolder;
	/** The machine's variables, of which git may use its own settings. */
	hostEnv: NodeJS.ProcessEnv;
	/** The bare repository that is kept between jobs; null: none. */
	cache: string | null;
}

/** What a job may ask of its checkout, as variables of its own. */
const wishes = `depth=\${SPILLWAY_GIT_DEPTH:-1}
case "$depth" in 0 | '' | *[!0-9]*) depth=() ;; *) depth=("--depth=$depth") ;; esac`;

/**
 * Brings what is wanted into the cache: nobody else may do so at the same time. A commit that is there already costs no
 * network. The cache is as shallow as the jobs that filled it, and deepens when one asks for more.
 */
export function cacheScript(source: Source, place: CheckoutPlace & { cache: string }): string {
	return `${beginning(source, place)}
cache=${quoted(place.cache)}
cached() { git --git-dir="$cache" "$@"; }
anew() {
	rm -rf -- "$cache"
	git init --bare --quiet "$cache"
	cached config gc.auto 0
	cached config fetch.unpackLimit 1
	cached config uploadpack.allowAnySHA1InWant true
}
${source.commit === null ? fetchRefToCache : fetchCommitToCache}
cached rev-parse --is-bare-repository >/dev/null 2>&1 || anew
touch "$cache"
# Of a job that was killed: nobody else is here now.
find "$cache" -name '*.lock' -delete
if ! bring; then
	git ls-remote --quiet -- "$url" HEAD >/dev/null || exit ${exitCodes.unreachable}
	cached fsck --connectivity-only >/dev/null 2>&1 && exit ${source.commit === null ? exitCodes.noRef : exitCodes.noCommit}
	echo "The cache of this repository is broken; making it anew."
	anew
	bring || exit ${source.commit === null ? exitCodes.noRef : exitCodes.noCommit}
fi
cached update-ref "refs/commits/$commit" "$commit"
printf '%s' "$commit" > ${quoted(place.folder.commit)}
packs=("$cache"/objects/pack/*.pack)
if [ "\${#packs[@]}" -gt ${cachePacksMax} ]; then
	cached for-each-ref --sort=-committerdate --format='delete %(refname)' refs/commits | tail -n +${cacheCommitsKept} | cached update-ref --stdin
	cached gc --quiet --prune=now || true
fi
`;
}

/** Packs, one for each fetch, at which the cache is put in order, and the commits that are kept then. */
const cachePacksMax = 50;
const cacheCommitsKept = 100;

/** A depth would make a cache shallow again that has the whole history. */
const deepen = `deepen() {
	local shallow
	how=()
	shallow=$(cached rev-parse --is-shallow-repository)
	if [ "\${#depth[@]}" -eq 0 ]; then
		[ "$shallow" = false ] || how=(--unshallow)
	elif [ "$shallow" = true ] || [ -z "$(cached for-each-ref --count=1)" ]; then
		how=("\${depth[@]}")
	fi
}`;

const fetchCommitToCache = `${deepen}
bring() {
	if cached cat-file -e "$commit^{tree}" 2>/dev/null; then
		[ "\${depth[*]}" = --depth=1 ] && return
		[ "\${#depth[@]}" -gt 0 ] || [ "$(cached rev-parse --is-shallow-repository)" = true ] || return 0
	fi
	deepen
	cached fetch --quiet "\${how[@]}" --no-tags -- "$url" "+$commit:refs/commits/$commit" && return
	echo "The commit alone cannot be had; fetching all refs."
	cached fetch --quiet --no-tags -- "$url" '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*' || return
	[ -z "$ref" ] || cached cat-file -e "$commit^{commit}" 2>/dev/null || cached fetch --quiet --no-tags -- "$url" "$ref" || true
	cached cat-file -e "$commit^{commit}"
}`;

const fetchRefToCache = `${deepen}
bring() {
	deepen
	cached fetch --quiet "\${how[@]}" --no-tags -- "$url" "\${ref:-HEAD}" || return
	commit=$(cached rev-parse 'FETCH_HEAD^{commit}')
}`;

/** Leaves the commit it found in the job's folder, for the steps and for the report. */
export function checkoutScript(source: Source, place: CheckoutPlace): string {
	const { folder, cache } = place;
	const direct = source.commit === null ? fetchRef : fetchCommit;
	return `${beginning(source, place)}
git -c init.defaultBranch=main init --quiet .
git config remote.origin.url "$url"
git config remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'
${cache === null ? direct : fetchFromCache(folder, cache, direct)}
if [ -n "\${SPILLWAY_GIT_SPARSE:-}" ]; then
	IFS=$' \\t\\n' read -r -d '' -a paths <<< "$SPILLWAY_GIT_SPARSE" || true
	printf '%s\\n' "\${paths[@]}" | git sparse-checkout set --cone --stdin
fi
git -c advice.detachedHead=false checkout --quiet --detach "$commit"
[ "$(git rev-parse HEAD)" = "$commit" ] || exit ${exitCodes.wrongHead}
case "\${SPILLWAY_GIT_SUBMODULES:-}" in
	'' | false) ;;
	recursive) git submodule --quiet update --init --recursive "\${depth[@]}" ;;
	*) git submodule --quiet update --init "\${depth[@]}" ;;
esac
if [ "\${SPILLWAY_GIT_LFS:-false}" != false ]; then
	git lfs install --local >/dev/null
	git lfs pull origin
fi
printf '%s' "$commit" > ${quoted(folder.commit)}
git log -1 --format='%H %s'
`;
}

/** A copy, not a reference: what a job has must not change when the cache does, and a container may not see the cache. */
function fetchFromCache(folder: JobFolder, cache: string, direct: string): string {
	return `commit=$(cat ${quoted(folder.commit)})
if ! git fetch --quiet "\${depth[@]}" --no-tags -- ${quoted(`file://${cache}`)} "$commit"; then
	echo "The cache of this repository is broken; fetching from its origin."
	rm -rf -- ${quoted(cache)}
	${direct.replaceAll("\n", "\n\t")}
fi`;
}

function beginning(source: Source, { folder, hostEnv }: CheckoutPlace): string {
	const settings = ["HOME", "XDG_CONFIG_HOME", "SSH_AUTH_SOCK", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO"]
		.flatMap((name) => (hostEnv[name] === undefined ? [] : [`export ${name}=${quoted(hostEnv[name])}`]))
		.join("\n");
	return `${settings}
url=${quoted(source.cloneUrl)} ref=${quoted(source.ref ?? "")} commit=${quoted(source.commit ?? "")}
${wishes}
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export GIT_TERMINAL_PROMPT=0 GIT_ASKPASS=false SSH_ASKPASS=false GCM_INTERACTIVE=never GIT_LFS_SKIP_SMUDGE=1
export GIT_SSH_COMMAND="\${GIT_SSH_COMMAND:-ssh -o BatchMode=yes -o ConnectTimeout=30}"
export GIT_ALLOW_PROTOCOL=file:git:http:https:ssh
export GIT_HTTP_LOW_SPEED_LIMIT=1 GIT_HTTP_LOW_SPEED_TIME=60
[ -z "\${SPILLWAY_GIT_TOKEN:-}" ] || export GIT_ASKPASS=${quoted(folder.askpass)}`;
}

/**
 * What git asks for a user and a password. The token comes from the environment, so it is in no URL, no argument and no file;
 * and only the host of the clone URL gets it, not one that a submodule names: the question must end with that host, since a
 * user's name, or a path that git is set to tell, may read like anything.
 */
export function askpassScript({ cloneUrl }: Source): string {
	const [, scheme, host] = /^(https?:\/\/)(?:[^/@]*@)?([^/]+)/.exec(cloneUrl) ?? [];
	if (scheme === undefined) return "#!/bin/sh\nexit 1\n";
	const asksFor = (what: string) => quoted(`${what} for '${scheme}`);
	const atEnd = quoted(`@${host}': `);
	return `#!/bin/sh
case "$1" in
	${asksFor("Username")}${quoted(`${host}': `)}) printf '%s\\n' "\${SPILLWAY_GIT_USER:-x-access-token}" ;;
	${asksFor("Password")}*/*${atEnd}) exit 1 ;;
	${asksFor("Password")}*${atEnd}) printf '%s\\n' "$SPILLWAY_GIT_TOKEN" ;;
	*) exit 1 ;;
esac
`;
}

/** One commit if the server gives single ones away, else everything: some servers refuse what no ref points at. */
const fetchCommit = `if ! git fetch --quiet "\${depth[@]}" --no-tags -- "$url" "$commit"; then
	echo "The commit alone cannot be had; fetching all refs."
	refs=('+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*')
	git fetch --quiet --no-tags -- "$url" "\${refs[@]}" || exit ${exitCodes.unreachable}
	[ -z "$ref" ] || git cat-file -e "$commit^{commit}" 2>/dev/null || git fetch --quiet --no-tags -- "$url" "$ref" || true
	git cat-file -e "$commit^{commit}" || exit ${exitCodes.noCommit}
fi`;

const fetchRef = `if ! git fetch --quiet "\${depth[@]}" --no-tags -- "$url" "\${ref:-HEAD}"; then
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
