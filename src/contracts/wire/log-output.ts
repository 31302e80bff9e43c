// What a live log's messages are made from and stand for, and what is said beside them. Their shapes are in `http/streams/log-stream.ts`.
import type { Frame } from "../../domain/log/log-frame.ts";
import type { LogOutput } from "../http/streams/log-stream.ts";

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

// Not Buffer: a browser has none.
function toBase64(bytes: Uint8Array): string {
	let binary = "";
	for (let at = 0; at < bytes.length; at += 8_192) {
		binary += String.fromCharCode(...bytes.subarray(at, at + 8_192));
	}
	return btoa(binary);
}
