// One log, wherever its bytes are: in the archive, still in its object, or on the way from one to the other. Readers need not
// know: bytes never change once they are there, so a read begun in the object goes on in the archive.
import type { LogEnd } from "../../contracts/http/streams/log-stream.ts";
import { readStep } from "../../contracts/wire/view.ts";
import type { StepRecord } from "../../domain/job/job.ts";
import { parseJobId } from "../../domain/ids.ts";
import { appendBytesMax } from "../../domain/limits.ts";
import type { LogChunk } from "../../domain/log/log-time.ts";
import { accept, refuse } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import type { Attempt } from "../../contracts/http/run.ts";
import { readJob } from "../runs/archived-run.ts";
import type { Ports, SealedLog } from "../ports.ts";
import type { LogName } from "../../contracts/wire/object-name.ts";

export type LogReadPorts = Pick<Ports, "repo" | "archivedRun" | "intake" | "log" | "sealedLog">;

export interface LogSource {
	/** The bytes there are now. */
	length: number;
	/** Null while the log is open. */
	sealed: SealedLog | null;
}

/** Null when neither archive nor object knows the log. With the archive out of reach, open logs are still found. */
export async function findLog(ports: LogReadPorts, name: LogName): Promise<LogSource | null> {
	const outage = await ports.sealedLog(name).then(fromArchive, (cause: unknown) => ({ cause }));
	if (outage && "sealed" in outage) return outage;
	const status = await ports.log(name).status({ isRead: true });
	if (status !== null) return { length: status.length, sealed: null };
	if (outage) throw outage.cause;
	// It may have been sealed between the two looks.
	return fromArchive(await ports.sealedLog(name));
}

function fromArchive(sealed: SealedLog | null): LogSource | null {
	return sealed && { length: sealed.length, sealed };
}

/** The attempt as its repository, or its archive, has it: asked only where its log is not to be found. */
export async function loadAttempt(
	ports: LogReadPorts,
	{ job, attempt, ...repository }: LogName,
): Promise<Result<Attempt>> {
	if (parseJobId(job) === null) return refuse({ code: "job-unknown" });
	const found = await readJob(ports, repository, job);
	if (!found.ok) return found;
	const one = found.value.attempts.find(({ number }) => number === attempt);
	return one ? accept(one) : refuse({ code: "attempt-unknown" });
}

/** An attempt that has started and printed nothing has an empty log; one whose log has gone has none. */
export async function findLogOrEmpty(ports: LogReadPorts, name: LogName): Promise<Result<LogSource>> {
	const found = await findLog(ports, name);
	if (found !== null) return accept(found);
	const attempt = await loadAttempt(ports, name);
	if (!attempt.ok) return attempt;
	return settled(attempt.value.log.state) === null
		? accept({ length: 0, sealed: null })
		: refuse({ code: "log-deleted" });
}

/** What became of a log that does not grow any more; null while it may. */
export function settled(state: Attempt["log"]["state"]): LogEnd["state"] | null {
	return state === "live" || state === "sealing" ? null : state;
}

/** While the log is open its object has them; afterwards the attempt does. None where neither tells. */
export async function stepsOf(ports: LogReadPorts, name: LogName, log: LogSource): Promise<StepRecord[]> {
	const status = log.sealed === null ? await ports.log(name).status() : null;
	if (status !== null) return status.steps;
	const attempt = await loadAttempt(ports, name).catch(() => null);
	return attempt?.ok ? attempt.value.steps.map(readStep) : [];
}

/** Bytes [from, to), all of them within the log, in chunks of at most 1 MiB. Nothing is read before it is asked for. */
export async function* logChunks(
	ports: LogReadPorts,
	name: LogName,
	{ from, to, sealed }: { from: number; to: number; sealed: SealedLog | null },
): AsyncGenerator<LogChunk, void> {
	let at = from;
	let archive = sealed;
	while (at < to && archive === null) {
		const chunk = await ports.log(name).read({ from: at, to: Math.min(to, at + appendBytesMax) });
		if (chunk === null) archive = await ports.sealedLog(name);
		if (chunk === null && archive === null) throw new Error("a log vanished while it was read");
		if (chunk !== null) {
			at += chunk.bytes.length;
			yield chunk;
		}
	}
	if (at < to && archive !== null) yield* archive.chunks(at, to);
}

export async function* bytesOf(chunks: AsyncIterable<LogChunk>): AsyncGenerator<Uint8Array, void> {
	for await (const { bytes } of chunks) yield bytes;
}
