// Which faults befall the system, in which order: a pure function of the seed. Four lanes go side by side, one fault after another
// in each, so that a fault meets others under way. When a fault hits is a matter of the machine; which one comes next is not.
import { seededRandom } from "../../src/testing/random.ts";
import type { SeededRandom } from "../../src/testing/random.ts";

export const targets = ["database", "archive", "queues", "repositories", "pools", "logs", "others"] as const;
/** What the Worker calls. `others`: the objects of feeds, owners and switches. */
export type Target = (typeof targets)[number];

/** `fail`: nothing is done. `lose`: it is done, and the answer is lost. `crawl`: it is done, late. */
export const ways = ["fail", "lose", "crawl"] as const;
export type Way = (typeof ways)[number];

export const messageWays = ["drop", "double", "delay"] as const;
export type MessageWay = (typeof messageWays)[number];

/** A whole number that is drawn from [min, max). */
type Range = readonly [min: number, max: number];

interface KindFacts {
	/** How long it lasts, or how long what was killed stays away. */
	ms: Range;
}

/** Processes of the server, and its disk. A freeze of more than 30 s would cost leases: those have a lane of their own. */
const serverKinds = {
	"kill-server": { ms: [0, 3_000] },
	"kill-node": { ms: [0, 3_000] },
	"kill-workerd": { ms: [0, 1_000] },
	"stop-server": { ms: [0, 1_000] },
	"freeze-server": { ms: [500, 8_000] },
	"freeze-node": { ms: [500, 8_000] },
	"freeze-workerd": { ms: [500, 8_000] },
	"fill-disk": { ms: [1_000, 5_000] },
} satisfies Record<string, KindFacts>;

const runnerKinds = {
	"kill-runner": { ms: [0, 4_000] },
	"freeze-runner": { ms: [500, 12_000] },
	"kill-line-runners": { ms: [0, 4_000] },
	"freeze-line-runners": { ms: [500, 12_000] },
} satisfies Record<string, KindFacts>;

/** Frozen until its leases are lost, or those of all runners must be taken for lost by them. */
const lossKinds = {
	"lose-server": { ms: [32_000, 50_000] },
	"lose-runner": { ms: [40_000, 70_000] },
	"lose-line-runners": { ms: [40_000, 70_000] },
} satisfies Record<string, KindFacts>;

const insideMs: Range = [500, 4_000];

export type ServerKind = keyof typeof serverKinds;
export type RunnerKind = keyof typeof runnerKinds;
export type InsideKind = `${Way}-${Target}` | `${MessageWay}-messages` | "reset-object";
export type LossKind = keyof typeof lossKinds;
export type FaultKind = ServerKind | RunnerKind | LossKind | InsideKind;

const insideKinds = Object.fromEntries(
	[
		...targets.flatMap((target) => ways.map((way) => `${way}-${target}`)),
		...messageWays.map((way) => `${way}-messages`),
		// Cheap and quick, and each hits one object of many.
		..."123456".split("").map((times) => `reset-object ${times}`),
	].map((kind) => [kind, { ms: insideMs }]),
) as Record<string, KindFacts>;

const lanes = { server: serverKinds, runners: runnerKinds, losses: lossKinds, inside: insideKinds };
export type Lane = keyof typeof lanes;
export const laneNames = Object.keys(lanes) as Lane[];

/** Between the end of a fault and the next one of its lane. */
const pauseMs: Record<Lane, Range> = {
	server: [1_000, 8_000],
	runners: [500, 5_000],
	losses: [5_000, 40_000],
	inside: [0, 1_500],
};

export interface Fault {
	/** From 1, in its lane. */
	number: number;
	lane: Lane;
	kind: FaultKind;
	/** Which of those there are, by the remainder: a process, an object. */
	target: number;
	ms: number;
	/** It hits each n-th call; processes are hit whole. */
	every: number;
	/** After its end, before the next. */
	pauseMs: number;
}

export const faultKinds = [
	...new Set(Object.values(lanes).flatMap((kinds) => Object.keys(kinds).map((name) => kindOf(name)))),
];

/**
 * The faults of one lane, without an end. Kinds come in rounds, each kind of the lane once in a round, so that a short chaos tries
 * as many as it can. `only`: what else would come is left out, and the rest comes as it would have.
 */
export function* faultsOf(
	seed: number,
	lane: Lane,
	only: ReadonlySet<FaultKind> | null = null,
): Generator<Fault, void> {
	const random = seededRandom(seed * laneNames.length + laneNames.indexOf(lane));
	const kinds: [string, KindFacts][] = Object.entries(lanes[lane]);
	if (only !== null && !kinds.some(([name]) => only.has(kindOf(name)))) return;
	for (let number = 1; ; ) {
		for (const [name, { ms }] of shuffled(kinds, random)) {
			const kind = kindOf(name);
			const drawn = { target: random.below(1 << 16), ms: between(ms, random), every: 1 + random.below(3) };
			const fault = { number, lane, kind, ...drawn, pauseMs: between(pauseMs[lane], random) };
			if (only !== null && !only.has(kind)) continue;
			number++;
			yield fault;
		}
	}
}

/** Names differ only so that a kind may come more than once in a round. */
function kindOf(name: string): FaultKind {
	return name.split(" ")[0] as FaultKind;
}

export function between([min, max]: Range, random: SeededRandom): number {
	return min + random.below(max - min);
}

function shuffled<T>(from: readonly T[], random: SeededRandom): T[] {
	const items = [...from];
	for (let last = items.length - 1; last > 0; last--) {
		const other = random.below(last + 1);
		[items[last], items[other]] = [items[other] as T, items[last] as T];
	}
	return items;
}
