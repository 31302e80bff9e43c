// How a call of a repository gets its turn: alone or together with others, in one piece or in slices, once it is known that there is a
// repository and that somebody still waits for the answer. What is done in the turn is each call's own.
import type { Job } from "../../contracts/http/run.ts";
import type { LeaseAnswer, LeaseIdentity, TimedCall } from "../../contracts/objects/objects.ts";
import { leaseStateOf } from "../../domain/run/decide.ts";
import type { Circumstances, Decision, RunView } from "../../domain/run/decide.ts";
import type { JobId, RunId } from "../../domain/ids.ts";
import { clockSkewMaxMs } from "../../domain/limits.ts";
import { accept, refuse } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import type { World } from "../ports.ts";
import { Turns } from "../turn.ts";
import { showJob } from "./reads/repo-view.ts";
import type { RepoQueue } from "./repo-queue.ts";

type Work<T> = (repository: NonNullable<RepoQueue["repository"]>) => Result<T>;
type DecideJob = (view: RunView, index: number, now: number) => Result<Decision>;

export class RepoTurns {
	readonly #world: World;
	readonly #queue: RepoQueue;
	readonly #turns: Turns;

	constructor(world: World, queue: RepoQueue) {
		this.#world = world;
		this.#queue = queue;
		this.#turns = new Turns(world.storage);
	}

	/** Without a turn. Refuses for a repository that was never configured, whose tables do not exist [W1]. */
	known<T>(work: Work<T>): Result<T> {
		const { repository } = this.#queue;
		return repository === null ? refuse({ code: "repository-unknown" }) : work(repository);
	}

	/** See Turns; also for a repository that was never configured. */
	take<T>(work: () => T): Promise<T> {
		return this.#turns.take(work);
	}

	takeLong<T>(work: () => Promise<T>): Promise<T> {
		return this.#turns.takeLong(work);
	}

	/** As part of a turn, which may share its commit with others. */
	write<T>(work: Work<T>): Promise<Result<T>> {
		return this.#turns.take(() => this.known(work));
	}

	/** [W92] So too, and in a turn of its own that gives way to others where these runs have, or are given, many jobs. */
	writeOn<T>({ runs, added = 0 }: { runs: readonly RunId[]; added?: number }, work: Work<T>): Promise<Result<T>> {
		const jobs = runs.reduce((sum, run) => sum + (this.#queue.run(run)?.jobs ?? 0), added);
		if (jobs <= this.#queue.sliceJobs) return this.write(work);
		return this.#turns.takeLong(() => this.#queue.transactInSlices(runs, () => this.known(work)));
	}

	writeJob(id: JobId, decide: DecideJob): Promise<Result<Job>> {
		return this.write(() => {
			const decided = this.#queue.onJob(id, decide);
			return decided.ok ? showJob(this.#queue, id) : decided;
		});
	}

	/**
	 * A runner need not know why its lease is over: every other refusal is `lease-stale` to it. A lease that was not started keeps its
	 * refusal, since the runner can mend that.
	 */
	async writeLease(lease: LeaseIdentity, decide: DecideJob): Promise<Result<LeaseAnswer>> {
		const shown = await this.writeJob(lease.job, decide);
		if (!shown.ok) return shown.refusal.code === "lease-not-started" ? shown : refuse({ code: "lease-stale" });
		return accept({ job: shown.value, lease: leaseStateOf(this.#queue.job(lease.job), lease) });
	}

	/**
	 * [V11] Whether a call has stopped waiting by the time that its turn comes: then nothing is done for it, which would only hold up
	 * those behind it. Said as a value: what an object throws the runtime logs as a fault that nobody caught.
	 */
	isLate({ deadlineAt = Number.POSITIVE_INFINITY }: TimedCall): boolean {
		return this.#world.now() > deadlineAt + clockSkewMaxMs;
	}

	/** The work, unless its caller is gone. */
	timed<T>(call: TimedCall, work: Work<T>): Work<T> {
		return (repository) => (this.isLate(call) ? refuse({ code: "caller-gone" }) : work(repository));
	}

	/** What a rule is given of the world, since it has no clock and no chance of its own [T2]. */
	circumstances(now: number): Circumstances {
		return { now, random: this.#world.random(), retriesLeft: this.#queue.retriesLeft(now) };
	}
}
