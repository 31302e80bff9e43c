// A search through one log, live or sealed. One answer reads a bounded part of it; the cursor goes on from there.
import type { Hono } from "hono";
import { z } from "@hono/zod-openapi";
import { LogSearch } from "../domain/log/log-search.ts";
import type { SearchPlace } from "../domain/log/log-search.ts";
import type { ApiEnv } from "./context.ts";
import { documentJob, pageOf, pageQuery } from "./document.ts";
import { findLogOrEmpty, readLogName } from "./log-name.ts";
import { readLog } from "./log-source.ts";
import { badQuery, readPage, writeCursor } from "./request.ts";
import { belowJob } from "./run-place.ts";
import { timeText } from "../contracts/wire/time-text.ts";

/** Read for one answer: some forty milliseconds of processor time, which on one machine everybody waits for. */
const searchBytesMax = 4 * 1024 * 1024;
/** Read at a stretch: then whoever waits for the thread has it in between. */
const stretchBytes = 256 * 1024;
const queryMax = 256;
const cursorPattern = /^[0-9]{1,15}( [0-9]{1,15}){3} [01]$/;

const found = z
	.object({
		offset: z.int().openapi({ description: "of the line's first byte" }),
		line: z.int().openapi({ description: "from 1" }),
		text: z.string(),
		before: z.array(z.string()),
		after: z.array(z.string()),
	})
	.openapi("LogFound");

documentJob({
	id: "searchLog",
	method: "get",
	below: "/attempts/{attempt}/log/search",
	summary:
		"Lines that contain a text, without escape sequences, with two lines around each; a page may be empty and not the last",
	query: { q: `the text, as it is, at most ${queryMax} characters of one line`, ...pageQuery },
	answers: { 200: pageOf(found) },
});

export function addLogSearchRoutes(app: Hono<ApiEnv>): void {
	app.on("GET", belowJob("/attempts/:attempt/log/search"), async (c) => {
		const name = await readLogName(c, "searchLog");
		const query = c.req.query("q") ?? "";
		if (query === "" || query.length > queryMax || query.includes("\n")) {
			throw badQuery("q", `must be 1 to ${queryMax} characters without a line break`);
		}
		const { limit, cursor } = readPage(c, cursorPattern);
		const place = readPlace(cursor);
		const services = c.get("services");
		const { length, sealed } = await findLogOrEmpty(services, name);
		const search = new LogSearch({ query, limit, place });
		let read = 0;
		let stretch = 0;
		for await (const chunk of readLog(services, name, { from: place.from, to: length, sealed })) {
			search.push(chunk);
			read += chunk.bytes.length;
			stretch += chunk.bytes.length;
			if (stretch >= stretchBytes) {
				stretch = 0;
				await new Promise((resolve) => setTimeout(resolve, 0));
			}
			if (read >= searchBytesMax) search.stop();
			if (search.isDone) break;
		}
		search.end();
		const nextCursor = writeCursor(search.rest && placeText(search.rest));
		return c.json({ items: search.found, nextCursor, asOf: timeText(services.now()), stale: false });
	});
}

function placeText({ from, line, next, start, isFound }: SearchPlace): string {
	return `${from} ${line} ${next} ${start} ${isFound ? 1 : 0}`;
}

function readPlace(cursor: string | null): SearchPlace {
	const [from = 0, line = 1, next = 0, start = 0, isFound = 0] = cursor?.split(" ").map(Number) ?? [];
	return { from, line: Math.max(line, 1), next, start, isFound: isFound === 1 };
}
