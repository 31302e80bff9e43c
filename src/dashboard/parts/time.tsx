// Times as people read them: how long ago, how long it took. The instant itself is in the tool tip.
import { signal } from "@preact/signals";

/** Moves once a second, for all who show how long something lasts. */
export const now = signal(Date.now());
setInterval(() => {
	if (!document.hidden) now.value = Date.now();
}, 1_000);

export function durationText(ms: number): string {
	const seconds = Math.max(0, Math.round(ms / 1_000));
	if (seconds < 60) return `${seconds} s`;
	const minutes = Math.floor(seconds / 60);
	if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
	const hours = Math.floor(minutes / 60);
	if (hours < 48) return `${hours} h ${minutes % 60} min`;
	return `${Math.floor(hours / 24)} d`;
}

export function Ago({ at }: { at: string }) {
	const ms = now.value - Date.parse(at);
	return (
		<time dateTime={at} title={new Date(at).toLocaleString()}>
			{ms < 5_000 ? "just now" : `${durationText(ms)} ago`}
		</time>
	);
}

/** Until now while `to` is null; nothing before it began. */
export function Lasting({ from, to }: { from: string | null; to: string | null }) {
	if (from === null) return null;
	return <span class="number">{durationText((to === null ? now.value : Date.parse(to)) - Date.parse(from))}</span>;
}
