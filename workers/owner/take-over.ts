// What the read model knew of an owner's repositories, pools and tokens before the owner's object kept them, by a version for which
// the read model was the only place. Taken over once; from then on the object is the truth.
import type { DrizzleD1Database } from "drizzle-orm/d1";
import { Outage } from "../../src/contracts/wire/outage.ts";
import { listRepositoryNames, listTokenRecords } from "../../src/store/rebuild.ts";
import { selectPools } from "../../src/store/runs.ts";
import type { OwnerTables } from "./owner-tables.ts";

/** Rows of one page. */
const pageMax = 1_000;

/** Broken off, it is begun anew. */
export async function takeOver(db: DrizzleD1Database, owner: string, tables: OwnerTables): Promise<void> {
	try {
		await eachPage(
			(after) => listRepositoryNames(db, { owner, after, limit: pageMax }),
			(repos) => tables.own(repos.map((name) => ({ kind: "repository", name }))),
			(repo) => repo,
		);
		await eachPage(
			async (after) => (await selectPools(db, { owner, cursor: after, limit: pageMax })).items,
			(pools) => tables.own(pools.map((name) => ({ kind: "pool", name }))),
			(pool) => pool,
		);
		await eachPage(
			(after) => listTokenRecords(db, { owner, after, limit: pageMax }),
			(tokens) => tables.own(tokens.map((token) => ({ kind: "token", name: token.id, token }))),
			(token) => token.id,
		);
	} catch (cause) {
		throw new Outage("the read model did not say what the owner has", { cause });
	}
	tables.tookOver(Date.now());
}

async function eachPage<T>(
	read: (after: string) => Promise<T[]>,
	keep: (page: T[]) => void,
	place: (item: T) => string,
): Promise<void> {
	for (let after = ""; ; ) {
		const page = await read(after);
		keep(page);
		const last = page.at(-1);
		if (last === undefined || page.length < pageMax) return;
		after = place(last);
	}
}
