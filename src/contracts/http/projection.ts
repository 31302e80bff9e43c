// The rebuild of the read model, a slice a call.
import { z } from "@hono/zod-openapi";

export const rebuildRequest = z
	.strictObject({
		/** `nextCursor` of the slice before; none: from the beginning. */
		cursor: z.string().max(500).optional(),
	})
	.openapi("RebuildRequest");

export const rebuilt = z
	.object({
		owner: z.string(),
		/** Null: the slice was of the owner's pools and tokens. */
		repo: z.string().nullable(),
		right: z.int(),
		written: z.int(),
		removed: z.int(),
		nextCursor: z.string().nullable(),
	})
	.openapi("Rebuilt");
export type RebuildAnswer = z.infer<typeof rebuilt>;
