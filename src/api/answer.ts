// How a route answers with a problem: it throws one, and the app's error handler, the only place that catches, writes it.
import { refusalFacts } from "../contracts/http/problem.ts";
import type { ProblemFacts } from "../contracts/http/problem.ts";
import type { Result } from "../domain/refusal.ts";

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
