// What this process knows of leases, so that a log to which bytes come by the second asks its repository and its pool only now and then.
// All of it may be forgotten at any time: that costs a call.
import type { LeaseIdentity } from "../../contracts/objects/objects.ts";
import type { Millis } from "../../domain/ids.ts";
import { leaseIdFrom } from "../../domain/ids.ts";
import { heartbeatSeconds } from "../../domain/limits.ts";

/** How old a repository's word about a lease may be: what a cancel waits for at most, without an upload a second asking it. */
const stateKeptMs = 5_000;
/** Of each kind, about 100 bytes a lease; beyond it all are forgotten. */
const leasesMax = 10_000;

export class KnownLeases {
	readonly #asked = new Map<string, { at: Millis; isCanceling: boolean }>();
	/** When each lease was last renewed at its pool from here. */
	readonly #renewed = new Map<string, Millis>();

	/** Null: its repository must be asked. A cancel is never taken back. */
	isCanceling(lease: LeaseIdentity, now: Millis): boolean | null {
		const known = this.#asked.get(idOf(lease));
		return known && (known.isCanceling || now - known.at < stateKeptMs) ? known.isCanceling : null;
	}

	/** `at`: when its repository was asked. */
	noteState(lease: LeaseIdentity, { at, isCanceling }: { at: Millis; isCanceling: boolean }): void {
		note(this.#asked, idOf(lease), { at, isCanceling });
	}

	/** True once per heartbeat: then its caller renews it. A lease not seen here yet may have been renewed elsewhere long ago. */
	beginRenewal(lease: LeaseIdentity, now: Millis): boolean {
		const id = idOf(lease);
		if (now - (this.#renewed.get(id) ?? Number.NEGATIVE_INFINITY) < heartbeatSeconds * 1_000) return false;
		note(this.#renewed, id, now);
		return true;
	}
}

function idOf({ job, epoch }: LeaseIdentity): string {
	return leaseIdFrom(job, epoch);
}

function note<T>(known: Map<string, T>, id: string, value: T): void {
	if (known.size >= leasesMax) known.clear();
	known.set(id, value);
}
