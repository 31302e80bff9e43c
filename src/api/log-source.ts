// One log, wherever its bytes are: in the archive, still in its object, or on the way from one to the other. Readers need not
// know: bytes never change once they are there, so a read begun in the object goes on in the archive.
import { parseJobId } from "../domain/ids.ts";
import { appendBytesMax } from "../domain/limits.ts";
import type { LogChunk } from "../domain/log/log-time.ts";
import { refuse } from "../domain/refusal.ts";
import type { Attempt } from "../contracts/http/run.ts";
import { orThrow } from "./answer.ts";
import { readJob } from "../operations/archived-run.ts";
import type { SealedLog } from "../operations/ports.ts";
import type { Services } from "./services.ts";
import type { LogName } from "../contracts/wire/object-name.ts";

export interface LogSource {
	/** The bytes there are now. */
	length: number;
	/** Null while the log is open. */
	sealed: SealedLog | null;
}

/** Null when neither archive nor object knows the log. With the archive out of reach, open logs are still found. */
export async function findLog(services: Services, name: LogName): Promise<LogSource | null> {
	const outage = await services.sealedLog(name).then(fromArchive, (cause: unknown) => ({ cause }));
	if (outage && "sealed" in outage) return outage;
	const status = await services.log(name).status({ isRead: true });
	if (status !== null) return { length: status.length, sealed: null };
	if (outage) throw outage.cause;
	// It may have been sealed between the two looks.
	return fromArchive(await services.sealedLog(name));
}

function fromArchive(sealed: SealedLog | null): LogSource | null {
	return sealed && { length: sealed.length, sealed };
}

/** The attempt as its repository, or its archive, tells it: asked only where its log is not to be found. Throws 404. */
export async function loadAttempt(services: Services, { job, attempt, ...repository }: LogName): Promise<Attempt> {
	if (parseJobId(job) === null) return orThrow(refuse({ code: "job-unknown" }));
	const { attempts } = orThrow(await readJob(services, repository, job));
	const found = attempts.find(({ number }) => number === attempt);
	return found ?? orThrow(refuse({ code: "attempt-unknown" }));
}

/** Bytes [from, to), all of them within the log, in chunks of at most 1 MiB. Nothing is read before it is asked for. */
export async function* readLog(
	services: Services,
	name: LogName,
	{ from, to, sealed }: { from: number; to: number; sealed: SealedLog | null },
): AsyncGenerator<LogChunk, void> {
	let at = from;
	let archive = sealed;
	while (at < to && archive === null) {
		const chunk = await services.log(name).read({ from: at, to: Math.min(to, at + appendBytesMax) });
		if (chunk === null) archive = await services.sealedLog(name);
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
