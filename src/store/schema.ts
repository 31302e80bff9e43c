// D1: the audit, and the projection of runs, repositories, pools and tokens, whose truth is in the objects. Rows of runs and
// repositories have a version that only grows; what comes late or twice changes nothing. Lists read columns, answers carry documents.
import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const repositories = sqliteTable(
	"repository",
	{
		owner: text().notNull(),
		repo: text().notNull(),
		/** When it was changed, epoch milliseconds: its version. */
		version: integer().notNull(),
		doc: text().notNull(),
		/** Until then its lists say that they are behind: the repository could not tell all that changed. */
		behindUntil: integer("behind_until").notNull().default(0),
		/** Since when they are, as the repository knows it: its oldest change that did not come here. */
		behindSince: integer("behind_since").notNull().default(0),
	},
	(table) => [primaryKey({ columns: [table.owner, table.repo] })],
);

export const runs = sqliteTable(
	"run",
	{
		id: text().primaryKey(),
		owner: text().notNull(),
		repo: text().notNull(),
		state: text().notNull(),
		outcome: text(),
		ref: text(),
		actor: text().notNull(),
		createdAt: integer("created_at").notNull(),
		version: integer().notNull(),
		doc: text().notNull(),
	},
	(table) => [
		index("run_newest").on(table.owner, table.repo, table.createdAt, table.id),
		// For the sweep alone: a finished run leaves it.
		index("run_unfinished").on(table.owner, table.repo).where(sql`state <> 'finished'`),
	],
);

export const pools = sqliteTable("pool", { owner: text().notNull(), pool: text().notNull() }, (table) => [
	primaryKey({ columns: [table.owner, table.pool] }),
]);

export const tokens = sqliteTable(
	"token",
	{
		id: text().primaryKey(),
		owner: text().notNull(),
		createdAt: integer("created_at").notNull(),
		expiresAt: integer("expires_at"),
		revokedAt: integer("revoked_at"),
		doc: text().notNull(),
	},
	(table) => [index("token_owner").on(table.owner, table.createdAt)],
);

/**
 * Since when lists may lack rows that were there: the database was lost, and not all of it was rebuilt. `owner` empty: the lists
 * of all owners but of those that have a row of their own. `since` 0: the owner's lists were rebuilt, and lack nothing.
 */
export const listGaps = sqliteTable("list_gap", { owner: text().primaryKey(), since: integer().notNull() });

/** Null `owner`: of the whole installation. */
export const audit = sqliteTable(
	"audit",
	{
		id: text().primaryKey(),
		owner: text(),
		at: integer().notNull(),
		actor: text().notNull(),
		action: text().notNull(),
		doc: text().notNull(),
	},
	(table) => [index("audit_owner").on(table.owner, table.at, table.id), index("audit_newest").on(table.at, table.id)],
);
