// How many identity tokens each lease was given in its present minute. An eviction forgets it, which gives a lease one minute's more.
import type { LeaseIdentity } from "../../contracts/objects/objects.ts";
import { leaseIdFrom } from "../../domain/ids.ts";
import type { Millis } from "../../domain/ids.ts";
import { jobIdentitiesPerMinute } from "../../domain/limits.ts";
import { refuse } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";

/** More leases than one repository has at once; beyond it all are forgotten. */
const leasesMax = 10_000;
const minuteMs = 60_000;

export class GivenIdentities {
	readonly #given = new Map<string, { since: Millis; count: number }>();

	/** What is to be given, or that it is too much. What is refused is not counted. */
	count<T>({ job, epoch }: LeaseIdentity, now: Millis, wanted: Result<T>): Result<T> {
		const id = leaseIdFrom(job, epoch);
		const before = this.#given.get(id);
		const isSameMinute = before !== undefined && now - before.since < minuteMs;
		const { since, count } = isSameMinute ? before : { since: now, count: 0 };
		if (count >= jobIdentitiesPerMinute) {
			const retryAfterSeconds = Math.max(1, Math.ceil((since + minuteMs - now) / 1_000));
			return refuse({ code: "limit-id-tokens", max: jobIdentitiesPerMinute, retryAfterSeconds });
		}
		if (this.#given.size >= leasesMax) this.#given.clear();
		this.#given.set(id, { since, count: count + 1 });
		return wanted;
	}
}
