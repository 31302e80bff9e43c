// How an answer says that its work was done before, by an earlier call with the same idempotency key.

export const replayedHeader = "Idempotency-Replayed";
export const replayedValue = "true";

export function isReplayed(headers: Headers): boolean {
	return headers.get(replayedHeader) === replayedValue;
}
