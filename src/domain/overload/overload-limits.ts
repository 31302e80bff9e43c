// How many calls an isolate has in work at once, and how many wait. The numbers were measured on two processors, where a submission
// of one job takes two thirds of a millisecond: see docs/capacity.md.
import type { LineLimits } from "./call-line.ts";

/**
 * Thirty-two submissions at once share a commit of a slow disk, and one more waits some 20 ms of work behind them; with half as many
 * a slow disk takes half as many. All that the others of these bounds do is to keep what waits small enough to be worth waiting for.
 */
export const callLimits: LineLimits = {
	ownerCost: 32,
	cost: 68,
	waiting: { list: 128, view: 192, act: 512, submission: 512 },
	waitingOfOwner: 1_024,
	waitingInAll: 4_096,
	slowMs: 1_000,
	forgottenMs: 15_000,
};

/** The same for another cost that one owner may have in work; two owners at it never hold up a third. */
export function ownerLimits(ownerCost: number): LineLimits {
	return { ...callLimits, ownerCost, cost: 2 * ownerCost + 4 };
}

/** Of what was shed on its way into the intake: a put takes the archive some milliseconds, and the thread as much as two submissions. */
export const spillLimits: LineLimits = {
	...callLimits,
	ownerCost: 8,
	cost: 18,
};

/** A reader comes back by itself, and an answer that is late is worth little to it. */
export const readWaitMs = 1_000;
/** Whoever cancels or sets something would only try again. */
export const actWaitMs = 5_000;
/** What a submission waits of the time that it has before it is spilled: its repository needs some of it too. */
export const submissionWaitPart = 0.5;
export const spillWaitMs = 5_000;

/** A body costs as much as a submission of one job for each so many bytes: that is what reading, checking and storing its jobs takes. */
export const bytesPerCost = 1_024;
/** A read from an object, and one from the database: on one machine that is a process of several objects, and takes twelve times as long. */
export const readCost = 2;
export const listCost = 12;
/** A call that takes many times what others take, such as a bulk act, a search, or a log with its times. */
export const dearCost = 16;
