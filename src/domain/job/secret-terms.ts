// Which runs a secret is for. The rule is asked with each grant, the only place where a job is given a secret: so it holds for
// each attempt, whatever made it.
import type { RepositorySettings, Source, Submission, Trigger } from "./submission.ts";
import { fullRef, isForeignRef, matchesRefGlob } from "../text/ref-glob.ts";

export interface SecretTerms {
	/** Only for runs whose ref one of these matches; null: for any, also of no ref. */
	refs: string[] | null;
	/** Whether runs of forks get it too. */
	forks: boolean;
}

/** What is stored of a secret from before it had terms. */
export const secretTermsDefault: SecretTerms = { refs: null, forks: false };

/** What a run says of where it came from. `fork` absent: it was stored before that was kept. */
interface Origin {
	source: Source | null;
	trigger: Trigger;
	fork?: boolean | undefined;
}

/**
 * [B28] Whether a run is a fork's, decided when it is accepted, by its resolved source. A caller who may submit runs may vouch
 * for a pull request of the repository's own (`fork` false), and for no other clone URL.
 */
export function isForks(
	{ source, trigger, fork }: Pick<Submission, "trigger" | "fork"> & { source: Source | null },
	settings: Pick<RepositorySettings, "cloneUrl">,
): boolean {
	return isForeignSource(source, settings) || (fork ?? isForksByWord({ source, trigger }));
}

/** [B28] What the words of a run say, where nobody else said it. */
export function isForksByWord({ source, trigger }: Omit<Origin, "fork">): boolean {
	const ref = source?.ref ?? null;
	return trigger === "pull_request" || (ref !== null && isForeignRef(ref));
}

/** To the letter: of two spellings nobody knows that they are one place. A repository without a clone URL has no place of its own. */
function isForeignSource(source: Source | null, { cloneUrl: own }: Pick<RepositorySettings, "cloneUrl">): boolean {
	return Boolean(own && source?.cloneUrl) && source?.cloneUrl !== own;
}

/** [B27] [B29] Why a run's jobs may not have the secret now; null: they may. `settings` are the present ones. */
export function whyWithheld(
	name: string,
	{ refs, forks }: SecretTerms,
	{ run, settings }: { run: Origin; settings: Pick<RepositorySettings, "cloneUrl"> },
): string | null {
	const fork = run.fork ?? isForksByWord(run);
	if (!forks && fork) return `the secret "${name}" is not for runs of forks`;
	// Once its own, and no more: whoever has that place now need not be the repository's people.
	if (!forks && isForeignSource(run.source, settings)) {
		return `the secret "${name}" is not for runs of another clone URL than the repository's`;
	}
	if (refs === null) return null;
	const ref = run.source?.ref ?? null;
	if (ref === null) return `the secret "${name}" is for certain refs, and the run names none`;
	if (refs.some((glob) => matchesRefGlob(glob, ref))) return null;
	return `the secret "${name}" is not for the ref ${fullRef(ref)}`;
}
