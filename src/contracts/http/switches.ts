// The operator's switches. Off is the emergency; each says what still works.
import { z } from "@hono/zod-openapi";

const spill = z.enum(["auto", "always", "never"]);

export const switches = z
	.object({
		/** Off: new runs are refused with 503 and `Retry-After`; all that was accepted goes on. */
		acceptRuns: z.boolean(),
		/** Off: nothing new is handed to runners; what runs goes on. */
		dispatch: z.boolean(),
		/** When a new run is put aside for its repository: when that does not answer, always, or never (503 then). */
		spill,
		/** Off: nothing moves to the archive, and nothing in it is deleted; logs and old runs stay in their objects, readable. */
		archive: z.boolean(),
		/** Off: no row of a run or a repository is written into the database; lists say that they are stale. */
		project: z.boolean(),
	})
	.openapi("Switches");
export type Switches = z.infer<typeof switches>;

export const switchesPatch = z
	.strictObject({
		acceptRuns: z.boolean().optional(),
		dispatch: z.boolean().optional(),
		spill: spill.optional(),
		archive: z.boolean().optional(),
		project: z.boolean().optional(),
	})
	.openapi("SwitchesPatch");
