// The gate of one isolate: each call that costs something passes it, and waits here for its turn. The line decides; this keeps the
// promises of those that wait and counts what was shed. A call that waits has a timer of its own, since the runtime ends a request
// that waits for nothing but another request.
import type { OperationalEvent } from "../../contracts/wire/operational-event.ts";
import type { Millis } from "../../domain/ids.ts";
import { CallLine } from "../../domain/overload/call-line.ts";
import type { CallClass, GatedCall, LinedCall, LineLimits } from "../../domain/overload/call-line.ts";

/** Room may come by time alone, when calls turn out to be slow: whoever waits looks this often. */
const lookMs = 250;
/** Shedding has ended when nothing of its class was shed for so long. */
const calmMs = 10_000;

/** What waits at a gate: calls for their turn, or submissions that were shed there for theirs to be spilled. */
export const gateNames = ["calls", "spills"] as const;
export type GateName = (typeof gateNames)[number];

export interface GatePorts {
	name: GateName;
	now(): Millis;
	report(event: OperationalEvent): void;
	countShed(of: CallClass): void;
}

interface Shedding {
	calls: number;
	lastAt: Millis;
}

export class CallGate {
	readonly #line: CallLine;
	readonly #ports: GatePorts;
	readonly #wakers = new Map<LinedCall, () => void>();
	readonly #shedding = new Map<CallClass, Shedding>();

	constructor(limits: LineLimits, ports: GatePorts) {
		this.#line = new CallLine(limits);
		this.#ports = ports;
	}

	/** In work, and must leave; null: it was shed, or its caller has gone. `gone` is aborted when the caller is. */
	async enter(call: GatedCall, gone: AbortSignal): Promise<LinedCall | null> {
		if (gone.aborted) return null;
		const now = this.#ports.now();
		this.#sayCalm(now);
		const lined = this.#line.arrive(call, now);
		this.#letIn(now);
		if (lined?.state === "waiting") await this.#turnOf(lined, gone);
		if (lined?.state === "in-work") return lined;
		if (!gone.aborted) this.#noteShed(call.class);
		return null;
	}

	/** The second time changes nothing. */
	leave(call: LinedCall): void {
		this.#line.leave(call);
		this.#letIn(this.#ports.now());
	}

	waiting(): Record<CallClass, number> {
		return this.#line.waiting();
	}

	/** Resolves when the call is in work or over. */
	async #turnOf(call: LinedCall, gone: AbortSignal): Promise<void> {
		const { promise, resolve } = Promise.withResolvers<void>();
		this.#wakers.set(call, resolve);
		const giveUp = () => {
			if (call.state === "waiting") this.#line.leave(call);
			resolve();
		};
		let timer: ReturnType<typeof setTimeout>;
		const look = () => {
			const now = this.#ports.now();
			this.#letIn(now);
			const leftMs = call.state === "in-work" ? lookMs : this.#line.waitsUntil(call) - now;
			// Also while it is in work already: the word of the request that let it in may still be on its way, and the runtime takes a
			// request without a timer for one that hangs.
			if (call.state !== "over" && leftMs > 0) timer = setTimeout(look, Math.min(lookMs, leftMs));
			else giveUp();
		};
		timer = setTimeout(look, Math.min(lookMs, call.waitMs));
		gone.addEventListener("abort", giveUp, { once: true });
		if (gone.aborted) giveUp();
		try {
			await promise;
		} finally {
			clearTimeout(timer);
			gone.removeEventListener("abort", giveUp);
			this.#wakers.delete(call);
		}
	}

	#letIn(now: Millis): void {
		for (const call of this.#line.letIn(now)) {
			this.#wakers.get(call)?.();
			this.#wakers.delete(call);
		}
	}

	#noteShed(of: CallClass): void {
		this.#ports.countShed(of);
		const now = this.#ports.now();
		const shedding = this.#shedding.get(of) ?? { calls: 0, lastAt: now };
		if (shedding.calls === 0)
			this.#ports.report({ event: "shedding", line: this.#ports.name, class: of, state: "began", calls: 1 });
		shedding.calls++;
		shedding.lastAt = now;
		this.#shedding.set(of, shedding);
	}

	#sayCalm(now: Millis): void {
		for (const [of, { calls, lastAt }] of this.#shedding) {
			if (now - lastAt < calmMs) continue;
			this.#shedding.delete(of);
			this.#ports.report({ event: "shedding", line: this.#ports.name, class: of, state: "ended", calls });
		}
	}
}
