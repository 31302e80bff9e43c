// Canceling many jobs of a repository at once, by what they have in common.
import { z } from "@hono/zod-openapi";
import { label, shortText } from "./fields.ts";

const canceledState = z.enum(["blocked", "waiting", "leased", "running"]);
export type CanceledState = z.infer<typeof canceledState>;

/** All that is said must hold. The states must be said: nobody should stop everything because nothing was said. */
export const bulkCancelRequest = z
	.strictObject({
		state: z.array(canceledState).min(1).max(4),
		label: label.optional(),
		ref: z.string().min(1).max(500).optional(),
		dryRun: z.boolean().optional(),
		reason: shortText.optional(),
	})
	.openapi("BulkCancelRequest");
export type BulkCancelRequest = z.infer<typeof bulkCancelRequest>;

/** `state` is the one that the job had. `truncated`: there are more, which the same call finds next. */
export const bulkCancel = z
	.object({
		items: z.array(z.object({ job: z.string(), run: z.string(), key: z.string(), state: canceledState })),
		canceled: z.int(),
		truncated: z.boolean(),
		dryRun: z.boolean(),
	})
	.openapi("BulkCancel");
export type BulkCancel = z.infer<typeof bulkCancel>;
