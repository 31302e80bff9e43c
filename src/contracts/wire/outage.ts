// A far end could not be reached or did not answer in time: another object, the read model, the archive, the server itself. What
// the call did there is unknown unless it says so. Thrown where the far end is called; `asOutage` alone recognises it.

export interface OutageFacts {
	cause?: unknown;
	/** The far end has more to do than it can: to ask again soon makes it worse. */
	isOverloaded?: boolean;
	/** It is certain that the call had no effect, so that even what must not be done twice may be tried again. */
	isSafeToRepeat?: boolean;
	/** What the far end, or who speaks for it, asks to be waited. */
	retryAfterSeconds?: number | null;
}

export class Outage extends Error {
	override readonly name = "Outage";
	readonly isOverloaded: boolean;
	readonly isSafeToRepeat: boolean;
	readonly retryAfterSeconds: number | null;

	constructor(message: string, facts: OutageFacts = {}) {
		const { cause, isOverloaded = false, isSafeToRepeat = false, retryAfterSeconds = null } = facts;
		super(message, { cause });
		this.isOverloaded = isOverloaded;
		this.isSafeToRepeat = isSafeToRepeat;
		this.retryAfterSeconds = retryAfterSeconds;
	}
}

/** All that workerd says of what went wrong on its own side, such as an object's file that is broken; without `retryable`. */
const platformError = /^internal error; reference = \w+$/;

/** Null for any other error. One that crossed from another object has lost its class there, and kept its name. */
export function asOutage(error: unknown): Outage | null {
	if (error instanceof Outage) return error;
	if (!(error instanceof Error)) return null;
	return error.name === "Outage" || platformError.test(error.message) || isReset(error)
		? new Outage(error.message, { cause: error })
		: null;
}

/**
 * The called object lost its memory under the call: its code was updated, its storage failed, or its isolate was out of memory. The
 * platform marks such an error with no more than this; what was committed before stands, and the next call makes the object anew.
 */
export function isReset(error: unknown): boolean {
	return error instanceof Error && (error as { durableObjectReset?: unknown }).durableObjectReset === true;
}
