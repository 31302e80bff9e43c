// Spilled runs by chance: the very operations that accept, drain and cancel them, over an engine and an intake whose every call is
// delivered one by one, in any order, with any fate. So two drains, a cancel and a client that tries again meet at every step.
import type { RepoCalls, SubmitCall } from "../../contracts/objects/objects.ts";
import type { Run } from "../../contracts/http/run.ts";
import { asOutage } from "../../contracts/wire/outage.ts";
import { runIdFrom } from "../../domain/ids.ts";
import type { Millis, RunId } from "../../domain/ids.ts";
import type { Ports } from "../../operations/ports.ts";
import { drainIntake } from "../../operations/spill/drain.ts";
import { KnownSpills } from "../../operations/spill/known-spills.ts";
import { submitOrSpill } from "../../operations/spill/spill.ts";
import { cancelWhereItIs } from "../../operations/spill/spilled-run.ts";
import { noon } from "../../testing/clock.ts";
import { seededRandom } from "../../testing/random.ts";
import type { SeededRandom } from "../../testing/random.ts";
import { must, aReport } from "../queue-driver.ts";
import type { Fate } from "../world/simulated-intake.ts";
import { PendingCalls, SimulatedIntake } from "../world/simulated-intake.ts";
import { SimulatedPort } from "../world/simulated-port.ts";

export type SpillStep =
	| { do: "submit"; run: number; ref: string | null; supersedes: boolean; key: string | null; spill: "auto" | "always" }
	/** The client of a submission sends it again, through a process that knows of no spill. */
	| { do: "again"; at: number; spill: "auto" | "always" }
	| { do: "drain" }
	| { do: "cancel"; at: number }
	| { do: "deliver"; index: number; fate: Fate }
	| { do: "ring"; isDoubled: boolean }
	| { do: "lose-bells" }
	| { do: "clock"; byMs: number }
	| { do: "evict" };

const name = { owner: "acme", repo: "web" };
const stepsPerSeed = 120;
const spillAfterMs = 2_000;
const fates: readonly Fate[] = ["arrives", "arrives", "arrives", "arrives", "fails", "answer lost", "late", "killed"];
const roundsMax = 500;

interface Sent {
	call: SubmitCall;
	/** When it was sent, each time. */
	at: Millis[];
	isAccepted: boolean;
	isCanceled: boolean;
}

class SpillWorld {
	readonly port = new SimulatedPort("acme", noon);
	readonly calls = new PendingCalls();
	readonly intake = new SimulatedIntake(this.calls);
	readonly sent = new Map<RunId, Sent>();
	#wrong: unknown = null;

	static async open(): Promise<SpillWorld> {
		const world = new SpillWorld();
		must(await world.port.calls.configure({ ...name, request: {}, replace: true }));
		return world;
	}

	async step(step: SpillStep): Promise<void> {
		await this.#begin(step);
		await this.port.rest();
		if (this.#wrong !== null) throw this.#wrong;
		this.#checkNumbers();
	}

	async #begin(step: SpillStep): Promise<void> {
		switch (step.do) {
			case "submit":
				return this.#send(this.#submission(step), step.spill);
			case "again": {
				const sent = this.#at(step.at);
				return sent && this.#send(sent.call, step.spill);
			}
			case "drain":
				return this.#tried(drainIntake(this.#ports("auto"), name));
			case "cancel": {
				const sent = this.#at(step.at);
				if (!sent?.isAccepted) return;
				const canceled = cancelWhereItIs(this.#ports("auto"), name, { run: sent.call.run, actor: "dev", reason: null });
				return this.#tried(canceled, (done) => {
					if (done.ok) sent.isCanceled = true;
				});
			}
			case "deliver":
				return this.calls.deliver(step.index, step.fate);
			case "ring":
				if (this.intake.bells === 0) return;
				this.intake.bells--;
				for (let rung = step.isDoubled ? 2 : 1; rung > 0; rung--) {
					this.#tried(drainIntake(this.#ports("auto"), name));
				}
				return;
			case "lose-bells":
				this.intake.bells = 0;
				return;
			case "clock":
				return this.port.moveClock(step.byMs);
			case "evict":
				return this.port.evict();
		}
	}

	#at(at: number): Sent | undefined {
		return [...this.sent.values()][at % Math.max(this.sent.size, 1)];
	}

	#submission({ run: n, ref, supersedes, key }: Extract<SpillStep, { do: "submit" }>): SubmitCall {
		const digest = `${n}`;
		const source = ref === null ? null : { cloneUrl: "https://git.example/web.git", ref, commit: null };
		const submission = { source, title: null, trigger: "api", actor: "dev", cancelSuperseded: supersedes } as const;
		const run = runIdFrom(new TextEncoder().encode(`spilled ${n}`.padStart(15)));
		return { run, key, digest, submission: { ...submission, jobs: [{ key: "a", run: "true" }] } };
	}

	#send(call: SubmitCall, spill: "auto" | "always"): void {
		const sent = this.sent.get(call.run) ?? { call, at: [], isAccepted: false, isCanceled: false };
		sent.at.push(this.port.now());
		this.sent.set(call.run, sent);
		this.#tried(submitOrSpill(this.#ports(spill), name, call), (done) => {
			if (!done.ok) return;
			if (done.value.run.id !== call.run) throw new Error(`[I4] ${call.run} was answered with ${done.value.run.id}`);
			sent.isAccepted = true;
		});
	}

	/** Goes on by itself as its calls are delivered. An outage is an answer like others; all else is a fault. */
	#tried<T>(work: Promise<T>, then: (done: T) => void = () => undefined): void {
		work.then(then).catch((cause: unknown) => {
			if (asOutage(cause) === null) this.#wrong ??= cause;
		});
	}

	#ports(spill: "auto" | "always"): Ports {
		const { port, calls } = this;
		const through = <K extends "submit" | "drain" | "cancelRun" | "keyHolder">(method: K) =>
			((...args: unknown[]) =>
				calls.call(method, () => (port.calls[method] as (...all: unknown[]) => Promise<unknown>)(...args))) as never;
		const repo: Partial<RepoCalls> = {
			submit: through("submit"),
			drain: through("drain"),
			cancelRun: through("cancelRun"),
			keyHolder: through("keyHolder"),
			run: (id) => port.calls.run(id),
		};
		const ports: Partial<Ports> = {
			repo: () => repo as RepoCalls,
			intake: this.intake,
			spills: new KnownSpills(),
			switches: { current: () => ({ spill }) } as never,
			readModel: { run: async () => null } as never,
			spillAfterMs,
			now: () => port.now(),
		};
		return ports as Ports;
	}

	/** From here on nothing goes wrong: what was accepted is drained, in its order, and comes to its end once. */
	async settle(): Promise<void> {
		for (let round = 0; round < roundsMax && (this.calls.pending.length > 0 || this.intake.records.size > 0); round++) {
			if (this.calls.pending.length === 0) this.#tried(drainIntake(this.#ports("auto"), name));
			await this.port.rest();
			while (this.calls.pending.length > 0) {
				await this.calls.deliver(0, "arrives");
				await this.port.rest();
			}
			if (this.#wrong !== null) throw this.#wrong;
		}
		if (this.intake.records.size > 0) throw new Error("[I1] a record stays in the intake for ever");
		if (this.intake.marks.size > 0) await this.#checkMarks();
		this.#checkNumbers();
		const before = await this.#kept();
		await this.#work();
		await this.#checkEnds(before);
	}

	/** A mark without a record is of a run that was canceled where it is. */
	async #checkMarks(): Promise<void> {
		for (const run of this.intake.marks.keys()) {
			const { state } = must(await this.port.calls.run(run));
			if (state !== "finished") throw new Error(`[Y6] ${run} has a mark of a cancel, and is ${state}`);
		}
	}

	/** Each accepted run is there, with its one job and the time of one of its submissions. */
	async #kept(): Promise<Map<RunId, Millis>> {
		const kept = new Map<RunId, Millis>();
		for (const [id, { isAccepted, at }] of this.sent) {
			const found = await this.port.calls.run(id);
			if (!found.ok && isAccepted) throw new Error(`[I1] ${id} was accepted and is ${found.refusal.code}`);
			if (!found.ok) continue;
			const createdAt = Date.parse(found.value.createdAt);
			const isSpilledTime = at.includes(createdAt);
			const isLater = at.some((sentAt) => createdAt >= sentAt && createdAt <= sentAt + spillAfterMs + 5_000);
			if (!isSpilledTime && !isLater)
				throw new Error(`[Y5] ${id} has the time ${found.value.createdAt}, at which nobody sent it`);
			if (found.value.jobs?.length !== 1) throw new Error(`[I1] ${id} has ${found.value.jobs?.length} jobs`);
			kept.set(id, createdAt);
		}
		return kept;
	}

	/** One runner, one job after the other: in the order of acceptance. */
	async #work(): Promise<void> {
		let last = Number.NEGATIVE_INFINITY;
		for (let round = 0; round < roundsMax; round++) {
			const runner = { id: "rn1", name: "one" };
			const call = { runner, pool: "default", shard: 0, labels: [], free: 1 };
			const [granted] = (await this.port.calls.claim(call)).grants;
			if (!granted) return;
			const { createdAt } = must(await this.port.calls.run(granted.grant.run.id));
			if (Date.parse(createdAt) < last)
				throw new Error(`[Y5] a job of ${createdAt} comes after one that was accepted later`);
			last = Date.parse(createdAt);
			must(await this.port.calls.start(granted.claim));
			must(await this.port.calls.finish(granted.claim, aReport()));
		}
		throw new Error("[I1] there is work without an end");
	}

	async #checkEnds(kept: ReadonlyMap<RunId, Millis>): Promise<void> {
		const runs = new Map<RunId, Run>();
		for (const id of kept.keys()) runs.set(id, must(await this.port.calls.run(id)));
		for (const [id, createdAt] of kept) {
			const { outcome, jobs = [] } = runs.get(id) as Run;
			const { call, isCanceled } = this.sent.get(id) as Sent;
			const isSuperseded = [...kept].some(
				([other, at]) => at > createdAt && runs.get(other)?.outcome !== "refused" && this.#supersedes(other, call),
			);
			if (outcome === null) throw new Error(`[I1] ${id} was accepted and never ends`);
			if (outcome === "refused") continue;
			if (isCanceled && outcome !== "canceled") throw new Error(`[Y6] ${id} was canceled, and has ${outcome}`);
			if (isSuperseded && outcome !== "canceled") throw new Error(`[Y5] ${id} was superseded, and has ${outcome}`);
			const attempts = jobs[0]?.attempts.length ?? 0;
			if (outcome === "passed" && attempts !== 1) throw new Error(`[I1] ${id} ran ${attempts} times`);
		}
	}

	#supersedes(other: RunId, { submission }: SubmitCall): boolean {
		const by = this.sent.get(other)?.call.submission;
		return by?.cancelSuperseded === true && by.source != null && by.source.ref === submission.source?.ref;
	}

	#checkNumbers(): void {
		const numbers = [...this.port.stored.runs.values()].map((text) => (JSON.parse(text) as { number: number }).number);
		const sorted = numbers.sort((a, b) => a - b);
		const wrong = sorted.findIndex((number, at) => number !== at + 1);
		if (wrong >= 0) throw new Error(`[W4] the numbers of the runs are ${sorted.join(", ")}`);
	}
}

function someStep(random: SeededRandom, sent: number): SpillStep {
	const kind = random.pick([
		...(["submit", "submit", "again", "drain", "ring", "cancel", "clock", "evict", "lose-bells"] as const),
		...Array<"deliver">(16).fill("deliver"),
	]);
	const spill = random.pick(["auto", "auto", "always"] as const);
	switch (kind) {
		case "submit": {
			const key = random.pick([null, `k${random.below(4)}`, `own${sent}`]);
			const ref = random.pick([null, "main", "dev"]);
			return { do: "submit", run: sent, ref, supersedes: random.chance(0.3), key, spill };
		}
		case "again":
			return { do: "again", at: random.below(100), spill };
		case "cancel":
			return { do: "cancel", at: random.below(100) };
		case "deliver":
			return { do: "deliver", index: random.below(100), fate: random.pick(fates) };
		case "ring":
			return { do: "ring", isDoubled: random.chance(0.3) };
		case "clock":
			return { do: "clock", byMs: random.pick([0, 1, 700, 3_000, 30_000]) };
		default:
			return { do: kind };
	}
}

/** Null: nothing went wrong; else the message. */
export async function replaySpill(steps: readonly SpillStep[]): Promise<string | null> {
	try {
		const world = await SpillWorld.open();
		for (const step of steps) await world.step(step);
		await world.settle();
		return null;
	} catch (cause) {
		return cause instanceof Error ? cause.message : String(cause);
	}
}

export async function playSpillSeed(seed: number): Promise<void> {
	const random = seededRandom(seed);
	const steps: SpillStep[] = [];
	for (let sent = 0; steps.length < stepsPerSeed; ) {
		const step = someStep(random, sent);
		if (step.do === "submit") sent++;
		steps.push(step);
	}
	const wrong = await replaySpill(steps);
	if (wrong === null) return;
	const shortest = await shorten(steps, wrong.slice(0, wrong.indexOf("]") + 1));
	const lines = shortest.map((step) => `\t${JSON.stringify(step)}`).join("\n");
	throw new Error(`seed ${seed}: ${wrong}\n${shortest.length} of ${steps.length} steps:\n${lines}`);
}

/** Leaves out one step after the other, as long as what is left still fails alike. */
async function shorten(steps: readonly SpillStep[], kind: string): Promise<readonly SpillStep[]> {
	let left = steps;
	for (let at = left.length - 1; at >= 0; at--) {
		const without = left.toSpliced(at, 1);
		if ((await replaySpill(without))?.startsWith(kind)) left = without;
	}
	return left;
}
