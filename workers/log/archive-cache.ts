// The part of an archive that every reader begins with, kept near the readers: most logs are no longer than that part, so a
// log that many look at costs R2 one read an hour and place. What is sealed never changes; only its end may be seen late.

/** How long a log that was deleted may still be shown where it was just read. */
const keptSeconds = 3_600;
const factsHeader = "X-Archive-Facts";

/** What every reader begins with: the facts, and the object's end with the index and, of most logs, everything. */
export interface Opened {
	size: number;
	customMetadata: Record<string, string>;
	end: Uint8Array;
}

export interface EdgeCache {
	cache: Cache;
	later(work: Promise<unknown>): void;
}

/** What is not there is not remembered: a log may be sealed at any moment. */
export async function openCached(
	{ cache, later }: EdgeCache,
	key: string,
	open: () => Promise<Opened | null>,
): Promise<Opened | null> {
	const url = urlOf(key);
	const known = await cache.match(url).catch(() => undefined);
	const facts = known?.headers.get(factsHeader);
	if (known && facts) return { ...JSON.parse(facts), end: new Uint8Array(await known.arrayBuffer()) };
	const opened = await open();
	if (opened !== null) {
		const { end, ...rest } = opened;
		const headers = { "Cache-Control": `max-age=${keptSeconds}`, [factsHeader]: JSON.stringify(rest) };
		later(cache.put(url, new Response(end, { headers })).catch(() => undefined));
	}
	return opened;
}

/** In this place only: elsewhere it is forgotten in time. */
export async function forgetCached(cache: Cache, key: string): Promise<void> {
	await cache.delete(urlOf(key)).catch(() => undefined);
}

/** Of no host that anybody can ask: who may read a log was decided before. */
function urlOf(key: string): string {
	return `https://archive.invalid/${key}`;
}
