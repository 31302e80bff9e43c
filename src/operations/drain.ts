// Emptying the intake of one repository: each run goes to its repository, and only then leaves the intake. Killed anywhere between,
// the next visit does the rest; what is told twice has its effect once.
import type { Intake, SpilledRun } from "../contracts/objects/intake.ts";
import type { RepoCalls, RepositoryName } from "../contracts/objects/objects.ts";
import { drainRunsMax, spillRefusedKeptMs } from "../domain/limits.ts";
import { refusalReason } from "../domain/run/refusal-reason.ts";
import type { RunId } from "../domain/ids.ts";

/** Records read at once, so that the store's delay is not paid for each. */
const readAtOnce = 16;

export interface DrainPorts {
	repo(name: RepositoryName): Pick<RepoCalls, "drain" | "cancelRun">;
	intake: Intake;
	now(): number;
}

/**
 * [Y3] In the order of acceptance. Throws the `Outage` of the repository or the store: what was drained until then is done, the rest
 * stands where it stood. `isMore`: there is more than one visit takes.
 */
export async function drainIntake(
	ports: DrainPorts,
	name: RepositoryName,
): Promise<{ drained: number; isMore: boolean }> {
	const { intake } = ports;
	const listed = await intake.list(name, drainRunsMax + 1);
	const kept = listed.filter(({ refusedAt }) => refusedAt !== null);
	for (const { run, refusedAt } of kept) {
		if ((refusedAt ?? 0) + spillRefusedKeptMs < ports.now()) await intake.remove(name, run);
	}
	const due = listed.filter(({ refusedAt }) => refusedAt === null).map(({ run }) => run);
	const runs = due.slice(0, drainRunsMax);
	for (let from = 0; from < runs.length; from += readAtOnce)
		await drainSome(ports, name, runs.slice(from, from + readAtOnce));
	return { drained: runs.length, isMore: due.length > runs.length };
}

async function drainSome(ports: DrainPorts, name: RepositoryName, runs: readonly RunId[]): Promise<void> {
	const read = runs.map(async (run) => ({
		spilled: await ports.intake.get(name, run),
		canceled: await ports.intake.canceled(name, run),
	}));
	for (const { spilled, canceled } of await Promise.all(read)) {
		// Null: another visit was faster.
		if (spilled !== null && spilled.form === 1) await drainOne(ports, name, spilled, canceled);
	}
}

async function drainOne(
	{ repo, intake, now }: DrainPorts,
	name: RepositoryName,
	spilled: SpilledRun,
	canceled: Awaited<ReturnType<Intake["canceled"]>>,
): Promise<void> {
	const { run, key, digest, submission, acceptedAt } = spilled;
	const done = await repo(name).drain({ run, key, digest, submission, acceptedAt, canceled });
	if (!done.ok) {
		await intake.setRefused(spilled, { reason: refusalReason(done.refusal), at: now() });
		return;
	}
	// [Y6] A cancel that came after the mark was looked for: whoever put it asks the repository too, but may have died before.
	const late = canceled === null ? await intake.canceled(name, run) : null;
	if (late !== null) await repo(name).cancelRun({ run, actor: late.actor ?? "", reason: late.reason });
	await intake.remove(name, run);
}
