// The headers of the calls that a runner makes with a lease token, by name.

/** The number of bytes the log has (in an answer) or the place where a body begins (in a request). */
export const uploadOffsetHeader = "Upload-Offset";
/**
 * On an append of what a runner that was killed had left of a log: `part`, or `last` when the server has all of it with this
 * body. It is taken of a lost attempt too, for some minutes, and renews no lease.
 */
export const uploadLeftHeader = "Upload-Left";
/** Seconds until the next upload is wanted. */
export const uploadIntervalHeader = "Upload-Interval";
/** `ok`, `canceling` or `lost`, on every answer to a lease call. */
export const leaseStateHeader = "Lease-State";
