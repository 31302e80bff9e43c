// How old the read model is, as far as the objects in this isolate know: each repository's oldest change that it has not confirmed.
import type { RepositoryName } from "../../src/contracts/objects/objects.ts";
import { repoObjectName } from "../../src/contracts/wire/object-name.ts";
import type { Millis } from "../../src/domain/ids.ts";

/** Beyond it a repository is not looked at: as many as an isolate has objects, many times over. */
const repositoriesMax = 10_000;
/** By repository; null: it said that nothing is unconfirmed. */
const oldest = new Map<string, Millis | null>();

export function noteLag(name: RepositoryName, since: Millis | null): void {
	const key = repoObjectName(name);
	if (oldest.has(key) || oldest.size < repositoriesMax) oldest.set(key, since);
}

/** The worst in sight, in milliseconds: 0 where a repository said so and none waits, null where none has said anything. */
export function projectionLagMs(now: Millis): Millis | null {
	if (oldest.size === 0) return null;
	const first = [...oldest.values()].reduce<Millis>((least, since) => Math.min(least, since ?? now), now);
	return now - first;
}
