// What the judge holds against the system. Each kind is a promise that was broken.
import type { RunId } from "../../src/domain/ids.ts";

export type ViolationKind =
	/** Accepted, and not there or never finished; or an act that was answered with 2xx and did nothing. */
	| "lost"
	/** There more than once, or done again without a reason. */
	| "doubled"
	/** Two leases of one job were live at once, or two jobs of one concurrency group ran at once. */
	| "two-leases"
	/** A byte that was acknowledged is not in the archive, or not where it was. */
	| "log"
	/** The read model differs from the truth, long after the last change. */
	| "row"
	/** An object wakes itself again and again, with nothing to do. */
	| "alarm"
	/** What lies in the stores after the stop is not what it should be. */
	| "store"
	/** An answer that no caller should get. */
	| "answer"
	/** A line of the server's log that says `fault`: an assertion, or an error that nobody expected. */
	| "fault";

export interface Violation {
	kind: ViolationKind;
	/** Whose history shows more; null: no run's. */
	run: RunId | null;
	text: string;
}
