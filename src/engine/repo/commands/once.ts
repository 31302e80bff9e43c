// Acts with an idempotency key. The key is stored in the transaction of the act, so the same call again finds it and acts no more.
import { accept, refuse } from "../../../domain/refusal.ts";
import type { Result } from "../../../domain/refusal.ts";
import type { RepoQueue } from "../repo-queue.ts";

interface Keyed {
	/** Null: the caller named none, and each call acts. */
	key: string | null;
	/** Of all that the caller asked for: the same key with another digest is refused. */
	digest: string;
	/** The run or job that comes of the act: a repetition hears of it in `earlier`. */
	subject: string;
}

/** A refused act keeps no key: the caller may mend the call and send it with the same one. */
export function once(
	queue: RepoQueue,
	{ key, digest, subject }: Keyed,
	act: () => Result<unknown>,
): Result<{ earlier: string | null }> {
	const { keys } = queue.tables;
	return queue.transact(() => {
		const earlier = key === null ? null : keys.find(key);
		if (earlier !== null) {
			return earlier.digest === digest
				? accept({ earlier: earlier.subject })
				: refuse({ code: "idempotency-key-reused" });
		}
		const done = act();
		if (!done.ok) return done;
		if (key !== null) keys.save(key, digest, subject, queue.now());
		return accept({ earlier: null });
	});
}
