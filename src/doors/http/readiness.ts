// Whether what the API needs answers. Anybody may ask, so all that ask within some seconds share one look: a flood of questions
// costs the parts nothing.
import { z } from "@hono/zod-openapi";
import { time } from "../../contracts/http/fields.ts";
import { timeText } from "../../contracts/wire/time-text.ts";
import type { Millis } from "../../domain/ids.ts";

export const state = z.enum(["ok", "degraded", "down"]);
type State = z.infer<typeof state>;
/** `since`: from when this instance has seen it so. */
const dependency = z.object({ status: state, since: time });
export const readiness = z
	.object({ status: state, since: time, dependencies: z.record(z.string(), dependency) })
	.openapi("Readiness");
export type ReadinessAnswer = z.infer<typeof readiness>;

export interface Dependency {
	name: string;
	/** Nothing is accepted without it. What is not vital only makes the whole `degraded`. */
	isVital: boolean;
	/** Resolves when all that is needed of it answered. */
	look(): Promise<unknown>;
}

/** Long enough that nobody's asking is felt, short enough for a load balancer. */
const keptMs = 5_000;
/** An answer that took longer makes its dependency `degraded`. */
const slowMs = 1_000;
/** No answer in this time counts as `down`, and nobody who asks waits longer. */
const lateMs = 3_000;

interface Seen {
	status: State;
	since: Millis;
}

export class Readiness {
	readonly #now: () => Millis;
	readonly #wentDown: (dependency: string, cause: unknown) => void;
	readonly #seen = new Map<string, Seen>();
	#whole: Seen | null = null;
	#lookedAt: Millis = Number.NEGATIVE_INFINITY;
	#looking: Promise<void> | null = null;

	/** `wentDown` is called once for each time that a dependency goes down, not at each look. */
	constructor(now: () => Millis, wentDown: (dependency: string, cause: unknown) => void) {
		this.#now = now;
		this.#wentDown = wentDown;
	}

	/** Of the last look while that is fresh, else of the next, for which all that ask wait. `later`: it may outlive who asked. */
	async read(dependencies: readonly Dependency[], later: (work: Promise<unknown>) => void): Promise<ReadinessAnswer> {
		if (this.#looking === null && this.#now() - this.#lookedAt >= keptMs) {
			this.#looking = this.#look(dependencies).finally(() => {
				this.#looking = null;
			});
			later(this.#looking);
		}
		await this.#looking;
		const shown = ({ status, since }: Seen) => ({ status, since: timeText(since) });
		const each = [...this.#seen].map(([name, seen]) => [name, shown(seen)] as const);
		return { ...shown(this.#whole ?? { status: "down", since: this.#now() }), dependencies: Object.fromEntries(each) };
	}

	async #look(dependencies: readonly Dependency[]): Promise<void> {
		const states = await Promise.all(dependencies.map((dependency) => this.#stateOf(dependency)));
		const now = this.#now();
		this.#lookedAt = now;
		for (const [index, { name }] of dependencies.entries()) {
			this.#seen.set(name, next(this.#seen.get(name) ?? null, states[index] ?? "down", now));
		}
		const isDown = dependencies.some(({ isVital }, index) => isVital && states[index] === "down");
		const isWell = states.every((status) => status === "ok");
		this.#whole = next(this.#whole, isDown ? "down" : isWell ? "ok" : "degraded", now);
	}

	async #stateOf({ name, look }: Dependency): Promise<State> {
		const beganAt = this.#now();
		let timer: ReturnType<typeof setTimeout> | undefined;
		const late = new Promise((_, reject) => {
			timer = setTimeout(() => reject(new Error(`no answer in ${lateMs} ms`)), lateMs);
		});
		try {
			await Promise.race([look(), late]);
			return this.#now() - beganAt > slowMs ? "degraded" : "ok";
		} catch (cause) {
			if (this.#seen.get(name)?.status !== "down") this.#wentDown(name, cause);
			return "down";
		} finally {
			clearTimeout(timer);
		}
	}
}

function next(before: Seen | null, status: State, now: Millis): Seen {
	return before?.status === status ? before : { status, since: now };
}
