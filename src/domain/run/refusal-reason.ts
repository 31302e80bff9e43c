// The reason that a run shows when the Worker accepted it and its repository cannot run it any more.
import type { Refusal } from "../refusal.ts";

/** [Y4] In a sentence of its own, since no answer carries the code. */
export function refusalReason(refusal: Refusal): string {
	switch (refusal.code) {
		case "repository-draining":
			return "the repository took no new runs any more when it heard of this one";
		case "clone-url-missing":
			return "it names a source without a clone URL, and the repository has none either";
		case "idempotency-key-reused":
			return "its idempotency key had been used for another submission when the repository heard of this one";
		case "repository-unknown":
			return "there is no such repository; once there is, the same submission may be sent again";
		case "fault":
			return "a fault of ours met it whenever its repository was to take it; the submission is kept in the archive for a week";
		case "limit-reached":
			return `it would have passed the limit "${refusal.limit}" of ${refusal.max} when the repository heard of it`;
		default:
			return `the repository refused it: ${refusal.code}`;
	}
}
