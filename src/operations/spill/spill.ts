// Accepting a run although its repository does not answer: the submission is put into the intake, create-only, and is accepted
// once it stands there. Only then may the Worker answer 202.
import type { SpilledRun } from "../../contracts/objects/intake.ts";
import type { RepositoryName, SubmitCall, Submitted } from "../../contracts/objects/objects.ts";
import { asOutage } from "../../contracts/wire/outage.ts";
import { viewSpilled } from "../../contracts/wire/spilled-view.ts";
import type { Ports } from "../ports.ts";
import { readSpilled } from "./spilled-run.ts";
import type { Result } from "../../domain/refusal.ts";
import { accept } from "../../domain/refusal.ts";

export type SpillPorts = Pick<Ports, "repo" | "intake" | "switches" | "spillAfterMs" | "now">;

/** `isSpilled`: the run stands in the intake, and its repository may not have heard of it. */
export interface Accepted extends Submitted {
	isSpilled: boolean;
}

/**
 * [Y1] Throws an `Outage` when neither the repository nor the intake took it; then nothing is known to be accepted, and the same
 * submission may be sent again with its key.
 */
export async function submitOrSpill(
	ports: SpillPorts,
	name: RepositoryName,
	call: SubmitCall,
): Promise<Result<Accepted>> {
	const { spill } = ports.switches.current();
	const acceptedAt = ports.now();
	if (spill !== "always") {
		const deadlineAt = acceptedAt + ports.spillAfterMs;
		try {
			const done = await ports.repo(name).submit(spill === "never" ? call : { ...call, deadlineAt });
			return done.ok ? accept({ ...done.value, isSpilled: false }) : done;
		} catch (cause) {
			// [Y2] A fault of ours is no outage: it would meet the same submission again when it is drained.
			if (spill === "never" || asOutage(cause) === null) throw cause;
		}
	}
	return putAside(ports, { ...name, ...call, acceptedAt });
}

async function putAside(
	{ intake }: SpillPorts,
	{ owner, repo, run, key, digest, submission, acceptedAt }: Omit<SpilledRun, "form">,
): Promise<Result<Accepted>> {
	const spilled: SpilledRun = { form: 1, owner, repo, run, key, digest, submission, acceptedAt };
	const shown = viewSpilled(spilled, null);
	if (!shown.ok) return shown;
	const isNew = await intake.put(spilled);
	await intake.ring({ owner, repo });
	if (isNew) return accept({ run: shown.value, replayed: false, isSpilled: true });
	// The same submission, accepted before: as it stands there, with the time at which it was accepted first.
	const earlier = await readSpilled(intake, { owner, repo }, run);
	return accept({ run: earlier ?? shown.value, replayed: true, isSpilled: true });
}
