CREATE TABLE `job` (
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
);
--> statement-breakpoint
CREATE TABLE `pool` (
	`owner` text NOT NULL,
	`pool` text NOT NULL,
	PRIMARY KEY(`owner`, `pool`)
);
--> statement-breakpoint
CREATE TABLE `repository` (
	`owner` text NOT NULL,
	`repo` text NOT NULL,
	`version` integer NOT NULL,
	`doc` text NOT NULL,
	PRIMARY KEY(`owner`, `repo`)
);
--> statement-breakpoint
CREATE TABLE `run` (
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
);
--> statement-breakpoint
CREATE INDEX `run_newest` ON `run` (`owner`,`repo`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `run_unfinished` ON `run` (`owner`,`repo`) WHERE state <> 'finished';--> statement-breakpoint
CREATE TABLE `token` (
	`id` text PRIMARY KEY NOT NULL,
	`owner` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	`revoked_at` integer,
	`doc` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `token_owner` ON `token` (`owner`,`created_at`);--> statement-breakpoint
CREATE INDEX `token_revoked` ON `token` (`revoked_at`);