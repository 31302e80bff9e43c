// A wait with an end, for whoever asks a far end: objects, stores, streams, probes. It has the timer in the one place that clears it.

/**
 * What `work` comes to within `ms`, else what `late` gives or throws then. `work` is not ended by that, and what becomes of it later
 * is heard by nobody.
 */
export async function inTime<T, L>(work: Promise<T>, ms: number, late: () => L): Promise<T | L> {
	let timer: ReturnType<typeof setTimeout> | undefined;
	const over = new Promise<L>((resolve, reject) => {
		timer = setTimeout(() => {
			try {
				resolve(late());
			} catch (cause) {
				reject(cause);
			}
		}, ms);
	});
	try {
		return await Promise.race([work, over]);
	} finally {
		clearTimeout(timer);
	}
}
