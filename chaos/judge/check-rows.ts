// The read model is the truth, once nothing changes any more.
import type { Run } from "../../src/contracts/http/run.ts";
import type { RunId } from "../../src/domain/ids.ts";
import type { Violation } from "./violation.ts";

export function checkRows(runs: ReadonlyMap<RunId, Run>, listed: ReadonlyMap<RunId, Run>): Violation[] {
	return [...runs.values()].flatMap(({ jobs: _, ...truth }): Violation[] => {
		const row = listed.get(truth.id);
		if (!row) return [{ kind: "row", run: truth.id, text: `${truth.title} is in no list` }];
		const differs = (Object.keys(truth) as (keyof typeof truth)[]).filter(
			(field) => JSON.stringify(truth[field]) !== JSON.stringify(row[field]),
		);
		if (differs.length === 0) return [];
		const text = differs.map((field) => `${field} ${JSON.stringify(row[field])} for ${JSON.stringify(truth[field])}`);
		return [{ kind: "row", run: truth.id, text: `the list shows ${truth.title} with ${text.join(", ")}` }];
	});
}
