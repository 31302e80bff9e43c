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
	})
	.openapi("Switches");
export type Switches = z.infer<typeof switches>;

export const switchesPatch = z
	.strictObject({ acceptRuns: z.boolean().optional(), dispatch: z.boolean().optional(), spill: spill.optional() })
	.openapi("SwitchesPatch");
