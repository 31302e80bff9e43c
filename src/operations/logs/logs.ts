// Logs: their bytes, a search through them, and the live views of an attempt, of a job through all of its attempts, and of a run.
// A live view is opened first, which says whether there is one; then whoever watches takes its messages at their own pace.
import type { LogEnd, LogOutput } from "../../contracts/http/streams/log-stream.ts";
import type { RunEvent } from "../../contracts/http/streams/run-events.ts";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import type { FeedName, LogName } from "../../contracts/wire/object-name.ts";
import type { RunName } from "../../domain/ids.ts";
import type { LineBlocks } from "../../domain/log/line-blocks.ts";
import { LogSearch } from "../../domain/log/log-search.ts";
import type { Found, SearchPlace } from "../../domain/log/log-search.ts";
import { accept, refuse } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import { mayAskOfRepository, streamRestsOf } from "../access.ts";
import type { Caller, RepositoryOperation } from "../access.ts";
import { readJob } from "../runs/archived-run.ts";
import { jobLogMessages, logMessages } from "./log-messages.ts";
import type { JobLogMessage, LivePorts } from "./log-messages.ts";
import { bytesOf, findLogOrEmpty, logChunks } from "./log-source.ts";
import type { LogReadPorts, LogSource } from "./log-source.ts";
import type { Ports, SocketPorts } from "../ports.ts";
import { locateJob, locateRun } from "../runs/run-places.ts";
import type { JobName } from "../runs/run-places.ts";

export interface LogCall {
	repository: RepositoryName;
	job: JobName;
	/** From 1. */
	attempt: number;
}

/** The messages of a live view, until it ends or `gone` is aborted. */
export type Watch<Message> = (gone: AbortSignal) => AsyncGenerator<Message, void>;

/** Read for one search: some forty milliseconds of processor time, which on one machine everybody waits for. */
const searchBytesMax = 4 * 1024 * 1024;
/** Read at a stretch: then whoever waits for the thread has it in between. */
const stretchBytes = 256 * 1024;

/** The log as it is now. Its bytes are read as they are wanted, by `logChunks`. */
export async function readLog(
	ports: LogReadPorts,
	caller: Caller,
	call: LogCall,
): Promise<Result<{ name: LogName; log: LogSource }>> {
	return open(ports, caller, "getLog", call);
}

/** Lines that contain the text. One answer reads a bounded part of the log; `rest` goes on from there, null at its end. */
export async function searchLog(
	ports: LogReadPorts,
	caller: Caller,
	call: LogCall & { query: string; limit: number; place: SearchPlace },
): Promise<Result<{ found: Found[]; rest: SearchPlace | null }>> {
	const { query, limit, place } = call;
	const opened = await open(ports, caller, "searchLog", call);
	if (!opened.ok) return opened;
	const { name, log } = opened.value;
	const search = new LogSearch({ query, limit, place });
	let read = 0;
	let stretch = 0;
	for await (const chunk of logChunks(ports, name, { from: place.from, to: log.length, sealed: log.sealed })) {
		search.push(chunk);
		read += chunk.bytes.length;
		stretch += chunk.bytes.length;
		if (stretch >= stretchBytes) {
			stretch = 0;
			await new Promise((resolve) => setTimeout(resolve, 0));
		}
		if (read >= searchBytesMax) search.stop();
		if (search.isDone) break;
	}
	search.end();
	return accept({ found: search.found, rest: search.rest });
}

/** Where the lines of a log begin, of what is there now. The first question about a log reads all of it. */
export async function indexLog(
	ports: LogReadPorts & Pick<Ports, "lines">,
	caller: Caller,
	call: LogCall,
): Promise<Result<{ lines: LineBlocks; isFinal: boolean }>> {
	const opened = await open(ports, caller, "indexLog", call);
	if (!opened.ok) return opened;
	const { name, log } = opened.value;
	const { length, sealed } = log;
	const lines = await ports.lines.upTo(name, length, (from) =>
		givingWay(bytesOf(logChunks(ports, name, { from, to: length, sealed }))),
	);
	return accept({ lines, isFinal: sealed !== null });
}

/** The same, with a pause after each stretch: whoever waits for the thread has it in between. */
async function* givingWay(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
	let stretch = 0;
	for await (const bytes of chunks) {
		yield bytes;
		stretch += bytes.length;
		if (stretch < stretchBytes) continue;
		stretch = 0;
		await new Promise((resolve) => setTimeout(resolve, 0));
	}
}

/** What is stored from an offset on, then what comes, then its end. */
export async function watchLog(
	ports: LivePorts,
	caller: Caller,
	{ from, ...call }: LogCall & { from: number },
): Promise<Result<Watch<LogOutput | LogEnd>>> {
	const opened = await openAt(ports, caller, { from, ...call });
	if (!opened.ok) return opened;
	const { name } = opened.value;
	return accept((gone) => logMessages(ports, name, { from, gone }));
}

/** As `watchLog`, by a socket of the log's own object. Null: the object has none of it any more, or never had. */
export async function watchLogBySocket<Socket>(
	ports: LogReadPorts & Pick<SocketPorts<Socket>, "openLogView">,
	caller: Caller,
	call: LogCall & { from: number },
): Promise<Result<Socket | null>> {
	const opened = await openAt(ports, caller, call);
	if (!opened.ok) return opened;
	const { name, log } = opened.value;
	if (log.sealed) return accept(null);
	return ports.openLogView(name, { from: call.from, rests: streamRestsOf(caller, name.owner) });
}

/** The log of the present attempt, and of each one after it until the job is finished. `place` null: from its beginning. */
export async function watchJobLog(
	ports: LivePorts,
	caller: Caller,
	call: Omit<LogCall, "attempt"> & { place: { attempt: number; offset: number } | null },
): Promise<Result<Watch<JobLogMessage>>> {
	const { repository, place } = call;
	const may = mayAskOfRepository(caller, "watchJobLog", repository);
	const id = may.ok ? await locateJob(ports, repository, call.job) : may;
	if (!id.ok) return id;
	const found = await readJob(ports, repository, id.value);
	if (!found.ok) return found;
	return accept((gone) => jobLogMessages(ports, { ...repository, job: id.value }, { place, gone }));
}

interface RunWatchCall {
	repository: RepositoryName;
	run: RunName;
	/** The last `seq` seen; null: the run's state comes first. */
	after: number | null;
}

/** The run, then every change in it, each with its text as it was sent. */
export async function watchRunEvents(
	ports: Pick<Ports, "repo" | "followRun">,
	caller: Caller,
	{ after, ...call }: RunWatchCall,
): Promise<Result<Watch<{ seq: number; text: string }>>> {
	const name = await feedOf(ports, caller, call);
	if (!name.ok) return name;
	const opened = await ports.followRun(name.value, { after });
	if (!opened.ok) return opened;
	return accept((gone) => eventsOf(opened.value(gone)));
}

async function* eventsOf(texts: AsyncIterable<string>): AsyncGenerator<{ seq: number; text: string }, void> {
	for await (const text of texts) yield { seq: (JSON.parse(text) as RunEvent).seq, text };
}

/** As `watchRunEvents`, by a socket of the run's feed. */
export async function watchRunBySocket<Socket>(
	ports: Pick<Ports, "repo"> & Pick<SocketPorts<Socket>, "openRunWatch">,
	caller: Caller,
	{ after, ...call }: RunWatchCall,
): Promise<Result<Socket>> {
	const name = await feedOf(ports, caller, call);
	return name.ok ? ports.openRunWatch(name.value, { after, rests: streamRestsOf(caller, name.value.owner) }) : name;
}

async function feedOf(
	ports: Pick<Ports, "repo">,
	caller: Caller,
	{ repository, run }: Pick<RunWatchCall, "repository" | "run">,
): Promise<Result<FeedName>> {
	const may = mayAskOfRepository(caller, "watchRun", repository);
	const id = may.ok ? await locateRun(ports, repository, run) : may;
	return id.ok ? accept({ ...repository, run: id.value }) : id;
}

async function openAt(
	ports: LogReadPorts,
	caller: Caller,
	{ from, ...call }: LogCall & { from: number },
): Promise<Result<{ name: LogName; log: LogSource }>> {
	const opened = await open(ports, caller, "watchLog", call);
	if (!opened.ok || from <= opened.value.log.length) return opened;
	return refuse({ code: "range-past-end", length: opened.value.log.length });
}

async function open(
	ports: LogReadPorts,
	caller: Caller,
	operation: RepositoryOperation,
	{ repository, job, attempt }: LogCall,
): Promise<Result<{ name: LogName; log: LogSource }>> {
	const may = mayAskOfRepository(caller, operation, repository);
	const id = may.ok ? await locateJob(ports, repository, job) : may;
	if (!id.ok) return id;
	const name = { ...repository, job: id.value, attempt };
	const log = await findLogOrEmpty(ports, name);
	return log.ok ? accept({ name, log: log.value }) : log;
}
