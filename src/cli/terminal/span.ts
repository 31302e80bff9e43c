// Lengths of time as people say them.

/** `4.2 s`, `3 m 05 s`, `2 h 10 m`; empty while it has not begun. `until` stands in for an end that has not come. */
export function spanText(from: string | null, to: string | null, until: number): string {
	return from === null ? "" : msText(msOf({ startedAt: from, finishedAt: to }, until));
}

/** What they took together, without the waits between them; empty where there is none. */
export function spansText(spans: readonly Span[], until: number): string {
	return spans.length === 0 ? "" : msText(spans.reduce((sum, span) => sum + msOf(span, until), 0));
}

interface Span {
	startedAt: string;
	finishedAt: string | null;
}

function msOf({ startedAt, finishedAt }: Span, until: number): number {
	return Math.max(0, (finishedAt === null ? until : Date.parse(finishedAt)) - Date.parse(startedAt));
}

export function msText(ms: number): string {
	const seconds = ms / 1_000;
	if (seconds < 60) return `${seconds.toFixed(1)} s`;
	const minutes = Math.floor(seconds / 60);
	if (minutes < 60) return `${minutes} m ${two(seconds % 60)} s`;
	return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} m`;
}

function two(value: number): string {
	return String(Math.floor(value)).padStart(2, "0");
}
