// How often a log's bytes move: from the runner as often as somebody looks, to the viewers as often as their number allows.

/** While somebody watches: with a frame on the way, a line is seen a third of a second after it was printed. */
const watchedSeconds = 0.25;
/** Who reads a growing log again and again watches it too; whoever did not come back for so long has stopped. */
export const readWatchedMs = 10_000;
/**
 * Nobody watches, and the log can tell the runner at once when a viewer comes. A runner that is killed takes with it what it
 * has not sent, so this is no more than one is ready to lose; twice as rarely would halve the rows of a job that prints all the
 * time.
 */
const pushedSeconds = 5;
/** Nobody watches, and the runner hears of it only with its next upload: how long who opens a log may look at an old one. */
const polledSeconds = 2;

/**
 * [L26] Seconds until the next upload is wanted; `isPushed` says that the runner has a socket, over which the log can ask for
 * more.
 */
export function uploadSeconds({ isWatched, isPushed }: { isWatched: boolean; isPushed: boolean }): number {
	if (isWatched) return watchedSeconds;
	return isPushed ? pushedSeconds : polledSeconds;
}

/** A frame is sent to one viewer in some 40 µs, so fan-outs take a fifth of the object's one thread at most. */
const frameMsPerViewer = 0.2;
const frameMsMin = 25;

/** [L18] Between two frames to all: 25 ms up to 125 viewers, 200 ms for 1,000, half a second for 2,500. */
export function frameIntervalMs(viewers: number): number {
	return Math.max(frameMsMin, viewers * frameMsPerViewer);
}
