// Where the lines of a log begin: with it whoever shows a log of any length finds any of its lines with one range.
import type { Hono } from "hono";
import { z } from "@hono/zod-openapi";
import { indexLog } from "../../../operations/logs/logs.ts";
import { orThrow } from "../answer.ts";
import { admitToRepository } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { documentJob } from "../document/document.ts";
import { belowJob } from "../requests/run-place.ts";
import { readLogCall } from "./log-name.ts";

const logIndex = z
	.object({
		length: z.int().openapi({ description: "bytes that the answer is about; an open log has more soon" }),
		lines: z.int().openapi({ description: "lines in them; one that has not ended yet is one" }),
		isInLine: z.boolean().openapi({ description: "whether the last line has not ended yet" }),
		isFinal: z.boolean().openapi({ description: "whether no byte comes any more" }),
		blocks: z.array(
			z.object({
				offset: z.int().openapi({ description: "of the first byte of the line" }),
				line: z.int().openapi({ description: "from 1" }),
			}),
		),
	})
	.openapi("LogIndex");

documentJob({
	id: "indexLog",
	method: "get",
	below: "/attempts/{attempt}/log/index",
	summary:
		"Where the lines of a log begin, one entry each 256 KiB at most, so that any line is found with one range of the log",
	answers: { 200: logIndex },
});

export function addLogIndexRoutes(app: Hono<ApiEnv>): void {
	app.on("GET", belowJob("/attempts/:attempt/log/index"), async (c) => {
		const { repository, caller } = admitToRepository(c, "indexLog");
		const call = readLogCall(c, repository);
		const { lines, isFinal } = orThrow(await indexLog(c.get("services"), caller, call));
		const { length, lines: count, isInLine, blocks } = lines;
		return c.json({ length, lines: count, isInLine, isFinal, blocks });
	});
}
