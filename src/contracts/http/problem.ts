// RFC 9457 problems, as every refused call answers. `wire/refusal-facts.ts` says what each refusal becomes.
import { z } from "@hono/zod-openapi";

export const problem = z
	.object({
		type: z.string(),
		title: z.string(),
		status: z.int(),
		code: z.string(),
		detail: z.string(),
		requestId: z.string(),
		errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
	})
	.openapi("Problem");
export type Problem = z.infer<typeof problem>;
export type FieldError = NonNullable<Problem["errors"]>[number];
