// The operator's switches. Off is the emergency; each says what still works.
import { z } from "@hono/zod-openapi";

export const switches = z
	.object({
		/** Off: new runs are refused with 503 and `Retry-After`; all that was accepted goes on. */
		acceptRuns: z.boolean(),
		/** Off: nothing new is handed to runners; what runs goes on. */
		dispatch: z.boolean(),
	})
	.openapi("Switches");
export type Switches = z.infer<typeof switches>;

export const switchesPatch = z
	.strictObject({ acceptRuns: z.boolean().optional(), dispatch: z.boolean().optional() })
	.openapi("SwitchesPatch");
