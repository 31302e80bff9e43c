// Dead letters on the wire: messages that a queue gave up, with what went wrong last.
import { z } from "@hono/zod-openapi";
import { queueNames } from "../objects/dead-letters.ts";
import { time } from "./fields.ts";

export const deadLetter = z
	.object({
		id: z.string(),
		queue: z.enum(queueNames),
		at: time,
		tries: z.int(),
		reason: z.string(),
		body: z.unknown(),
	})
	.openapi("DeadLetter");
export type DeadLetter = z.infer<typeof deadLetter>;

export const redriveRequest = z.strictObject({ queue: z.enum(queueNames).optional() }).openapi("RedriveRequest");
export const redriven = z.object({ redriven: z.int(), more: z.boolean() }).openapi("Redriven");
export type Redriven = z.infer<typeof redriven>;
