// Many calls at once for one owner, and one of another owner beside them: who waits for whom, what is shed, and what never is. Real
// requests through the front door; orders and counts, never times.
import { expect, it } from "vitest";

import { callLimits } from "../../src/domain/overload/overload-limits.ts";
import { aRepo, fetchRaw, job, send } from "./api-fixture.ts";
import type { Call, Place } from "./api-fixture.ts";

const flood = 200;
/** Those in work when the other owner's call comes, and those that end while it is in work itself. */
const aheadMax = 2 * callLimits.ownerCost;

interface Ended {
	order: string[];
	statuses: Record<string, number[]>;
}

/** Sends all at once, in this order; tells in which order they were answered. */
async function together(calls: { who: string; method: string; path: string; call?: Call }[]): Promise<Ended> {
	const order: string[] = [];
	const statuses: Record<string, number[]> = {};
	await Promise.all(
		calls.map(async ({ who, method, path, call }) => {
			const answer = await fetchRaw(method, path, call);
			await answer.arrayBuffer();
			order.push(who);
			statuses[who] = [...(statuses[who] ?? []), answer.status];
		}),
	);
	return { order, statuses };
}

const times = <T>(count: number, each: T): T[] => Array.from({ length: count }, () => each);
const submission = ({ path }: Place) => ({
	method: "POST",
	path: `${path}/runs`,
	call: { body: { jobs: [job("a")] } },
});

async function twoOwners() {
	const [hammered, other] = [await aRepo(), await aRepo()];
	await send("POST", `${other.path}/runs`, { body: { jobs: [job("a")] } });
	return { hammered, other };
}

it("[V1] a submission waits for a few of the calls of another owner's flood, whatever that is of", async () => {
	const { hammered, other } = await twoOwners();
	const kinds = {
		submissions: submission(hammered),
		lists: { method: "GET", path: `${hammered.path}/runs` },
		jobs: { method: "GET", path: `${hammered.path}/queue` },
		acts: { method: "PUT", path: `${hammered.path}/secrets/KEY`, call: { body: { value: "12345678" } } },
	};
	for (const [kind, call] of Object.entries(kinds)) {
		const calls = [...times(flood, { who: "flood", ...call }), { who: "other", ...submission(other) }];
		const { order, statuses } = await together(calls);
		expect(statuses.other, kind).toEqual([201]);
		const done = order.slice(0, order.indexOf("other"));
		expect(done.length, `${kind}: answered before the other owner's`).toBeLessThanOrEqual(aheadMax);
	}
});
