// The rows of the read model in D1, for a rebuild; and what the archive knows of an owner's repositories.
import type { ProjectionRows } from "../../src/operations/ports.ts";
import { closeGap } from "../../src/store/list-gaps.ts";
import {
	addPools,
	deleteRunRows,
	isRunRight,
	listRepositoryNames,
	listRunRows,
	listTokenRecords,
	selectRepositoryRow,
	selectRunRows,
	writeRepositoryRow,
	writeRunRows,
	writeTokenRows,
} from "../../src/store/rebuild.ts";
import { selectPools } from "../../src/store/runs.ts";
import type { Env } from "../env.ts";
import { intakePrefix } from "../intake/intake-store.ts";
import { logsPrefix } from "../log/archive.ts";
import { archivedRunsPrefix } from "../repo/repo-outside.ts";
import { database, reach } from "./read-model.ts";

export function projectionRows(env: Env): ProjectionRows {
	const db = database(env);
	return {
		repository: (name) => reach(() => selectRepositoryRow(db, name)),
		writeRepository: (name, row) => reach(() => writeRepositoryRow(db, name, row)),
		runs: async (name, ids) => {
			const rows = new Map((await reach(() => selectRunRows(db, ids))).map((row) => [row.id, row]));
			return {
				version: (run) => rows.get(run)?.version ?? null,
				isRight: (run) => {
					const row = rows.get(run.id);
					return row !== undefined && isRunRight(row, name, run, Date.now());
				},
			};
		},
		writeRuns: (name, rows) => reach(() => writeRunRows(db, name, rows)),
		places: (name, call) => reach(() => listRunRows(db, name, call)),
		deleteRuns: (rows) => reach(() => deleteRunRows(db, rows)),
		repositoryNames: (call) => reach(() => listRepositoryNames(db, call)),
		poolNames: async ({ owner, after, limit }) =>
			(await reach(() => selectPools(db, { owner, cursor: after, limit }))).items,
		tokens: (call) => reach(() => listTokenRecords(db, call)),
		addPools: (owner, pools) => reach(() => addPools(db, owner, pools)),
		writeTokens: (tokens) => reach(() => writeTokenRows(db, tokens)),
		closeGap: (owner, beganAt) => reach(() => closeGap(db, owner, beganAt)),
	};
}

export async function repositoriesInArchive({ ARCHIVE }: Env, owner: string): Promise<string[]> {
	const listed = [logsPrefix, archivedRunsPrefix, intakePrefix].map((kind) =>
		reach(() => ARCHIVE.list({ prefix: `${kind}${owner}/`, delimiter: "/" })),
	);
	const prefixes = (await Promise.all(listed)).flatMap(({ delimitedPrefixes }) => delimitedPrefixes);
	return [...new Set(prefixes.map((prefix) => prefix.split("/")[2] ?? ""))].filter((repo) => repo !== "").sort();
}
