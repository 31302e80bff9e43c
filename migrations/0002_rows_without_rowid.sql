-- A text key beside a hidden rowid makes two rows of each; these two tables are written with every job, and each row has a price.
CREATE TABLE `run_keyed` (
	`id` text PRIMARY KEY NOT NULL,
	`owner` text NOT NULL,
	`repo` text NOT NULL,
	`state` text NOT NULL,
	`outcome` text,
	`ref` text,
	`actor` text NOT NULL,
	`created_at` integer NOT NULL,
	`version` integer NOT NULL,
	`doc` text NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
INSERT INTO `run_keyed` SELECT `id`, `owner`, `repo`, `state`, `outcome`, `ref`, `actor`, `created_at`, `version`, `doc` FROM `run`;
--> statement-breakpoint
DROP TABLE `run`;
--> statement-breakpoint
ALTER TABLE `run_keyed` RENAME TO `run`;
--> statement-breakpoint
CREATE INDEX `run_newest` ON `run` (`owner`,`repo`,`created_at`,`id`);
--> statement-breakpoint
CREATE INDEX `run_unfinished` ON `run` (`owner`,`repo`) WHERE state <> 'finished';
--> statement-breakpoint
CREATE TABLE `job_keyed` (
	`id` text PRIMARY KEY NOT NULL,
	`run` text NOT NULL,
	`key` text NOT NULL,
	`name` text NOT NULL,
	`state` text NOT NULL,
	`outcome` text,
	`attempts` integer NOT NULL,
	`created_at` integer NOT NULL,
	`finished_at` integer,
	`version` integer NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
INSERT INTO `job_keyed` SELECT `id`, `run`, `key`, `name`, `state`, `outcome`, `attempts`, `created_at`, `finished_at`, `version` FROM `job`;
--> statement-breakpoint
DROP TABLE `job`;
--> statement-breakpoint
ALTER TABLE `job_keyed` RENAME TO `job`;
