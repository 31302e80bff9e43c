// No two live leases of one job, by what the runners were answered; and no two jobs of one concurrency group at once, by what the
// jobs themselves wrote down.
import type { LeaseId } from "../../src/domain/ids.ts";
import { parseJobId } from "../../src/domain/ids.ts";
import type { Entry, Started } from "../runners/journal.ts";
import type { Violation } from "./violation.ts";

type Finished = Extract<Entry, { what: "finished" }>;

export function checkLeases(entries: readonly Entry[]): Violation[] {
	const starts = entries.filter((entry): entry is Started => entry.what === "started");
	const finishes = entries.filter((entry): entry is Finished => entry.what === "finished");
	return [...Map.groupBy(starts, ({ job }) => job).values()].flatMap((leases) => checkJobLeases(leases, finishes));
}

function checkJobLeases(starts: readonly Started[], finishes: readonly Finished[]): Violation[] {
	const found: Violation[] = [];
	const say = ({ job }: Started, text: string) =>
		found.push({ kind: "two-leases", run: parseJobId(job)?.run ?? null, text });
	for (const [at, one] of starts.entries()) {
		for (const other of starts.slice(at + 1)) {
			if (one.lease === other.lease) {
				if (one.runner !== other.runner) say(one, `${one.lease} was started by ${one.runner} and ${other.runner}`);
				continue;
			}
			const [earlier, later] = epochOf(one.lease) < epochOf(other.lease) ? [one, other] : [other, one];
			if (earlier.attempt === later.attempt) say(one, `attempt ${one.attempt} is ${one.lease}'s and ${other.lease}'s`);
			// Whatever is sent after a later lease was live, by an earlier one, is stale.
			if (earlier.sentAt > later.at) say(one, `${earlier.lease} was started after ${later.lease} was`);
			const finish = finishes.find(({ lease }) => lease === earlier.lease);
			if (finish && finish.sentAt > later.at)
				say(one, `${earlier.lease} was finished after ${later.lease} was started`);
		}
	}
	return found;
}

function epochOf(lease: LeaseId): number {
	return Number(lease.slice(lease.lastIndexOf(".") + 1));
}

/** Each line is of one attempt that runs at that moment. Once another one writes, the first has stopped. */
export function checkGroup(lines: readonly string[]): Violation[] {
	const blocks = lines.filter((line, at) => line !== lines[at - 1]);
	const twice = new Set(blocks.filter((line, at) => blocks.indexOf(line) !== at));
	return [...twice].map((attempt) => {
		const job = attempt.slice(0, attempt.lastIndexOf("."));
		return {
			kind: "two-leases",
			run: parseJobId(job)?.run ?? null,
			text: `${attempt} still ran when another had begun`,
		};
	});
}
