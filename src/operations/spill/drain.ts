// Emptying the intake of one repository: each run goes to its repository, and only then leaves the intake. Killed anywhere
// between, the next visit does the rest; a run that it hands over twice has its effect once.
import type { Intake, SpilledRun } from "../../contracts/objects/intake.ts";
import type { DrainCall, RepoCalls, RepositoryName } from "../../contracts/objects/objects.ts";
import { drainRunsMax } from "../../domain/limits.ts";
import { refusalReason } from "../../domain/run/refusal-reason.ts";
import type { RunId } from "../../domain/ids.ts";
import type { Cancel } from "../../domain/job/job.ts";
import { asOutage } from "../../contracts/wire/outage.ts";
import { assert, refuse } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";

/** Records that go together: neither the store's delay nor a commit is paid for each. Of the largest, half of what a call takes. */
const atOnce = 16;

export interface DrainPorts {
	repo(name: RepositoryName): Pick<RepoCalls, "drain" | "cancelRun">;
	intake: Intake;
	now(): number;
}

/**
 * [Y3] In the order of acceptance. Throws the `Outage` of the repository or the store: what was drained until then is done, the
 * rest stands where it stood. `isMore`: there is more than one visit takes.
 */
export async function drainIntake(
	ports: DrainPorts,
	name: RepositoryName,
): Promise<{ drained: number; isMore: boolean }> {
	const { intake } = ports;
	const due = await intake.list(name, drainRunsMax + 1);
	const runs = due.slice(0, drainRunsMax);
	for (let from = 0; from < runs.length; from += atOnce) await drainSome(ports, name, runs.slice(from, from + atOnce));
	return { drained: runs.length, isMore: due.length > runs.length };
}

/** One call for all of them, so that they share a commit. Their order is that of the list. */
async function drainSome(ports: DrainPorts, name: RepositoryName, runs: readonly RunId[]): Promise<void> {
	const read = runs.map(async (run) => {
		const [spilled, canceled] = await Promise.all([ports.intake.get(name, run), ports.intake.canceled(name, run)]);
		// Null: another visit was faster.
		return spilled === null || spilled.form !== 1 ? [] : [{ spilled, canceled }];
	});
	const found = (await Promise.all(read)).flat();
	const calls = found.map(({ spilled: { run, key, digest, submission, acceptedAt }, canceled }) => {
		return { run, key, digest, submission, acceptedAt, canceled };
	});
	const done = await drainCalls(ports.repo(name), calls);
	await Promise.all(found.map((record, at) => settle(ports, name, { ...record, done: done[at] })));
}

/** [Y8] A fault of ours that one of them meets is that one's alone: it says so in the intake, and the others are taken. */
async function drainCalls(repo: Pick<RepoCalls, "drain">, calls: DrainCall[]): Promise<Result<null>[]> {
	try {
		return await repo.drain(calls);
	} catch (cause) {
		if (asOutage(cause) !== null) throw cause;
		if (calls.length === 1) return [refuse({ code: "fault" })];
	}
	const done: Result<null>[] = [];
	for (const call of calls) done.push(...(await drainCalls(repo, [call])));
	return done;
}

async function settle(
	{ repo, intake, now }: DrainPorts,
	name: RepositoryName,
	{ spilled, canceled, done }: { spilled: SpilledRun; canceled: Cancel | null; done: Result<null> | undefined },
): Promise<void> {
	const { run } = spilled;
	assert(done, "each call of a drain is answered");
	if (!done.ok) {
		await intake.setRefused(spilled, { reason: refusalReason(done.refusal), at: now() });
		return;
	}
	// [Y6] A cancel that came after the mark was looked for: whoever put it asks the repository too, but may have died before.
	const late = canceled === null ? await intake.canceled(name, run) : null;
	if (late !== null) await repo(name).cancelRun({ run, actor: late.actor ?? "", reason: late.reason });
	await intake.remove(name, run);
}
