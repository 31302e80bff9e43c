// How secrets are sealed at rest: each by its owner's data key, and that by the Worker's, which no engine sees. A value comes here
// sealed by the Worker's key directly, as all were before there were data keys; the object that keeps it seals it anew.
import type { DataKey, Resealed, SealedSecret } from "../contracts/objects/secrets.ts";

/** Where a secret belongs: what is moved to another place does not open there. `repo` null: it is the owner's. */
export interface SecretPlace {
	owner: string;
	repo: string | null;
	name: string;
}

/** Synchronous, since a turn of an object may not wait. */
export interface SecretSealer {
	/** Throws when the Worker's key is gone or the value was changed or moved. */
	open(place: SecretPlace, sealed: string): string;
	/** Throws when the Worker's key that sealed the data key is gone. */
	seal(key: DataKey, place: SecretPlace, value: string): string;
	makeDataKey(owner: string, version: number): DataKey;
	/** The same key, sealed by the Worker's first one. Throws as `seal` does. */
	rewrapDataKey(owner: string, key: DataKey): DataKey;
	/** By which keys it is sealed; `dataKey` null: by the Worker's directly. */
	sealedBy(sealed: string): { sealingKey: string; dataKey: number | null };
	/** Ids of the Worker's keys; the first seals. */
	sealingKeys(): string[];
}

/** In one string, which no other place has: neither an owner nor a repository has a slash in its name. */
export function placeText({ owner, repo, name }: SecretPlace): string {
	return `${owner}/${repo ?? ""}/${name}`;
}

/** Sealed by this key, if it is not yet; null when it does not open. */
export function sealAnew(sealer: SecretSealer, key: DataKey, place: SecretPlace, sealed: string): string | null {
	if (isSealedSo(sealer, key, sealed)) return sealed;
	try {
		return sealer.seal(key, place, sealer.open(place, sealed));
	} catch {
		// The cause may quote the value.
		return null;
	}
}

function isSealedSo(sealer: SecretSealer, key: DataKey, sealed: string): boolean {
	const by = sealer.sealedBy(sealed);
	return by.dataKey === key.version && by.sealingKey === sealer.sealedBy(key.wrapped).sealingKey;
}

/** What an object keeps of its secrets, for sealing them anew. */
interface Kept {
	/** By name, after one name. */
	after(name: string, limit: number): SealedSecret[];
	/** Only in place of `before`: what was set meanwhile stays. */
	replace(name: string, sealed: { before: string; after: string }): void;
}

/** [B34] One slice of an object's secrets, by name. Done again it changes nothing. */
export function resealSlice(
	{ sealer, key, kept }: { sealer: SecretSealer; key: DataKey; kept: Kept },
	place: Omit<SecretPlace, "name">,
	{ after, limit }: { after: string; limit: number },
): Resealed {
	const slice = kept.after(after, limit);
	const done: Resealed = { resealed: 0, right: 0, unreadable: [], sealingKeys: {}, next: null };
	for (const { name, sealed: before } of slice) {
		const sealed = sealAnew(sealer, key, { ...place, name }, before);
		if (sealed === null) done.unreadable.push(name);
		else if (sealed === before) done.right++;
		else {
			kept.replace(name, { before, after: sealed });
			done.resealed++;
		}
		const { sealingKey } = sealer.sealedBy(sealed ?? before);
		done.sealingKeys[sealingKey] = (done.sealingKeys[sealingKey] ?? 0) + 1;
	}
	return { ...done, next: slice.length < limit ? null : (slice.at(-1)?.name ?? null) };
}
