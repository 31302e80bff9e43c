// What this process knows of repositories that have runs in the intake: for them alone a key is looked for there before the
// repository is asked, so that all others pay nothing. Another process may know of spills that this one does not: see decision 0043.
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import type { Millis } from "../../domain/ids.ts";

/** The bell rings again within a minute; past this the repository has the run, and knows its key, or is down still and is not asked. */
const rememberedMs = 10 * 60_000;
/** Past it all are forgotten: which ones spill next is not known. */
const repositoriesMax = 10_000;

export class KnownSpills {
	readonly #until = new Map<string, Millis>();

	note({ owner, repo }: RepositoryName, now: Millis): void {
		if (this.#until.size >= repositoriesMax) this.#until.clear();
		this.#until.set(`${owner}/${repo}`, now + rememberedMs);
	}

	mayHave({ owner, repo }: RepositoryName, now: Millis): boolean {
		return (this.#until.get(`${owner}/${repo}`) ?? 0) > now;
	}
}
