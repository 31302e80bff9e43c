// Lengths of time as people say them.

/** `4.2 s`, `3 m 05 s`, `2 h 10 m`; empty while it has not begun. `until` stands in for an end that has not come. */
export function spanText(from: string | null, to: string | null, until: number): string {
	if (from === null) return "";
	const ms = (to === null ? until : Date.parse(to)) - Date.parse(from);
	const seconds = Math.max(0, ms) / 1_000;
	if (seconds < 60) return `${seconds.toFixed(1)} s`;
	const minutes = Math.floor(seconds / 60);
	if (minutes < 60) return `${minutes} m ${two(seconds % 60)} s`;
	return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} m`;
}

function two(value: number): string {
	return String(Math.floor(value)).padStart(2, "0");
}
