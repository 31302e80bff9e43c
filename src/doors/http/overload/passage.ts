// One request's way through the gate. It is passed once the body is here, and the slot ends with the answer's head: no slot is held
// while a caller takes its time.
import type { GatedCall } from "../../../domain/overload/call-line.ts";
import type { Millis } from "../../../domain/ids.ts";
import { bytesPerCost, spillWaitMs, submissionWaitPart } from "../../../domain/overload/overload-limits.ts";
import type { CallGate } from "../../../operations/overload/call-gate.ts";
import { ProblemAnswer } from "../answer.ts";
import type { Services } from "../services.ts";

const retryAfterSeconds = 2;

type PassageServices = Pick<Services, "gates" | "now" | "switches" | "spillAfterMs">;

export class Passage {
	/** When it came to the gate: from then on its time runs. */
	enteredAt: Millis | null = null;
	/** A submission that was shed, and goes into the intake. */
	isShed = false;
	readonly #services: PassageServices;
	readonly #call: GatedCall;
	readonly #gone: AbortSignal;
	#leave: (() => void) | null = null;

	/** `gone` is aborted when the caller is. */
	constructor(services: PassageServices, { call, gone }: { call: GatedCall; gone: AbortSignal }) {
		this.#services = services;
		this.#call = call;
		this.#gone = gone;
	}

	/** Throws 503 when the call is shed: nothing of it was done. */
	async enter(bodyBytes: number): Promise<void> {
		if (!(await this.tryEnter(bodyBytes))) throw overloaded();
	}

	/** False: the call is shed. */
	async tryEnter(bodyBytes: number): Promise<boolean> {
		if (this.enteredAt !== null) return true;
		const { gates, now, switches, spillAfterMs } = this.#services;
		this.enteredAt = now();
		const call = { ...this.#call, cost: this.#call.cost + Math.floor(bodyBytes / bytesPerCost) };
		if (call.class === "submission") call.waitMs = spillAfterMs * submissionWaitPart;
		if (await this.#pass(gates.calls, call)) return true;
		this.isShed = call.class === "submission" && switches.current().spill !== "never";
		return this.isShed && (await this.#pass(gates.spills, { ...call, waitMs: spillWaitMs }));
	}

	leave(): void {
		this.#leave?.();
	}

	async #pass(gate: CallGate, call: GatedCall): Promise<boolean> {
		const lined = await gate.enter(call, this.#gone);
		if (lined === null) return false;
		this.#leave = () => {
			this.#gone.removeEventListener("abort", leave);
			gate.leave(lined);
		};
		const leave = this.#leave;
		// With the caller the runtime may end the request, and what comes after an `await` is not run.
		this.#gone.addEventListener("abort", leave, { once: true });
		return true;
	}
}

export function overloaded(): ProblemAnswer {
	const detail = "More is asked for here than can be done at present. Nothing of this was done; ask again later.";
	return new ProblemAnswer({ status: 503, code: "overloaded", detail, retryAfterSeconds });
}
