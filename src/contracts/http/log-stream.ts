// The messages of a live log, one JSON object each, over WebSocket and SSE alike.
import { z } from "@hono/zod-openapi";
import type { Frame } from "../../domain/log/log-frame.ts";

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
		state: z.enum(["sealed", "partial", "mismatch", "deleted"]),
	})
	.openapi("LogEnd");
export type LogEnd = z.infer<typeof end>;

/** Only on `…/jobs/{job}/log/live`: the bytes that follow belong to this attempt, from offset 0 again. */
const attemptBegins = z.object({ type: z.literal("attempt"), number: z.int() }).openapi("LogAttempt");

export const logMessage = z.discriminatedUnion("type", [output, end, attemptBegins]).openapi("LogMessage");
export type LogMessage = z.infer<typeof logMessage>;

/** On an answer with a log's last lines: the offset of its first byte. */
export const logOffsetHeader = "Log-Offset";

/** `bytes` begin where the frame does; what is after the frame is not looked at. */
export function outputMessage(offset: number, { size, text }: Frame, bytes: Uint8Array): LogOutput {
	const place = { type: "output" as const, offset, next: offset + size };
	return text === null ? { ...place, data: toBase64(bytes.subarray(0, size)) } : { ...place, text };
}

/** The bytes that a message stands for. */
export function outputBytes({ text, data }: LogOutput): Uint8Array {
	if (text !== undefined) return new TextEncoder().encode(text);
	return Uint8Array.from(atob(data ?? ""), (character) => character.charCodeAt(0));
}

// Not Buffer: the dashboard reads these messages in a browser.
function toBase64(bytes: Uint8Array): string {
	let binary = "";
	for (let at = 0; at < bytes.length; at += 8_192) {
		binary += String.fromCharCode(...bytes.subarray(at, at + 8_192));
	}
	return btoa(binary);
}
