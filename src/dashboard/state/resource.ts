// What a page shows of the server: loaded when it is first looked at, again when asked, and on its own clock while the tab is seen.
// A failure keeps what was there, and says so.
import { useSignal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

export interface Resource<T> {
	/** Null until it was loaded once. */
	value: ReadonlySignal<T | null>;
	failure: ReadonlySignal<Error | null>;
	reload: () => void;
}

/** `key` says what is loaded: another key drops what was there. `everyMs`: how often it is looked at again; null: never. */
export function useResource<T>(
	key: string,
	load: (signal: AbortSignal) => Promise<T>,
	everyMs: number | null = null,
): Resource<T> {
	const value = useSignal<T | null>(null);
	const failure = useSignal<Error | null>(null);
	const again = useRef<() => void>(() => undefined);
	const loading = useRef(load);
	loading.current = load;
	useEffect(() => {
		const stop = new AbortController();
		let timer: ReturnType<typeof setTimeout> | undefined;
		value.value = null;
		failure.value = null;
		const look = async () => {
			clearTimeout(timer);
			try {
				const loaded = await loading.current(stop.signal);
				if (stop.signal.aborted) return;
				value.value = loaded;
				failure.value = null;
			} catch (cause) {
				if (stop.signal.aborted) return;
				failure.value = cause instanceof Error ? cause : new Error(String(cause));
			}
			if (everyMs !== null) timer = setTimeout(() => void (document.hidden ? undefined : look()), everyMs);
		};
		const seen = () => {
			if (!document.hidden && everyMs !== null) void look();
		};
		again.current = () => void look();
		document.addEventListener("visibilitychange", seen);
		void look();
		return () => {
			stop.abort();
			clearTimeout(timer);
			document.removeEventListener("visibilitychange", seen);
		};
	}, [key, everyMs]);
	return { value, failure, reload: () => again.current() };
}
