// What the read model knew of an owner's repositories, pools and tokens before the owner's object kept them, by a version for which
// the read model was the only place. Taken over once; from then on the object is the truth.
import { Outage } from "../../contracts/wire/outage.ts";
import type { OwnedTables } from "./owned-tables.ts";
import type { OwnerRows, PageCall } from "./owner-ports.ts";

/** Rows of one page. */
const pageMax = 1_000;

/** Broken off, it is begun anew. Throws an `Outage` where the read model does not answer. */
export async function takeOver(rows: OwnerRows, owner: string, tables: OwnedTables): Promise<void> {
	const page = (after: string): PageCall => ({ owner, after, limit: pageMax });
	try {
		await eachPage(
			(after) => rows.repositoryNames(page(after)),
			(repos) => tables.own(repos.map((name) => ({ kind: "repository", name }))),
			(repo) => repo,
		);
		await eachPage(
			(after) => rows.poolNames(page(after)),
			(pools) => tables.own(pools.map((name) => ({ kind: "pool", name }))),
			(pool) => pool,
		);
		await eachPage(
			(after) => rows.tokens(page(after)),
			(tokens) => tables.own(tokens.map((token) => ({ kind: "token", name: token.id, token }))),
			(token) => token.id,
		);
	} catch (cause) {
		throw new Outage("the read model did not say what the owner has", { cause });
	}
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
