// Fairness inside a repository: jobs of one branch (or of one person) do not push aside those of others. What already runs of a
// party counts as if its next job had come later; so whoever has less running goes first, and since the handicap is bounded by
// what runs, nobody waits for ever.

export interface Fairness {
	/** Whose jobs are a party: those of one ref (of one actor where there is no ref), or those of one actor. */
	by: "ref" | "actor";
	/** How much later a job counts for each job of its party that runs already; 0: strictly by rank. */
	perRunningSeconds: number;
	/** By ref or actor: with weight 2, two running jobs count as one. 1 unless named. */
	weights: Record<string, number>;
}

export const fairnessDefault: Fairness = { by: "ref", perRunningSeconds: 60, weights: {} };

export function partyOf({ ref, actor }: { ref: string | null; actor: string }, { by }: Pick<Fairness, "by">): string {
	return by === "ref" ? (ref ?? actor) : actor;
}

/** [Q6] Milliseconds by which a party's next job counts as later. */
export function handicapMs(party: string, running: number, fairness: Fairness): number {
	// Anybody may name a branch `constructor`, which every object seems to have.
	const weight = Object.hasOwn(fairness.weights, party) ? (fairness.weights[party] ?? 1) : 1;
	return Math.round((running / weight) * fairness.perRunningSeconds * 1_000);
}
