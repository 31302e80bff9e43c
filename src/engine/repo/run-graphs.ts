// The graphs of runs of many jobs, as their tables say: so an end in such a run does not read all of its jobs again. A cache that
// committed moves keep true.
import type { RunId } from "../../domain/ids.ts";
import type { Job, Move } from "../../domain/job/job.ts";
import { nodeOf } from "../../domain/run/decide.ts";
import type { Node } from "../../domain/run/graph.ts";

/** Jobs whose nodes are kept, some 15 MB; beyond it all are forgotten, and read again when they are needed. */
const nodesKept = 50_000;

interface Graph {
	nodes: Map<number, Node>;
	keys: Map<string, number>;
}

export class RunGraphs {
	readonly #graphs = new Map<RunId, Graph>();
	#count = 0;

	/** A copy that a decision may change as it goes. */
	nodes(run: RunId): Map<number, Node> | null {
		const graph = this.#graphs.get(run);
		if (graph === undefined) return null;
		const copy = new Map<number, Node>();
		for (const [index, node] of graph.nodes) copy.set(index, { ...node });
		return copy;
	}

	keys(run: RunId): Map<string, number> | null {
		const keys = this.#graphs.get(run)?.keys;
		return keys === undefined ? null : new Map(keys);
	}

	/** `jobs` are all that the run has, as they are stored. */
	keep(run: RunId, jobs: readonly Job[]): void {
		if (this.#graphs.has(run)) return;
		// One run alone may have more: it is kept all the same, being the one that is worked on.
		if (this.#count + jobs.length > nodesKept) {
			this.#graphs.clear();
			this.#count = 0;
		}
		const graph: Graph = { nodes: new Map(), keys: new Map() };
		this.#graphs.set(run, graph);
		for (const job of jobs) this.#set(graph, job);
	}

	/** After the commit. A run that is not kept is not read for it: its next decision does that. */
	moved(run: RunId, moves: readonly Move[]): void {
		const graph = this.#graphs.get(run);
		if (graph === undefined) return;
		for (const { after } of moves) this.#set(graph, after);
	}

	/** It has left for the archive, and its rows with it. */
	forget(run: RunId): void {
		this.#count -= this.#graphs.get(run)?.nodes.size ?? 0;
		this.#graphs.delete(run);
	}

	#set(graph: Graph, job: Job): void {
		if (!graph.nodes.has(job.index)) this.#count++;
		graph.nodes.set(job.index, nodeOf(job));
		graph.keys.set(job.spec.key, job.index);
	}
}
