// A run that may be only in the intake: whatever is asked of a run its repository is asked first, and the intake when the repository
// has not heard of the run or does not answer.
import type { Intake } from "../../contracts/objects/intake.ts";
import type { Actor, RepositoryName } from "../../contracts/objects/objects.ts";
import { asOutage, Outage } from "../../contracts/wire/outage.ts";
import type { Run } from "../../contracts/http/run.ts";
import { viewSpilled } from "../../contracts/wire/spilled-view.ts";
import type { RunId } from "../../domain/ids.ts";
import type { Refusal, Result } from "../../domain/refusal.ts";
import { accept, refuse } from "../../domain/refusal.ts";
import type { Ports } from "../ports.ts";

export interface SpilledRunName extends RepositoryName {
	run: RunId;
}

/** Refusals of a repository that has not heard of a run. */
const unheard: ReadonlySet<Refusal["code"]> = new Set(["run-unknown", "job-unknown", "repository-unknown"]);

/**
 * What the repository says; `spilled` is the run where it is only in the intake. It may be drained between the two looks, so the
 * repository is asked again before a run counts as unknown. Throws the repository's `Outage` when the intake has no such run.
 */
export async function orSpilled<T>(
	intake: Intake,
	{ run, ...name }: SpilledRunName,
	ask: () => Promise<Result<T>>,
): Promise<Result<T> | { spilled: Run }> {
	let outage: unknown = null;
	try {
		const said = await ask();
		if (said.ok || !unheard.has(said.refusal.code)) return said;
	} catch (cause) {
		if (asOutage(cause) === null) throw cause;
		outage = cause;
	}
	const spilled = await readSpilled(intake, name, run);
	if (spilled !== null) return { spilled };
	if (outage !== null) throw outage;
	return ask();
}

/** [Y6] What needs the run's repository is refused while the run is only in the intake. */
export async function onceTaken<T>(
	intake: Intake,
	name: SpilledRunName,
	act: () => Promise<Result<T>>,
): Promise<Result<T>> {
	const done = await orSpilled(intake, name, act);
	if (!("spilled" in done)) return done;
	return refuse({ code: done.spilled.state === "finished" ? "run-finished" : "run-accepted" });
}

/**
 * A run that is only in the intake, as everybody is shown it; null: it is not there, or no more. [Y11] Throws an `Outage` for one
 * that a newer build accepted: it is there, and this build cannot say how it is.
 */
export async function readSpilled(intake: Intake, name: RepositoryName, run: RunId): Promise<Run | null> {
	const [spilled, canceled] = await Promise.all([intake.get(name, run), intake.canceled(name, run)]);
	if (spilled?.form === "newer")
		throw new Outage(`run ${run} was accepted by a newer version, which alone can read it`);
	const shown = spilled && viewSpilled(spilled, canceled);
	return shown?.ok ? shown.value : null;
}

/**
 * [Y6] A run's cancel, wherever the run is. In the intake the mark is put first, and then the repository is asked again: so whoever
 * drains the run at this very moment either finds the mark, or has brought the run to where it is canceled now.
 */
export async function cancelWhereItIs(
	{ repo, intake, now }: Pick<Ports, "repo" | "intake" | "now">,
	name: RepositoryName,
	call: { run: RunId } & Actor,
): Promise<Result<Run>> {
	const { run, actor, reason } = call;
	const ask = () => repo(name).cancelRun(call);
	const done = await orSpilled(intake, { ...name, run }, ask);
	if (!("spilled" in done)) return done;
	if (done.spilled.state === "finished") return refuse({ code: "run-finished" });
	await intake.cancel(name, run, { actor, reason, at: now() });
	const again = await orSpilled(intake, { ...name, run }, ask);
	if ("spilled" in again) return accept(again.spilled);
	// The repository has it: a mark that came after the drain looked for it would cancel the run whenever it is spilled again.
	if (again.ok) await intake.remove(name, run);
	return again;
}
