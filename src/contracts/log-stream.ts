// The messages of a live log, one JSON object each, over WebSocket and SSE alike.
import { z } from "@hono/zod-openapi";

/** Bytes [offset, next): `text` where they are UTF-8, else `data` (base64). Cut at character boundaries, so joining them rebuilds every byte. */
const output = z.object({
	type: z.literal("output"),
	offset: z.int(),
	next: z.int(),
	text: z.string().optional(),
	data: z.string().optional(),
});

const end = z.object({
	type: z.literal("end"),
	length: z.int(),
	sha256: z.string().nullable(),
	outcome: z.string().nullable(),
	state: z.enum(["sealed", "partial", "mismatch", "deleted"]),
});

/** Only on `…/jobs/{job}/log/live`: the bytes that follow belong to this attempt, from offset 0 again. */
const attemptBegins = z.object({ type: z.literal("attempt"), number: z.int() });

export const logMessage = z.discriminatedUnion("type", [output, end, attemptBegins]).openapi("LogMessage");
export type LogMessage = z.infer<typeof logMessage>;

/** A viewer that does not read fast enough is dropped with this code, and may come back by offset. */
export const slowViewerCloseCode = 4_008;
