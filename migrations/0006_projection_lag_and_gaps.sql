CREATE TABLE `list_gap` (
	`owner` text PRIMARY KEY NOT NULL,
	`since` integer NOT NULL
);
--> statement-breakpoint
ALTER TABLE `repository` ADD `behind_since` integer DEFAULT 0 NOT NULL;