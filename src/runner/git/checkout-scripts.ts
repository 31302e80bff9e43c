// The scripts that fetch exactly one commit, and the history and refs that the job asks for. Git's own words stay in the log;
// the exit code says which fact ended a script. Nothing of a URL, ref or commit is taken for an option, nobody is asked for a
// password, and nothing that the repository or the cache has in it is run: no hook, no file system monitor, no template.
import type { CheckoutSource } from "./checkout-reason.ts";
import { exitCodes } from "./checkout-reason.ts";
import type { CheckoutWishes } from "./checkout-wishes.ts";
import { quoted } from "../process/shell-quote.ts";

export interface CheckoutPlan {
	source: CheckoutSource;
	wishes: CheckoutWishes;
	/** Where the commit that was found is written, for the next script and for the report. */
	commitFile: string;
	/** The bare repository that is kept between jobs; null: none. */
	cache: string | null;
	isIsolated: boolean;
}

/** Packs, one for each fetch, at which the cache is put in order, and the commits that are kept then. */
const cachePacksMax = 50;
const cacheCommitsKept = 100;

/** What the cache is set to is written anew each time: a job that could write there must not set what git runs. */
const cacheConfig = `[core]
	repositoryformatversion = 0
	filemode = true
	bare = true
[gc]
	auto = 0
[fetch]
	unpackLimit = 1
[uploadpack]
	allowAnySHA1InWant = true
`;

/**
 * Brings what is wanted into the cache: nobody else may do so at the same time. A commit that is there already costs no
 * network, unless refs are wanted too. The cache is as shallow as the jobs that filled it, and deepens when one asks for more.
 */
export function cacheScript(plan: CheckoutPlan & { cache: string }): string {
	const { source, cache, commitFile } = plan;
	const missing = source.commit === null ? exitCodes.noRef : exitCodes.noCommit;
	return `${beginning(plan)}
cache=${quoted(cache)}
cached() { own --git-dir="$cache" "$@"; }
settle() { printf '%s' ${quoted(cacheConfig)} > "$cache/config"; }
anew() {
	rm -rf -- "$cache"
	own init --bare --quiet --template= "$cache"
	settle
}
${deepen}
${source.commit === null ? fetchRefToCache : fetchCommitToCache}
[ -d "$cache" ] && settle 2>/dev/null && cached rev-parse --is-bare-repository >/dev/null 2>&1 || anew
touch "$cache"
# Of a job that was killed: nobody else is here now.
find "$cache" -name '*.lock' -delete
if ! bring; then
	cached fsck --connectivity-only >/dev/null 2>&1 && exit ${missing}
	echo "The cache of this repository is broken; making it anew."
	anew
	bring || exit ${missing}
fi
commit=$(cached rev-parse --verify --quiet "$commit^{commit}") || exit ${missing}
cached update-ref "refs/commits/$commit" "$commit"
printf '%s' "$commit" > ${quoted(commitFile)}
packs=("$cache"/objects/pack/*.pack)
if [ "\${#packs[@]}" -gt ${cachePacksMax} ]; then
	cached for-each-ref --sort=-committerdate --format='delete %(refname)' refs/commits | tail -n +${cacheCommitsKept} | cached update-ref --stdin
	cached gc --quiet --prune=now || true
fi
`;
}

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
}
refs=()
[ "$heads" = false ] || refs+=('+refs/heads/*:refs/heads/*')
[ "$tags" = false ] || refs+=('+refs/tags/*:refs/tags/*')
bring_refs() {
	[ "\${#refs[@]}" -gt 0 ] || return 0
	cached fetch --quiet --prune "\${how[@]}" --no-tags -- "$url" "\${refs[@]}" || { reach; return 1; }
	[ "$heads" = false ] || how=()
}`;

const fetchCommitToCache = `has() { cached cat-file -e "$commit^{tree}" 2>/dev/null; }
bring() {
	if [ "\${#refs[@]}" -eq 0 ] && has; then
		[ "\${depth[*]}" = --depth=1 ] && return
		[ "$(cached rev-parse --is-shallow-repository)" = true ] || return 0
	fi
	deepen
	bring_refs || return
	[ "$heads" = true ] && has && return
	cached fetch --quiet "\${how[@]}" --no-tags -- "$url" "+$commit:refs/commits/$commit" && return
	reach
	echo "The commit alone cannot be had; fetching all refs."
	cached fetch --quiet --no-tags -- "$url" '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*' || return
	[ -z "$ref" ] || has || cached fetch --quiet --no-tags -- "$url" "+$ref" || true
	has
}`;

const fetchRefToCache = `bring() {
	deepen
	bring_refs || return
	cached fetch --quiet "\${how[@]}" --no-tags -- "$url" "+\${ref:-HEAD}" || { reach; return 1; }
	commit=$(cached rev-parse 'FETCH_HEAD^{commit}')
}`;

/** Leaves the commit it found in the job's folder, for the steps and for the report. */
export function checkoutScript(plan: CheckoutPlan): string {
	const { source, wishes, cache, commitFile, isIsolated } = plan;
	const direct = `${fetchRefs}\n${source.commit === null ? fetchRef : fetchCommit}`;
	return `${beginning(plan)}
own -c init.defaultBranch=main init --quiet --template= .
mkdir -p .git/info .git/hooks
own config remote.origin.url "$url"
own config remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'
refs=()
[ "$heads" = false ] || refs+=('+refs/heads/*:refs/remotes/origin/*')
[ "$tags" = false ] || refs+=('+refs/tags/*:refs/tags/*')
${cache === null ? direct : fetchFromCache({ commitFile, cache, direct })}
commit=$(own rev-parse --verify --quiet "$commit^{commit}") || exit ${exitCodes.noCommit}
${sparseScript(wishes.sparse)}
own -c advice.detachedHead=false checkout --quiet --detach "$commit"
[ "$(own rev-parse HEAD)" = "$commit" ] || exit ${exitCodes.wrongHead}
${submoduleScript(wishes.submodules, isIsolated)}
${wishes.lfs ? lfsScript : ""}
printf '%s' "$commit" > ${quoted(commitFile)}
own log -1 --format='%H %s'
`;
}

/** Where steps are isolated, a submodule is none of the machine's files: git would read them for the job, outside of its sandbox. */
function submoduleScript(submodules: CheckoutWishes["submodules"], isIsolated: boolean): string {
	if (submodules === "none") return "";
	const protocols = isIsolated ? "GIT_ALLOW_PROTOCOL=git:http:https:ssh " : "";
	const recursive = submodules === "recursive" ? " --recursive" : "";
	return `${protocols}own submodule --quiet update --init${recursive} "\${depth[@]}" || exit ${exitCodes.submodules}`;
}

/** No hooks: they would be the job's to run, with a program that its sandbox may not have. */
const lfsScript = `git lfs version >/dev/null 2>&1 || exit ${exitCodes.noLfs}
git lfs install --local --skip-repo >/dev/null
git lfs pull origin || exit ${exitCodes.lfs}`;

/** A folder that is not there is said and passed over: another commit may have it. */
function sparseScript(folders: string[]): string {
	const paths = folders.map((folder) => folder.replace(/^(?:\.?\/)+|\/+$/g, "")).filter((path) => path !== "");
	if (paths.length === 0) return "";
	return `sparse=(${paths.map(quoted).join(" ")})
for path in "\${sparse[@]}"; do
	case $(own cat-file -t "$commit:$path" 2>/dev/null || true) in
	tree) ;;
	'') echo "SPILLWAY_GIT_SPARSE: there is no folder $path in $commit." ;;
	*) echo "SPILLWAY_GIT_SPARSE: $path is no folder."; exit ${exitCodes.noFolder} ;;
	esac
done
printf '%s\\n' "\${sparse[@]}" | own sparse-checkout set --cone --stdin`;
}

/** A copy, not a reference: what a job has must not change when the cache does, and a container may not see the cache. By its
 * path and not as a URL, of which git would decode a part. */
function fetchFromCache({ commitFile, cache, direct }: { commitFile: string; cache: string; direct: string }): string {
	return `commit=$(cat ${quoted(commitFile)})
if ! GIT_ALLOW_PROTOCOL=file own fetch --quiet "\${depth[@]}" --no-tags -- ${quoted(cache)} "\${refs[@]}" "$commit"; then
	echo "The cache of this repository is broken; fetching from its origin."
	rm -rf -- ${quoted(cache)}
	${direct.replaceAll("\n", "\n\t")}
fi`;
}

/** When the runner dies, so does all of this: its end of the pipe is closed then. A stop ends the script with what it runs. */
function beginning({ source, wishes }: CheckoutPlan): string {
	return `exec 3<&0 </dev/null 2>&1
( read -r _ <&3; kill -KILL 0 ) >/dev/null 2>&1 &
exec 3<&-
trap 'exit 143' TERM
url=${quoted(source.cloneUrl)} ref=${quoted(source.ref ?? "")} commit=${quoted(source.commit ?? "")}
heads=${wishes.depth === null} tags=${wishes.tags}
depth=(${wishes.depth === null ? "" : `--depth=${wishes.depth}`})
own() { git -c core.hooksPath=/dev/null -c core.fsmonitor=false "$@"; }
reach() { own ls-remote --quiet -- "$url" HEAD >/dev/null || exit ${exitCodes.unreachable}; }`;
}

const fetchRefs = `if [ "\${#refs[@]}" -gt 0 ]; then
	own fetch --quiet "\${depth[@]}" --no-tags -- "$url" "\${refs[@]}" || exit ${exitCodes.unreachable}
fi`;

/** One commit if the server gives single ones away, else everything: some servers refuse what no ref points at. */
const fetchCommit = `if ! own cat-file -e "$commit^{tree}" 2>/dev/null && ! own fetch --quiet "\${depth[@]}" --no-tags -- "$url" "$commit"; then
	reach
	echo "The commit alone cannot be had; fetching all refs."
	every=('+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*')
	own fetch --quiet --no-tags -- "$url" "\${every[@]}" || exit ${exitCodes.unreachable}
	[ -z "$ref" ] || own cat-file -e "$commit^{commit}" 2>/dev/null || own fetch --quiet --no-tags -- "$url" "+$ref" || true
	own cat-file -e "$commit^{commit}" || exit ${exitCodes.noCommit}
fi`;

const fetchRef = `if ! own fetch --quiet "\${depth[@]}" --no-tags -- "$url" "+\${ref:-HEAD}"; then
	reach
	exit ${exitCodes.noRef}
fi
commit=$(own rev-parse 'FETCH_HEAD^{commit}')`;
