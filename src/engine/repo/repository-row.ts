// The one row that says whose repository this is: its name and settings, the number of its next run, its budget for automatic
// retries. One row, since a run's acceptance writes its number anyway and what stands beside it costs nothing more.
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import type { Millis, RunId } from "../../domain/ids.ts";
import type { BudgetMinute } from "../../domain/job/budget.ts";
import type { LimitSettings } from "../../domain/limit/limit-table.ts";
import type { RateBucket } from "../../domain/limit/token-bucket.ts";
import { settingsDefaults } from "../../domain/job/submission.ts";
import type { RepositorySettings } from "../../domain/job/submission.ts";
import type { Sql, Storage } from "../ports.ts";
import { bringForward } from "../table-versions.ts";
import { repoTables } from "./repo-schema.ts";

export interface ConfiguredRepository extends RepositoryName {
	settings: RepositorySettings;
}

export class RepositoryRow {
	readonly #storage: Storage;
	readonly #sql: Sql;

	constructor(storage: Storage) {
		this.#storage = storage;
		this.#sql = storage.sql;
	}

	/** Null until the repository is configured: an object whose name a stranger guesses stays empty [W1]. */
	load(): ConfiguredRepository | null {
		if (this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'repository'").toArray().length === 0) return null;
		const from = this.#sql.exec<{ schema: number }>("SELECT schema FROM repository").toArray()[0]?.schema;
		if (from === undefined) return null;
		const saved = (to: number) => this.#sql.exec("UPDATE repository SET schema = ?", to);
		bringForward(this.#storage, repoTables, { from, saved });
		const row = this.#sql
			.exec<{ owner: string; repo: string; settings: string }>("SELECT owner, repo, settings FROM repository")
			.one();
		// What was stored before a setting existed takes its default.
		const settings = { ...settingsDefaults, ...JSON.parse(row.settings) };
		return { owner: row.owner, repo: row.repo, settings };
	}

	save({ settings }: ConfiguredRepository): void {
		this.#sql.exec("UPDATE repository SET settings = ?, told = 0", JSON.stringify(settings));
	}

	/** Makes the tables. `now` is the engine's clock and not SQLite's: from it the archive's first round is a day away. */
	create({ owner, repo, settings }: ConfiguredRepository, now: Millis): void {
		for (const version of repoTables.versions) this.#sql.exec(version);
		this.#sql.exec(
			"INSERT INTO repository VALUES (1, ?, ?, ?, ?, 1, '[]', ?, 0, '[]', '{}', NULL)",
			repoTables.versions.length,
			owner,
			repo,
			JSON.stringify(settings),
			now,
		);
	}

	/** The number of the next run: from 1, without a gap, since only an accepted run takes it. */
	nextNumber(): number {
		return this.#sql.exec<{ number: number }>("SELECT next_number AS number FROM repository").one().number;
	}

	/** The runs accepted last, the newest first: each has the number below the one before it. */
	recentRuns(): RunId[] {
		return JSON.parse(this.#sql.exec<{ recent: string }>("SELECT recent FROM repository").one().recent);
	}

	/** All stand in one row, so that to know the last runs, and how many came of late, costs nothing. */
	saveNextNumber(number: number, { recent, bucket }: { recent: readonly RunId[]; bucket: RateBucket }): void {
		const values = [number, JSON.stringify(recent), JSON.stringify(bucket)];
		this.#sql.exec("UPDATE repository SET next_number = ?, recent = ?, run_bucket = ?", ...values);
	}

	/** What is left of the runs of a minute; null: none was counted yet. */
	runBucket(): RateBucket | null {
		return JSON.parse(
			this.#sql.exec<{ bucket: string | null }>("SELECT run_bucket AS bucket FROM repository").one().bucket ?? "null",
		);
	}

	limits(): LimitSettings {
		return JSON.parse(this.#sql.exec<{ limits: string }>("SELECT limits FROM repository").one().limits);
	}

	saveLimits(limits: LimitSettings): void {
		this.#sql.exec("UPDATE repository SET limits = ?", JSON.stringify(limits));
	}

	/** As of the last retry: starts since then are in memory alone [R8]. */
	budget(): BudgetMinute[] {
		return JSON.parse(this.#sql.exec<{ budget: string }>("SELECT budget FROM repository").one().budget);
	}

	saveBudget(minutes: readonly BudgetMinute[]): void {
		this.#sql.exec("UPDATE repository SET budget = ?", JSON.stringify(minutes));
	}

	isConfirmed(): boolean {
		return this.#sql.exec("SELECT 1 FROM repository WHERE told = 1").toArray().length > 0;
	}

	confirm(): void {
		this.#sql.exec("UPDATE repository SET told = 1");
	}
}
