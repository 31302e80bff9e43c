// Dead letters over HTTP: for the operator alone.
import type { Hono } from "hono";
import { deadLetter, redriven, redriveRequest } from "../../../contracts/http/dead-letter.ts";
import { timeText } from "../../../contracts/wire/time-text.ts";
import type { KeptDeadLetter } from "../../../contracts/objects/dead-letters.ts";
import {
	dropDeadLetter,
	listDeadLetters,
	redriveDeadLetter,
	redriveDeadLetters,
} from "../../../operations/spill/dead-letters.ts";
import { answerPresentPage } from "../aged-answer.ts";
import { answerDeleted, orThrow } from "../answer.ts";
import { admit } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { document, goneAnswers, pageOf, pageQuery } from "../document/document.ts";
import { readBody, readPage } from "../requests/request.ts";

const path = "/v1/dead-letters";
const cursorPattern = /^dl[0-9a-z]{1,100}$/;

document({
	id: "listDeadLetters",
	method: "get",
	path,
	summary: "Messages that a queue gave up, newest first, with what went wrong last",
	query: pageQuery,
	answers: { 200: pageOf(deadLetter) },
});
document({
	id: "redriveDeadLetter",
	method: "post",
	path: `${path}/{letter}/redrive`,
	summary: "Send a message to its queue again",
	answers: { 202: deadLetter },
});
document({
	id: "redriveDeadLetters",
	method: "post",
	path: `${path}/redrive`,
	summary: "Send all of a queue, or of all queues, again: at most 100 a call",
	body: redriveRequest,
	answers: { 202: redriven },
});
document({
	id: "dropDeadLetter",
	method: "delete",
	path: `${path}/{letter}`,
	summary: "Forget a message",
	answers: goneAnswers,
});

export function addDeadLetterRoutes(app: Hono<ApiEnv>): void {
	app.get(path, async (c) => {
		const caller = admit(c, "listDeadLetters");
		const { items, next } = orThrow(await listDeadLetters(c.get("services"), caller, readPage(c, cursorPattern)));
		// Read where the letters are kept and not from a read model, so there is nothing that could lag.
		return answerPresentPage(c, { items: items.map(view), next });
	});

	/** In slices, so that no call outlives its caller: it says whether there are more, and is sent again until there are none. */
	app.post(`${path}/redrive`, async (c) => {
		const caller = admit(c, "redriveDeadLetters");
		const { queue = null } = await readBody(c, redriveRequest);
		return c.json(orThrow(await redriveDeadLetters(c.get("services"), caller, queue)), 202);
	});

	app.post(`${path}/:letter/redrive`, async (c) => {
		const caller = admit(c, "redriveDeadLetter");
		const letter = orThrow(await redriveDeadLetter(c.get("services"), caller, c.req.param("letter")));
		// 202: the message is in its queue again. What comes of it shows there; if it is given up once more it comes back
		// here.
		return c.json(view(letter), 202);
	});

	app.delete(`${path}/:letter`, async (c) => {
		const caller = admit(c, "dropDeadLetter");
		return answerDeleted(c, orThrow(await dropDeadLetter(c.get("services"), caller, c.req.param("letter"))));
	});
}

function view({ at, ...letter }: KeptDeadLetter) {
	return { ...letter, at: timeText(at) };
}
