// The codes with which a WebSocket of Spillway is closed, each with what it means to the side that reads it. Below 4000 they are
// RFC 6455's; from 4000 on they are ours. No code is used for two things that a reader must tell apart.

/** What the socket was for is done: the log has ended, the grant was sent, the runner left. */
export const doneCloseCode = 1_000;
/** The reader sent something on a socket that only the server speaks on. */
export const speaksOnlyCloseCode = 1_003;
/** Not on the wire: the connection broke, or was never made. */
export const brokenCloseCode = 1_006;
/** The server failed: a viewer comes back by its place. */
export const failedCloseCode = 1_011;
/** A session over which the pool asked its runner to drain ends, because work is wanted again: the runner opens another. */
export const drainOverCloseCode = 1_012;
/** The server cannot take this now: the runner sends it by calls, whose answers say when to come back. */
export const tryLaterCloseCode = 1_013;

/** The reader did not read fast enough, and may come back by its place. */
export const slowReaderCloseCode = 4_008;
/** A newer socket of the same lease or the same runner has taken this one's part. This side stops. */
export const replacedCloseCode = 4_009;
/** A frame that is none. */
export const malformedFrameCloseCode = 4_400;
/** The token on which the socket rests was revoked or has expired. To come back with it is refused. */
export const tokenEndedCloseCode = 4_401;
/** The runner is known no more: its one job is over, or somebody removed it. To come back is no use. */
export const forgottenCloseCode = 4_410;

/** A frame of a log was refused: 4000 and the HTTP status that a call would have been answered with. */
export function refusedCloseCode(status: number): number {
	return 4_000 + status;
}
