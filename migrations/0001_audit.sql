CREATE TABLE `audit` (
	`id` text PRIMARY KEY NOT NULL,
	`owner` text,
	`at` integer NOT NULL,
	`actor` text NOT NULL,
	`action` text NOT NULL,
	`doc` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `audit_owner` ON `audit` (`owner`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `audit_newest` ON `audit` (`at`,`id`);