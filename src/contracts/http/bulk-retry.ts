// Retrying many jobs of a repository at once, by what they have in common.
import { z } from "@hono/zod-openapi";
import { instant, label, shortText } from "./fields.ts";

/** What may be asked for. What was skipped is not among them: it waits again by itself when what it needs does. */
const retriedOutcome = z.enum(["passed", "failed", "canceled", "timed-out", "lost", "refused", "expired"]);
export type RetriedOutcome = z.infer<typeof retriedOutcome>;

/** What counts as failed; whoever wants passed or canceled jobs again must say so. */
export const retriedOutcomesDefault: RetriedOutcome[] = ["failed", "timed-out", "lost", "refused", "expired"];

/** All that is said must hold; nothing said: whatever failed. */
export const bulkRetryRequest = z
	.strictObject({
		outcome: z.array(retriedOutcome).min(1).max(7).optional(),
		since: instant.optional().openapi({ description: "ended then or later" }),
		label: label.optional(),
		ref: z.string().min(1).max(500).optional(),
		dryRun: z.boolean().optional(),
		reason: shortText.optional(),
	})
	.openapi("BulkRetryRequest");
export type BulkRetryRequest = z.infer<typeof bulkRetryRequest>;

/**
 * `outcome` is the one that the job had. `truncated`: there are more, which the same call
 * finds next, or there is more to look at than one call may: then `since` or `ref` narrow it.
 */
export const bulkRetry = z
	.object({
		items: z.array(z.object({ job: z.string(), run: z.string(), key: z.string(), outcome: retriedOutcome })),
		retried: z.int(),
		truncated: z.boolean(),
		/** Matching jobs of runs in the archive that ended since then, at least. Such a run is brought back only when it is named itself. */
		archived: z.int(),
		dryRun: z.boolean(),
	})
	.openapi("BulkRetry");
export type BulkRetry = z.infer<typeof bulkRetry>;
