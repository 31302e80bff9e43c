// A live log as a sequence of messages: what is stored first, then what comes, then `end`; from the archive when it is sealed,
// and without a seam where the one turns into the other. A door ends it: as SSE, or on sockets of sealed logs and of jobs.
import { outputMessage } from "../../contracts/wire/log-output.ts";
import type { LogEnd, LogMessage, LogOutput } from "../../contracts/http/streams/log-stream.ts";
import type { LogName } from "../../contracts/wire/object-name.ts";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import type { Job } from "../../contracts/http/run.ts";
import { appendBytesMax, logFrameBytesMax } from "../../domain/limits.ts";
import { cutFrame } from "../../domain/log/log-frame.ts";
import type { Result } from "../../domain/refusal.ts";
import { readJob } from "../runs/archived-run.ts";
import { JobWatch } from "./job-watch.ts";
import { bytesOf, loadAttempt, logChunks, settled } from "./log-source.ts";
import type { LogReadPorts } from "./log-source.ts";
import type { Ports, SealedLog } from "../ports.ts";

export type LivePorts = LogReadPorts & Pick<Ports, "followLog" | "followRun">;

/**
 * How soon a job's next attempt is seen when its run's feed says nothing: each look is one call to its repository, so looks
 * get rarer. While there is a feed they only make up for what it missed.
 */
const lookAgainMs = 500;
const lookAgainMaxMs = 2_000;
const lookWatchedMs = 10_000;
/** Before a lost object is followed again. */
const followAgainMs = 200;

/** A pause ends early when the viewer is gone. */
export type Pause = (ms: number, gone: AbortSignal) => Promise<void>;

/** Ends with `end`, or when `gone` is aborted. Throws what its sources throw; whoever comes back does so by offset. */
export async function* logMessages(
	ports: LivePorts,
	name: LogName,
	{ from, gone, pause = wait }: { from: number; gone: AbortSignal; pause?: Pause },
): AsyncGenerator<LogOutput | LogEnd, void> {
	let at = from;
	while (!gone.aborted) {
		const sealed = await ports.sealedLog(name).catch(() => null);
		if (sealed) {
			const chunks = logChunks(ports, name, { from: at, to: sealed.length, sealed });
			yield* framesOf(bytesOf(chunks), at, true);
			return yield endOf(sealed);
		}
		for await (const message of framesOf(storedBytes(ports, name, at), at, false)) {
			at = message.next;
			yield message;
		}
		const deleted = await deletedEnd(ports, name);
		if (deleted) return yield deleted;
		for await (const message of (await ports.followLog({ name, from: at, gone })) ?? []) {
			if (message.type === "attempt") continue;
			yield message;
			if (message.type === "end") return;
			at = message.next;
		}
		await pause(followAgainMs, gone);
	}
}

/** What an open log has, read at the reader's own pace: what the follower then holds for it is little. */
async function* storedBytes(ports: LivePorts, name: LogName, from: number): AsyncGenerator<Uint8Array, void> {
	for (let at = from; ; ) {
		const chunk = await ports.log(name).read({ from: at, to: at + appendBytesMax });
		if (chunk === null || chunk.bytes.length === 0) return;
		yield chunk.bytes;
		at += chunk.bytes.length;
	}
}

/** Output messages of `chunks`. What is held back at the end is left out unless the log has `ended` with it. */
export async function* framesOf(
	chunks: AsyncIterable<Uint8Array>,
	from: number,
	ended: boolean,
): AsyncGenerator<LogOutput, void> {
	let at = from;
	let held = new Uint8Array(0);
	for await (const chunk of chunks) {
		const bytes = new Uint8Array(held.length + chunk.length);
		bytes.set(held);
		bytes.set(chunk, held.length);
		held = yield* cut(bytes, false);
	}
	if (ended) yield* cut(held, true);

	function* cut(bytes: Uint8Array<ArrayBuffer>, isLast: boolean): Generator<LogOutput, Uint8Array<ArrayBuffer>> {
		let rest = bytes;
		for (let frame = next(); frame; frame = next()) {
			const message = outputMessage(at, frame, rest);
			rest = rest.subarray(frame.size);
			at = message.next;
			yield message;
		}
		return rest;

		function next() {
			return cutFrame(rest.subarray(0, logFrameBytesMax), isLast);
		}
	}
}

function endOf({ record, length, outcome }: SealedLog): LogEnd {
	return { type: "end", length, sha256: record.sha256, outcome, state: settled(record.state) ?? "sealed" };
}

/** Null while the log may still grow. An attempt whose log was sealed, and is nowhere now, has outlived its retention. */
async function deletedEnd(ports: LivePorts, name: LogName): Promise<LogEnd | null> {
	if ((await ports.log(name).status()) !== null) return null;
	const { log, outcome } = followed(await loadAttempt(ports, name));
	if (settled(log.state) === null || (await ports.sealedLog(name)) !== null) return null;
	return { type: "end", length: log.length ?? 0, sha256: log.sha256, outcome, state: "deleted" };
}

/** A message of a followed job and the attempt it belongs to. */
export interface JobLogMessage {
	attempt: number;
	message: LogMessage;
}

/**
 * [L19] Attempt after attempt, each announced as soon as it begins and each with its `end`, until the job is finished. [Y12] One
 * that ends without an attempt has one `end` all the same. `place` is where to resume.
 */
export async function* jobLogMessages(
	ports: LivePorts,
	{ job, ...repository }: RepositoryName & { job: string },
	{
		place,
		gone,
		pause = wait,
	}: { place: { attempt: number; offset: number } | null; gone: AbortSignal; pause?: Pause },
): AsyncGenerator<JobLogMessage, void> {
	let least = place?.attempt ?? null;
	let waitMs = lookAgainMs;
	let watch: JobWatch | null = null;
	try {
		while (!gone.aborted) {
			watch?.begin();
			const seen: Job = followed(await readJob(ports, repository, job));
			const attempt = nextAttempt(seen, least);
			if (attempt !== null) {
				// What it would hear meanwhile is nobody's news.
				watch?.leave();
				watch = null;
				const from = attempt === place?.attempt ? place.offset : 0;
				yield { attempt, message: { type: "attempt", number: attempt } };
				for await (const message of logMessages(ports, { ...repository, job, attempt }, { from, gone, pause })) {
					yield { attempt, message };
				}
				least = attempt + 1;
				waitMs = lookAgainMs;
			} else if (seen.state === "finished") {
				if (seen.attempts.length === 0) yield { attempt: 0, message: endWithoutLog(seen) };
				return;
			} else {
				watch ??= new JobWatch(ports, { ...repository, job }, gone);
				await untilChanged(watch, { gone, pause, waitMs: watch.isLive ? lookWatchedMs : waitMs });
				waitMs = Math.min(waitMs * 1.5, lookAgainMaxMs);
			}
		}
	} finally {
		watch?.leave();
	}
}

function endWithoutLog({ outcome }: Job): LogEnd {
	return { type: "end", length: 0, sha256: null, outcome, state: "none" };
}

/** Whichever comes first: a change, or the end of the pause. */
async function untilChanged(
	watch: JobWatch,
	{ gone, pause, waitMs }: { gone: AbortSignal; pause: Pause; waitMs: number },
): Promise<void> {
	const changed = new AbortController();
	const paused = pause(waitMs, AbortSignal.any([gone, changed.signal]));
	await (watch.isLive ? Promise.race([watch.changed(), paused]) : paused);
	changed.abort();
}

/** The present attempt at first (the last, for a finished job), then each one after it. */
function nextAttempt({ attempts }: Job, least: number | null): number | null {
	const found = least === null ? attempts.at(-1) : attempts.find(({ number }) => number >= least);
	return found?.number ?? null;
}

/** Whoever began to follow it may: what is refused now has gone meanwhile. */
function followed<T>(result: Result<T>): T {
	if (!result.ok) throw new Error(`what is followed is refused: ${result.refusal.code}`);
	return result.value;
}

function wait(ms: number, gone: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		if (gone.aborted) return resolve();
		const timer = setTimeout(done, ms);
		gone.addEventListener("abort", done, { once: true });

		function done() {
			clearTimeout(timer);
			gone.removeEventListener("abort", done);
			resolve();
		}
	});
}
