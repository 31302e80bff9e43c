// All that a repository tells others, wired together: the outbox that sends, the demand and the pools that it is for, the read model
// and the feeds of watched runs. The queue decides and writes; once a decision is committed it is handed over here.
import type { Demand } from "../../../contracts/objects/objects.ts";
import type { Job as JobView } from "../../../contracts/http/run.ts";
import type { Decision } from "../../../domain/run/decide.ts";
import type { Millis, RunId } from "../../../domain/ids.ts";
import type { Job } from "../../../domain/job/job.ts";
import { demandRepeatMs } from "../../../domain/limits.ts";
import type { Standing } from "../../../domain/queue/standing.ts";
import type { Run } from "../../../domain/run/run.ts";
import type { RepoPorts } from "../repo-ports.ts";
import type { RepoTables } from "../repo-tables.ts";
import type { ConfiguredRepository } from "../repository-row.ts";
import { AnnouncedDemand } from "./announced-demand.ts";
import { KnownPools } from "./known-pools.ts";
import { hintMove } from "./lease-hints.ts";
import { closeOf, Outbox } from "./outbox.ts";
import { Projection } from "./projection.ts";
import { WatchFeeds } from "./watch-feeds.ts";

/** What is told of is read when it is sent, so that what is late is not old. */
export interface OutgoingSource {
	tables: RepoTables;
	repository(): ConfiguredRepository | null;
	standing(): Standing;
	run(id: RunId): Run | null;
	/** Jobs as everybody is shown them, each in the state it has here. */
	show(jobs: readonly Job[]): JobView[];
	/** A round of sending is over: the alarm may have to be set. */
	rest(): void;
}

export class Outgoing {
	readonly pools: KnownPools;
	readonly projection: Projection;
	readonly watchFeeds: WatchFeeds;
	readonly #source: OutgoingSource;
	readonly #outbox: Outbox;
	readonly #demand: AnnouncedDemand;

	constructor({ world, outside }: Pick<RepoPorts, "world" | "outside">, source: OutgoingSource) {
		this.#source = source;
		const { tables, show } = source;
		const ports = { world, outside };
		const now = () => world.now();
		const repository = () => source.repository();
		this.#demand = new AnnouncedDemand({ now, repository, standing: () => source.standing() });
		this.#outbox = new Outbox(ports, {
			repository,
			demand: (pool) => this.demand(pool),
			heard: (shard, demand, answer) => this.pools.heard(shard, demand, answer),
			behind: () => this.projection.behind(),
			rest: () => source.rest(),
		});
		this.pools = new KnownPools({
			now,
			wait: (ms) => world.wait(ms),
			demand: (pool) => this.demand(pool),
			ask: (pool) => this.#outbox.ask(pool),
		});
		this.watchFeeds = new WatchFeeds(ports, { watched: tables.watched, repository, show });
		this.projection = new Projection({
			now,
			isWatched: (id) => this.watchFeeds.isWatched(id),
			tables,
			repository,
			run: (id) => source.run(id),
			tell: (change) => this.#outbox.change(change),
			mayProject: () => outside.mayProject(),
			setBehind: (since) => {
				const name = repository();
				if (name) outside.setBehind(name, since);
			},
			noteLag: (since) => {
				const name = repository();
				if (name) outside.noteLag(name, since);
			},
		});
	}

	/** Whether something is still to be sent, or is on its way. */
	get hasNews(): boolean {
		return this.#outbox.hasNews;
	}

	/** See Outbox. */
	flush(again = false): Promise<void> {
		return this.#outbox.flush(again);
	}

	/** When the alarm is wanted for any of it. */
	deadlines(now: Millis): (Millis | null)[] {
		// Should the object end now, it sends after waking what it is sending now.
		const flushBy = this.hasNews ? now + demandRepeatMs : null;
		return [this.#outbox.againAt, this.#demand.repeatAt, flushBy, this.projection.dueAt];
	}

	/** What is due of it at an alarm. */
	async alarm(now: Millis): Promise<void> {
		if (this.#demand.repeatAt !== null && now >= this.#demand.repeatAt) this.announce();
		this.projection.resendUnconfirmed(now);
		await this.flush(true);
	}

	/** Repeats whatever may have got lost; `stale` are runs as the read model knows them, with the version it has. */
	async repeat(stale: readonly { id: RunId; version: number }[]): Promise<void> {
		for (const { id, version } of stale) {
			const run = this.#source.run(id);
			if (run && (run.version > version || run.state === "finished")) this.projection.whole(run);
			else if (run) this.projection.seen(id);
		}
		this.announce();
		await this.flush(true);
	}

	/** After waking: sends again what the marks in the tables have as unconfirmed. */
	recover(repository: ConfiguredRepository): void {
		this.projection.recover();
		const { tables } = this.#source;
		for (const { run, index } of tables.sealingPlaces()) {
			for (const attempt of tables.sealing(run, index)) this.#outbox.close(closeOf(repository, attempt));
		}
	}

	/** Those whom a committed decision concerns are to hear of it; `before` is its run as it was. */
	moved(repository: ConfiguredRepository, { run, moves }: Decision, before: Run | null): void {
		this.projection.moved(run, moves);
		for (const move of moves) {
			hintMove(this.#outbox, repository, move);
			if (move.attempt) this.#outbox.close(closeOf(repository, move.attempt));
		}
		const jobs = moves.map(({ after }) => after);
		this.watchFeeds.change(run, before?.version ?? 0, jobs);
	}

	/** Marks the pools; the outbox reads the demand when it sends, so that ten moves in a turn make one message. */
	announce(): void {
		for (const pool of this.#demand.poolsToNotify()) this.#outbox.pool(pool).demand = true;
	}

	/** See AnnouncedDemand. */
	demand(pool: string, known = 0): Demand | null {
		return this.#demand.of(pool, known);
	}

	/** A shard of the pool that asks hears what there is now. */
	answerDemand(pool: string, { shard, known }: { shard: number; known: number }): Demand | null {
		const demand = this.demand(pool, known);
		if (demand !== null) this.#outbox.answered(shard, demand);
		return demand;
	}

	/** A shard of the pool hears what there is after its claim; `before` is what there was. */
	claimed({ shard, known }: { shard: number; known?: number }, before: Demand): Demand {
		const after = this.demand(before.pool, known) ?? before;
		this.#outbox.claimed(shard, before, after);
		return after;
	}
}
