// Instants as the API writes them.

/** Milliseconds since 1970 to RFC 3339. */
export function timeText(at: number): string;
export function timeText(at: number | null): string | null;
export function timeText(at: number | null): string | null {
	return at === null ? null : new Date(at).toISOString();
}
