// A call of R2 or of a queue that somebody waits for: it has a deadline, and what goes wrong with it is an outage.
import { inTime } from "../../src/contracts/wire/in-time.ts";
import { Outage } from "../../src/contracts/wire/outage.ts";

/** Longer than a healthy put takes by far; past it the caller is told that nobody knows. */
const deadlineMs = 5_000;

/** The store's or the queue's own error, and its silence, is an outage: whether a write took effect is unknown then. */
export async function stored<T>(work: Promise<T>): Promise<T> {
	try {
		return await answered(work);
	} catch (cause) {
		throw cause instanceof Outage ? cause : new Outage("the store did not answer", { cause });
	}
}

/** Its silence is an outage; its error is its own. */
export function answered<T>(work: Promise<T>): Promise<T> {
	return inTime(work, deadlineMs, () => {
		throw new Outage(`the store gave no answer in ${deadlineMs} ms`);
	});
}
