// The breakers of one process, and how a call goes through one: refused at once while its far end is in trouble, else timed and
// counted. Beyond a breaker all is as it was: what a far end refuses is its answer, and only an `Outage` or silence speaks against it.
import { asOutage, Outage } from "../../contracts/wire/outage.ts";
import type { OperationalEvent } from "../../contracts/wire/operational-event.ts";
import { letThrough, closedBreaker, noteEnd, slowCallMs } from "../../domain/breaker.ts";
import type { CallEnd, Permit } from "../../domain/breaker.ts";
import type { Millis } from "../../domain/ids.ts";
import { ObjectBreakers } from "./object-breakers.ts";
import type { HeldBreaker, ObjectKind, ShownObjects } from "./object-breakers.ts";

/** Those that there is one of. */
export const singles = ["database", "archive", "queues"] as const;
export type Single = (typeof singles)[number];

/** What a call goes to: by its name, where there are many. */
export type FarEnd = { of: Single } | { of: ObjectKind; name: string };

export interface CallKind {
	/** [K8] Never refused: a runner's lease, or somebody's record, hangs on it. */
	mustPass?: boolean;
	/** What it does may take long where all is well: slowness says nothing. */
	mayTakeLong?: boolean;
}

/** How a call ended that somebody wanted to make. */
export type CountedEnd = CallEnd | "refused";

export interface BreakerPorts {
	now(): Millis;
	/** In [0, 1). */
	random(): number;
	wait(ms: number): { done: Promise<unknown>; cancel(): void };
	report(event: OperationalEvent): void;
	count(of: Single | ObjectKind, end: CountedEnd): void;
}

export interface ShownBreaker {
	state: "closed" | "open" | "half-open";
	/** From when it has not been closed; null: it is. */
	since: Millis | null;
}

export class Breakers {
	readonly #ports: BreakerPorts;
	readonly #singles: Record<Single, HeldBreaker>;
	readonly #objects = new ObjectBreakers();

	constructor(ports: BreakerPorts) {
		this.#ports = ports;
		const held = (of: Single): HeldBreaker => ({
			of,
			name: null,
			breaker: closedBreaker(ports.now()),
			askedAt: ports.now(),
		});
		this.#singles = { database: held("database"), archive: held("archive"), queues: held("queues") };
	}

	/** [K7] Throws an `Outage` at once, without any effect, when the call is refused; else what `work` throws. */
	async call<T>(to: FarEnd, work: () => Promise<T>, kind: CallKind = {}): Promise<T> {
		const { now, random } = this.#ports;
		const held = "name" in to ? this.#objects.find(to, now()) : this.#singles[to.of];
		// [K10] No room for its breaker: as it was without any.
		if (held === null) return work();
		held.askedAt = now();
		const { breaker, permit } = letThrough(held.breaker, held.askedAt, random());
		this.#move(held, breaker, null);
		if (permit !== null) return this.#timed(held, permit, { work, kind });
		if (kind.mustPass) return work();
		this.#ports.count(to.of, "refused");
		throw new Outage(`${to.of}: the breaker is open`, { isSafeToRepeat: true });
	}

	/** Counted when it ends, or as slow as soon as it is: what hangs is known before its deadline. */
	async #timed<T>(
		held: HeldBreaker,
		permit: Permit,
		{ work, kind }: { work: () => Promise<T>; kind: CallKind },
	): Promise<T> {
		let isCounted = false;
		const count = (end: CallEnd, cause: unknown) => {
			if (isCounted) return;
			isCounted = true;
			this.#ports.count(held.of, end);
			const at = { now: this.#ports.now(), chance: this.#ports.random() };
			this.#move(held, noteEnd(held.breaker, permit, end, at), cause);
		};
		const timer = kind.mayTakeLong ? null : this.#ports.wait(slowCallMs);
		timer?.done.then(
			() => count("slow", `no answer in ${slowCallMs} ms`),
			() => undefined,
		);
		try {
			const value = await work();
			count("well", null);
			return value;
		} catch (cause) {
			count(asOutage(cause) === null ? "well" : "failed", cause);
			throw cause;
		} finally {
			timer?.cancel();
		}
	}

	shown(of: Single): ShownBreaker {
		const { breaker } = this.#singles[of];
		return { state: breaker.state, since: breaker.state === "closed" ? null : breaker.since };
	}

	shownObjects(): ShownObjects {
		return this.#objects.shown(this.#ports.now());
	}

	#move(held: HeldBreaker, next: HeldBreaker["breaker"], cause: unknown): void {
		const { breaker: before, of, name } = held;
		held.breaker = next;
		if (before.state === next.state) return;
		if (name !== null) this.#objects.sort(held);
		if (before.state === "closed")
			this.#ports.report({ event: "breaker-opened", dependency: of, name, cause: String(cause) });
		else if (next.state === "closed") {
			this.#ports.report({ event: "breaker-closed", dependency: of, name, openMs: this.#ports.now() - before.since });
		}
	}
}
