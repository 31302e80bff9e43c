// The breakers of this isolate, one set for each environment, and the stores' bindings behind them. The consumers, the sweep and the
// objects go past them: they wait for nobody's sake, and have tries and pauses of their own.
import type { ChangeEvent, Delivery } from "../../src/contracts/objects/events.ts";
import type { IntakeBell } from "../../src/contracts/objects/intake.ts";
import { Breakers, singles } from "../../src/operations/breakers/breakers.ts";
import type { CallKind, Single } from "../../src/operations/breakers/breakers.ts";
import { objectKinds } from "../../src/operations/breakers/object-breakers.ts";
import type { Env } from "../env.ts";
import { metrics } from "../metrics.ts";
import { report } from "../report.ts";
import { clock } from "../world.ts";
import { stored } from "./stored.ts";

const dependencies = [...singles, ...objectKinds];

const countCall = metrics.counter({
	name: "spillway_dependency_calls",
	help: "Calls for whoever asks the API, by what was called and how they ended; refused: by an open breaker, and not made.",
	labels: { dependency: dependencies, end: ["well", "slow", "failed", "refused"] },
});

const known = new WeakMap<Env, Breakers>();
/** For the metrics: a runtime gives an isolate one environment. */
let newest: Breakers | null = null;

metrics.gauge(
	{
		name: "spillway_breakers_open",
		help: "Breakers that are open or half-open. Of objects there is one for each name.",
		labels: { dependency: dependencies },
	},
	() => {
		const shown = newest;
		if (shown === null) return [];
		const { open } = shown.shownObjects();
		return [
			...singles.map((of) => ({ labels: { dependency: of }, value: shown.shown(of).state === "closed" ? 0 : 1 })),
			...objectKinds.map((kind) => ({ labels: { dependency: kind }, value: open[kind] })),
		];
	},
);

export function breakersOf(env: Env): Breakers {
	const made =
		known.get(env) ??
		new Breakers({
			now: () => clock.now(),
			random: () => Math.random(),
			wait: (ms) => clock.wait(ms),
			report,
			count: (of, end) => countCall({ dependency: of, end }),
		});
	known.set(env, made);
	newest = made;
	return made;
}

/** All that goes wrong in it is an outage, and so is silence: whether a write took effect is unknown then. */
export function guarded<T>(env: Env, of: Single, work: () => Promise<T>, kind?: CallKind): Promise<T> {
	return breakersOf(env).call({ of }, () => stored(work()), kind);
}

export type Bucket = Pick<R2Bucket, "get" | "put" | "head" | "list" | "delete">;
export type Sender<T> = Pick<Queue<T>, "send">;

export interface GuardedStores {
	ARCHIVE: Bucket;
	DELIVERIES: Sender<Delivery>;
	EVENTS: Sender<ChangeEvent>;
	INTAKE: Sender<IntakeBell>;
}

const storesKnown = new WeakMap<Env, GuardedStores>();

/** The bucket and the queues as they are bound, each call through its breaker. What is read of an object's body comes after it. */
export function guardedStores(env: Env): GuardedStores {
	const made = storesKnown.get(env) ?? makeStores(env);
	storesKnown.set(env, made);
	return made;
}

function makeStores(env: Env): GuardedStores {
	const { ARCHIVE: bucket } = env;
	const through = (method: keyof Bucket) =>
		((...args: unknown[]) => guarded(env, "archive", () => Reflect.apply(bucket[method], bucket, args))) as never;
	const sender = <T>(queue: Sender<T>): Sender<T> => ({
		send: (body, options) => guarded(env, "queues", () => queue.send(body, options)),
	});
	return {
		ARCHIVE: {
			get: through("get"),
			put: through("put"),
			head: through("head"),
			list: through("list"),
			delete: through("delete"),
		},
		DELIVERIES: sender(env.DELIVERIES),
		EVENTS: sender(env.EVENTS),
		INTAKE: sender(env.INTAKE),
	};
}
