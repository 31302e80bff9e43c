-- Nobody read this table, and each change of a job wrote it. A consumer of the version before fails until the new one is there.
DROP TABLE `job`;--> statement-breakpoint
ALTER TABLE `repository` ADD `behind_until` integer DEFAULT 0 NOT NULL;
