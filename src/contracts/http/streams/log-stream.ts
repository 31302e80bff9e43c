// The messages of a live log, one JSON object each, over WebSocket and SSE alike.
import { z } from "@hono/zod-openapi";

/** Bytes [offset, next): `text` where they are UTF-8, else `data` (base64). Cut at character boundaries, so joining them rebuilds every byte. */
const output = z
	.object({
		type: z.literal("output"),
		offset: z.int(),
		next: z.int(),
		text: z.string().optional(),
		data: z.string().optional(),
	})
	.openapi("LogOutput");
export type LogOutput = z.infer<typeof output>;

const end = z
	.object({
		type: z.literal("end"),
		length: z.int(),
		sha256: z.string().nullable(),
		outcome: z.string().nullable(),
		state: z.enum(["sealed", "partial", "mismatch", "deleted", "none"]),
	})
	.openapi("LogEnd");
export type LogEnd = z.infer<typeof end>;

/** Only on `…/jobs/{job}/log/live`: the bytes that follow belong to this attempt, from offset 0 again. */
const attemptBegins = z.object({ type: z.literal("attempt"), number: z.int() }).openapi("LogAttempt");

export const logMessage = z.discriminatedUnion("type", [output, end, attemptBegins]).openapi("LogMessage");
export type LogMessage = z.infer<typeof logMessage>;
