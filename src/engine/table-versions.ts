// The versions of an object's tables: each is applied once, in order, forward only, and the object's own row says how many were.
// What is released never changes: another version is added after it. A build that finds more than it knows touches nothing.
import { Outage } from "../contracts/wire/outage.ts";
import type { Storage } from "./ports.ts";

/** Whose tables they are, as it is told to people. */
export interface TableVersions {
	of: string;
	versions: readonly string[];
}

/** All of them, or none when one fails: an object that stops in the middle would be of no version at all. */
export function bringForward(
	storage: Pick<Storage, "sql" | "transactionSync">,
	tables: TableVersions,
	{ from, saved }: { from: number; saved: (to: number) => void },
): void {
	refuseNewer(tables, from);
	const { versions } = tables;
	if (from === versions.length) return;
	storage.transactionSync(() => {
		for (const version of versions.slice(from)) storage.sql.exec(version);
		saved(versions.length);
	});
}

/** [X27] Nobody can know what is missing from a newer one: an outage, until a build that knows it is back. */
export function refuseNewer({ of, versions }: TableVersions, found: number): void {
	if (found <= versions.length) return;
	throw new Outage(`the tables of this ${of} are of version ${found}, and this build knows ${versions.length}`);
}
