// A search through one log, live or sealed. One answer reads a bounded part of it; the cursor goes on from there.
import type { Hono } from "hono";
import { z } from "@hono/zod-openapi";
import type { SearchPlace } from "../../../domain/log/log-search.ts";
import type { ApiEnv } from "../context.ts";
import { documentJob, pageOf, pageQuery } from "../document/document.ts";
import { searchLog } from "../../../operations/logs/logs.ts";
import { answerPresentPage } from "../aged-answer.ts";
import { orThrow } from "../answer.ts";
import { admitToRepository } from "../auth.ts";
import { readLogCall } from "./log-name.ts";
import { badQuery, readPage } from "../requests/request.ts";
import { belowJob } from "../requests/run-place.ts";

/** What is looked for is held in mind across the borders of blocks. */
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
		const { repository, caller } = admitToRepository(c, "searchLog");
		const name = readLogCall(c, repository);
		const query = c.req.query("q") ?? "";
		if (query === "" || query.length > queryMax || query.includes("\n")) {
			throw badQuery("q", `must be 1 to ${queryMax} characters without a line break`);
		}
		const { limit, cursor } = readPage(c, cursorPattern);
		const services = c.get("services");
		const call = { ...name, query, limit, place: readPlace(cursor) };
		const { found: items, rest } = orThrow(await searchLog(services, caller, call));
		// A page ends with so many finds, or with so many bytes read: one that found nothing has a cursor all the same.
		return answerPresentPage(c, { items, next: rest && placeText(rest) });
	});
}

/**
 * Five numbers that are nobody's business but this file's. A long line may go over the end of a page: two of them say where
 * it began and whether the caller has had it, so that no line is found twice or missed.
 */
function placeText({ from, line, next, start, isFound }: SearchPlace): string {
	return `${from} ${line} ${next} ${start} ${isFound ? 1 : 0}`;
}

function readPlace(cursor: string | null): SearchPlace {
	const [from = 0, line = 1, next = 0, start = 0, isFound = 0] = cursor?.split(" ").map(Number) ?? [];
	return { from, line: Math.max(line, 1), next, start, isFound: isFound === 1 };
}
