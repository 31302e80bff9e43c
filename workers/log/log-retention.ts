// The end of sealed logs: a walk through the archive, a slice each minute, that deletes what has outlived its days. A walk
// needs no index (a row for each log would cost more), and it finds whatever an earlier one left half done.
import type { Millis } from "../../src/domain/ids.ts";
import { archiveKey, describe, logsPrefix, readArchiveKey } from "./archive.ts";
import { forgetCached } from "./archive-cache.ts";
import type { Env } from "../env.ts";
import { repoCalls } from "../bindings/stubs.ts";
import { report } from "../report.ts";

/** Where the walk is; an object of its own, since nothing else outlives the minute. */
const placeKey = "sweep/logs";
/** One list is 1,000 logs for $4.5 a million: five a minute walk through a million logs in three hours, for a dollar a month. */
const pagesMax = 5;
/** Each deletion is one call to a repository. */
const deletionsMax = 1_000;
const atOnce = 20;
/** From the end of one walk to the next: a log is deleted some hours late at most, in an archive of up to a million. */
const restMs = 60 * 60_000;

interface Place {
	after: string | null;
	notBefore: Millis;
}

export async function deleteOldLogs(env: Env, now: Millis): Promise<void> {
	const place = await loadPlace(env);
	if (now < place.notBefore) return;
	let { after } = place;
	let deleted = 0;
	for (let page = 0; page < pagesMax && deleted < deletionsMax; page++) {
		const listed = await env.ARCHIVE.list({
			prefix: logsPrefix,
			include: ["customMetadata"],
			...(after === null ? {} : { startAfter: after }),
		});
		const expired = listed.objects.filter(({ customMetadata }) => isExpired(customMetadata, now));
		deleted += await deleteAll(env, expired);
		after = listed.objects.at(-1)?.key ?? null;
		if (!listed.truncated || after === null) return savePlace(env, { after: null, notBefore: now + restMs });
	}
	await savePlace(env, { after, notBefore: now });
}

function isExpired(metadata: Record<string, string> | undefined, now: Millis): boolean {
	const expiresAt = metadata?.expiresAt;
	return expiresAt !== undefined && Number(expiresAt) <= now;
}

/** First the repository says `deleted`, then the log goes: what dies in between is found by the next walk. */
async function deleteAll(env: Env, objects: readonly R2Object[]): Promise<number> {
	let count = 0;
	for (let from = 0; from < objects.length; from += atOnce) {
		const marked = await Promise.allSettled(
			objects.slice(from, from + atOnce).map((object) => markDeleted(env, object)),
		);
		const keys = marked.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
		if (keys.length > 0) await env.ARCHIVE.delete(keys);
		await Promise.all(keys.map((key) => forgetCached(caches.default, key)));
		count += keys.length;
		const failed = marked.find((result) => result.status === "rejected");
		if (failed) report({ event: "log-not-deleted", cause: String(failed.reason) });
	}
	return count;
}

/** Resolves to the log's key once its repository says `deleted` of it. */
async function markDeleted(env: Env, object: R2Object): Promise<string> {
	const name = readArchiveKey(object.key);
	const { job, attempt, ...repository } = name;
	const { record } = describe(object);
	await repoCalls(env, repository).logSealed({ job, attempt, record: { ...record, state: "deleted" } });
	return archiveKey(name);
}

async function loadPlace(env: Env): Promise<Place> {
	const stored = await env.ARCHIVE.get(placeKey);
	return stored === null ? { after: null, notBefore: 0 } : await stored.json<Place>();
}

async function savePlace(env: Env, place: Place): Promise<void> {
	await env.ARCHIVE.put(placeKey, JSON.stringify(place));
}
