// Accepting a run although its repository does not answer: the submission is put into the intake, create-only, and is accepted
// once it stands there. Only then may the Worker answer 202. What was accepted before under the same key is found first, and answered.
import type { SpilledRun } from "../../contracts/objects/intake.ts";
import type { RepositoryName, SubmitCall, Submitted } from "../../contracts/objects/objects.ts";
import { inTime } from "../../contracts/wire/in-time.ts";
import { asOutage } from "../../contracts/wire/outage.ts";
import { viewSpilled } from "../../contracts/wire/spilled-view.ts";
import type { Run } from "../../contracts/http/run.ts";
import type { Millis } from "../../domain/ids.ts";
import type { Ports } from "../ports.ts";
import { readSpilled } from "./spilled-run.ts";
import type { Result } from "../../domain/refusal.ts";
import { accept, refuse } from "../../domain/refusal.ts";

export type SpillPorts = Pick<Ports, "repo" | "intake" | "spills" | "readModel" | "switches" | "spillAfterMs" | "now">;

/** `isSpilled`: the run stands in the intake, and its repository may not have heard of it. */
export interface Accepted extends Submitted {
	isSpilled: boolean;
	/** Not null: the run was accepted before, its repository does not answer, and this is how it was then, without its jobs. */
	asOf: Millis | null;
}

/** The read model has this long to say that it knows a run, and the repository that it knows a key: a submission that waits for it is late already. */
const knownMsMax = 1_000;

/** How a submission came here through its door. */
export interface Arrival {
	/** When its time began to run; absent: now. */
	enteredAt?: Millis;
	/** [V4] Its repository has more to do than it can: it is not asked. */
	isShed?: boolean;
}

/**
 * [Y1] Throws an `Outage` when neither the repository nor the intake took it; then nothing is known to be accepted, and the same
 * submission may be sent again with its key.
 */
export async function submitOrSpill(
	ports: SpillPorts,
	name: RepositoryName,
	call: SubmitCall,
	{ enteredAt, isShed = false }: Arrival = {},
): Promise<Result<Accepted>> {
	const { spill } = ports.switches.current();
	const acceptedAt = ports.now();
	if (spill !== "always" && !isShed) {
		const deadlineAt = (enteredAt ?? acceptedAt) + ports.spillAfterMs;
		if (await isTaken(ports, name, call)) return refuse({ code: "idempotency-key-reused" });
		try {
			const done = await ports.repo(name).submit(spill === "never" ? call : { ...call, deadlineAt });
			return done.ok ? accept({ ...done.value, isSpilled: false, asOf: null }) : done;
		} catch (cause) {
			// [Y2] A fault of ours is no outage: it would meet the same submission again when it is drained.
			if (spill === "never" || asOutage(cause) === null) throw cause;
		}
	}
	return putAside(ports, { ...name, ...call, acceptedAt });
}

/** [Y10] Whether the key is another submission's that is only in the intake: the repository has not heard of it. */
async function isTaken(
	{ intake, spills, now }: SpillPorts,
	name: RepositoryName,
	{ key, run }: SubmitCall,
): Promise<boolean> {
	if (key === null || !spills.mayHave(name, now())) return false;
	// An intake that cannot be asked holds up no submission that its repository takes.
	const holder = await intake.keyHolder(name, key).catch(() => null);
	return holder !== null && holder !== run;
}

async function putAside(
	ports: SpillPorts,
	{ owner, repo, run, key, digest, submission, acceptedAt }: Omit<SpilledRun, "form">,
): Promise<Result<Accepted>> {
	const { intake } = ports;
	const name = { owner, repo };
	const spilled: SpilledRun = { form: 1, owner, repo, run, key, digest, submission, acceptedAt };
	const shown = viewSpilled(spilled, null);
	if (!shown.ok) return shown;
	const earlier = key === null ? null : await acceptedBefore(ports, name, { run, key });
	if (earlier !== null) return earlier;
	const isNew = await intake.put(spilled);
	ports.spills.note(name, acceptedAt);
	await intake.ring(name);
	if (isNew) return accept({ run: shown.value, replayed: false, isSpilled: true, asOf: null });
	// The same submission, accepted at this very moment: as it stands there, with the time at which it was accepted first.
	const first = await readSpilled(intake, name, run);
	return accept({ run: first ?? shown.value, replayed: true, isSpilled: true, asOf: null });
}

/**
 * [Y9] What became of the key before: refused where another submission has it, else the run as the read model, the intake or the
 * repository has it, in this order. Null: nobody who answers knows of it, so it is accepted now.
 */
async function acceptedBefore(
	ports: SpillPorts,
	name: RepositoryName,
	call: { run: string; key: string },
): Promise<Result<Accepted> | null> {
	const { run } = call;
	const { intake, readModel } = ports;
	const taker = await holderInRepository(ports, name, call.key);
	if (taker !== null && taker !== run) return refuse({ code: "idempotency-key-reused" });
	const [{ holder, isNew }, known] = await Promise.all([
		intake.takeKey(name, call),
		answeredWithin(knownMsMax, () => readModel.run(name, { id: run })),
	]);
	if (holder !== run) return refuse({ code: "idempotency-key-reused" });
	if (known !== null) return replayOf(known, { asOf: Math.min(known.version, ports.now()) });
	if (isNew && taker === null) return null;
	const waiting = await readSpilled(intake, name, run);
	// One that was refused since nobody could take it may be sent again.
	if (waiting?.state === "accepted") return accept({ run: waiting, replayed: true, isSpilled: true, asOf: null });
	// Drained a moment ago, while the read model is late; or never put. A repository that has just not answered is not asked twice.
	if (ports.switches.current().spill !== "always") return null;
	const taken = await answeredWithin(ports.spillAfterMs, () => ports.repo(name).run(run));
	return taken?.ok ? replayOf(taken.value, { asOf: null }) : null;
}

/**
 * [Y14] Asked before the intake gives the key away for a day. Null as well where the repository does not answer in time, or the switch
 * does not say `always`: then it has just not answered.
 */
async function holderInRepository(ports: SpillPorts, name: RepositoryName, key: string): Promise<string | null> {
	if (ports.switches.current().spill !== "always") return null;
	const ask = () =>
		ports
			.repo(name)
			.keyHolder(key)
			// Nor is one needed that fails, or that an older deploy made.
			.catch(() => null);
	return answeredWithin(Math.min(knownMsMax, ports.spillAfterMs), ask);
}

function replayOf(run: Run, { asOf }: { asOf: Millis | null }): Result<Accepted> {
	return accept({ run, replayed: true, isSpilled: false, asOf });
}

/** Null as well when it fails: whoever is asked here is not needed for accepting. */
async function answeredWithin<T>(ms: number, ask: () => Promise<T>): Promise<T | null> {
	try {
		return await inTime(ask(), ms, () => null);
	} catch (cause) {
		if (asOutage(cause) === null) throw cause;
		return null;
	}
}
