// Names of refs, and globs over them. A short name is a branch's: `main` and `refs/heads/main` are one ref, in a glob as in a source.

/** As people write them; longer names of refs are rare. */
export const refGlobCharactersMax = 200;
/** What no ref may have in its name but `*` and `?`, so that a glob which means something elsewhere (`[a-z]`) is refused and not misread. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: git names them.
// biome-ignore lint/complexity/noUselessEscapeInRegex: where classes may stand in classes, as in Java, a bare bracket begins one.
export const refGlobPattern = /^[^\x00-\x20\x7f~^:\[\]\\]+$/;

/** The full name; a short one is a branch's, but for `heads/…` and `tags/…`, which git reads below `refs/` too. */
export function fullRef(ref: string): string {
	if (ref.startsWith("refs/")) return ref;
	return /^(heads|tags)\//.test(ref) ? `refs/${ref}` : `refs/heads/${ref}`;
}

/** Where hosts keep what forks ask them to take, also as git finds it by a name without `refs/`. */
const requestRefs = /^(refs\/)?(pull|pull-requests|merge-requests|changes)\//;

/**
 * Whether whoever has no right to write to the repository may have made what stands there: hosts keep requests of forks beside
 * branches and tags, in the repository itself.
 */
export function isForeignRef(ref: string): boolean {
	return requestRefs.test(ref) || !/^refs\/(heads|tags)\//.test(fullRef(ref));
}

/** `?` is one character and `*` any number of them, neither a slash; `**` is any number of any. Takes as long as both together are, multiplied. */
export function matchesRefGlob(glob: string, ref: string): boolean {
	const tokens = fullRef(glob).match(/\*\*+|./gsu) ?? [];
	const characters = [...fullRef(ref)];
	// Whether the tokens so far match so many characters.
	let reached = [true, ...characters.map(() => false)];
	for (const token of tokens) {
		const next = reached.map(() => false);
		for (let at = 0; at <= characters.length; at++) {
			const character = characters[at - 1];
			if (token[0] === "*") {
				const takes = at > 0 && next[at - 1] && (token.length > 1 || character !== "/");
				next[at] = Boolean(reached[at] || takes);
			} else if (at > 0) {
				const fits = token === "?" ? character !== "/" : token === character;
				next[at] = Boolean(reached[at - 1] && fits);
			}
		}
		reached = next;
	}
	return reached[characters.length] ?? false;
}
