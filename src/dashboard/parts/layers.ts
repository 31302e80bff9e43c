// Where the jobs of a run stand in its graph: a job one column right of the last that it needs. Within a column in the order of
// the run. Jobs that need nothing, and cycles that cannot be, stand in the first.

export interface Placed {
	key: string;
	column: number;
	row: number;
}

/** By key, in the order given. Needs of unknown jobs count for nothing. */
export function placeJobs(jobs: readonly { key: string; needs: readonly string[] }[]): Placed[] {
	const byKey = new Map(jobs.map((job) => [job.key, job]));
	const columns = new Map<string, number>();
	const columnOf = (key: string): number => {
		const known = columns.get(key);
		if (known !== undefined) return known;
		// Set first: a cycle ends here.
		columns.set(key, 0);
		const needs = (byKey.get(key)?.needs ?? []).filter((need) => byKey.has(need));
		const column = needs.length === 0 ? 0 : 1 + Math.max(...needs.map(columnOf));
		columns.set(key, column);
		return column;
	};
	const rows: number[] = [];
	return jobs.map(({ key }) => {
		const column = columnOf(key);
		const row = rows[column] ?? 0;
		rows[column] = row + 1;
		return { key, column, row };
	});
}
