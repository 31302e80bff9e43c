// How the document shows an answer: JSON by its schema, and all else by its media type. OpenAPI 3.1 has no word for the messages of
// a stream: the schema of a stream is text, and `x-message` names the shape of what each event has as `data`, or each frame is.
import type { z } from "@hono/zod-openapi";

/** An answer with words of its own. `content`: media type to schema. */
export interface Shown {
	words: string;
	content?: Record<string, z.ZodType | object>;
	/** The shape of one message. */
	message?: string;
}

const wordsByStatus: Readonly<Record<number, string>> = {
	200: "As it is now.",
	201: "Made.",
	202: "Taken; what is asked for is under way.",
};

/** What `Idempotency-Key` makes of a call that was made before. */
const replayWords =
	"As it is now: nothing was done by this call, since one with the same key, or a dry run, asked for it.";

export function describeAnswer(status: number, answer: z.ZodType | Shown | string, isRepeatable: boolean) {
	if (typeof answer === "string") return { description: answer };
	if (!("words" in answer)) {
		const description = isRepeatable && status === 200 ? replayWords : (wordsByStatus[status] ?? "As it is now.");
		return { description, content: { "application/json": { schema: answer } } };
	}
	const { words, content, message } = answer;
	const media = Object.entries(content ?? {}).map(([type, schema]) => [type, { schema }] as const);
	return {
		description: words,
		...(media.length > 0 ? { content: Object.fromEntries(media) } : {}),
		...(message === undefined ? {} : { "x-message": { $ref: `#/components/schemas/${message}` } }),
	};
}

/** Server-sent events, of which each has one `message` as its data. */
export function shownEvents(message: string, words: string): Shown {
	const schema = {
		type: "string" as const,
		description: `Server-sent events; \`data\` of each is one ${message} as JSON.`,
	};
	return { words, message, content: { "text/event-stream": schema } };
}

/** A WebSocket, of which each text frame of the server's is one `message`. */
export function shownSocket(message: string, words: string): Shown {
	return { words, message };
}

/** Text that is no JSON, in one media type or, as the query asks, in another. */
export function shownText(types: readonly string[], words: string): Shown {
	return { words, content: Object.fromEntries(types.map((type) => [type, { type: "string" as const }])) };
}
