// How a route answers with a problem: it throws one, and the app's error handler writes it.
import type { Context } from "hono";
import { refusalFacts } from "../../contracts/wire/refusal-facts.ts";
import type { ProblemFacts } from "../../contracts/wire/problem-facts.ts";
import { replayedHeader, replayedValue } from "../../contracts/wire/headers/replayed.ts";
import { absentHeader, absentValue } from "../../contracts/wire/headers/absent.ts";
import { isUpgrade, upgradeHeaders } from "../../contracts/wire/sockets/upgrade.ts";
import type { Result } from "../../domain/refusal.ts";
import type { Deleted } from "../../operations/ports.ts";

/** Thrown by routes only: below them a refusal is a value. */
export class ProblemAnswer extends Error {
	readonly facts: ProblemFacts;

	constructor(facts: ProblemFacts) {
		super(facts.code);
		this.name = "ProblemAnswer";
		this.facts = facts;
	}
}

/** The value, or a thrown ProblemAnswer that says why not. */
export function orThrow<T>(result: Result<T>): T {
	if (!result.ok) throw new ProblemAnswer(refusalFacts(result.refusal));
	return result.value;
}

/** Throws 426 unless a WebSocket is asked for. */
export function needUpgrade(request: { headers: Headers }, detail: string): void {
	if (isUpgrade(request)) return;
	throw new ProblemAnswer({ status: 426, code: "upgrade-required", detail, headers: upgradeHeaders });
}

/** The work was done before, by an earlier call with the same key. */
export function sayReplayed(c: Context): void {
	c.header(replayedHeader, replayedValue);
}

/** [Y13] What was to go is gone, by this call or by one before it: a DELETE that is repeated is answered alike. */
export function answerDeleted(c: Context, { wasThere }: Deleted): Response {
	if (!wasThere) c.header(absentHeader, absentValue);
	return c.body(null, 204);
}
