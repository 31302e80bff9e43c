// Whether what the API needs answers. Anybody may ask, so all that ask within some seconds share one look: a flood of questions
// costs the parts nothing.
import { z } from "@hono/zod-openapi";
import { time } from "../../contracts/http/fields.ts";
import { objectKinds } from "../../operations/breakers/object-breakers.ts";
import { inTime } from "../../contracts/wire/in-time.ts";
import { timeText } from "../../contracts/wire/time-text.ts";
import type { Millis } from "../../domain/ids.ts";

export const state = z.enum(["ok", "degraded", "down"]);
type State = z.infer<typeof state>;
/** Closed ones are not shown one by one. `name` is there for the operator alone. */
const objectBreaker = z.object({
	kind: z.enum(objectKinds),
	state: z.enum(["open", "half-open"]),
	since: time,
	name: z.string().optional(),
});
const objectBreakers = z
	.object({
		open: z.object({ repositories: z.int(), pools: z.int(), logs: z.int(), feeds: z.int(), owners: z.int() }),
		worst: z.array(objectBreaker),
	})
	.openapi("ObjectBreakers");
/** `since`: from when this instance has seen it so. */
const dependency = z.object({
	status: state,
	since: time,
	breaker: z.enum(["closed", "open", "half-open"]).optional(),
	breakers: objectBreakers.optional(),
	faults: z.array(z.string()).optional(),
});
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
	/** What its breaker, or those of its objects, say now; a look is some seconds old. */
	trouble?(): Trouble;
}

/** `since` null: there is none. */
export interface Trouble {
	status: State;
	since: Millis | null;
	shown: Pick<z.infer<typeof dependency>, "breaker" | "breakers" | "faults">;
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
		const each = dependencies.map(({ name, trouble }) => {
			const told = trouble?.();
			const seen = this.#seen.get(name) ?? { status: "down" as const, since: this.#now() };
			return [name, { ...shown(worse(seen, told)), ...told?.shown }] as const;
		});
		// By the looks alone: a breaker may be open for the few calls that failed, while what is needed of the part was answered.
		const isDown = dependencies.some(({ name, isVital }) => isVital && this.#seen.get(name)?.status === "down");
		const isWell = each.every(([, { status }]) => status === "ok");
		this.#whole = next(this.#whole, isDown ? "down" : isWell ? "ok" : "degraded", this.#now());
		return { ...shown(this.#whole), dependencies: Object.fromEntries(each) };
	}

	async #look(dependencies: readonly Dependency[]): Promise<void> {
		const states = await Promise.all(dependencies.map((dependency) => this.#stateOf(dependency)));
		const now = this.#now();
		this.#lookedAt = now;
		for (const [index, { name }] of dependencies.entries()) {
			this.#seen.set(name, next(this.#seen.get(name) ?? null, states[index] ?? "down", now));
		}
	}

	async #stateOf({ name, look }: Dependency): Promise<State> {
		const beganAt = this.#now();
		try {
			await inTime(look(), lateMs, () => {
				throw new Error(`no answer in ${lateMs} ms`);
			});
			return this.#now() - beganAt > slowMs ? "degraded" : "ok";
		} catch (cause) {
			if (this.#seen.get(name)?.status !== "down") this.#wentDown(name, cause);
			return "down";
		}
	}
}

function next(before: Seen | null, status: State, now: Millis): Seen {
	return before?.status === status ? before : { status, since: now };
}

function shown({ status, since }: Seen): { status: State; since: string } {
	return { status, since: timeText(since) };
}

const order: readonly State[] = ["ok", "degraded", "down"];

/** [K13] The worse of both; where they agree, since the earlier. */
function worse(seen: Seen, trouble: Trouble | undefined): Seen {
	if (trouble === undefined || trouble.since === null) return seen;
	const { status, since } = trouble;
	const by = order.indexOf(status) - order.indexOf(seen.status);
	return {
		status: by > 0 ? status : seen.status,
		since: by > 0 ? since : by < 0 ? seen.since : Math.min(since, seen.since),
	};
}
