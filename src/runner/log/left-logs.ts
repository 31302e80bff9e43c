// What runners that were killed in this folder had not sent of their logs: the next process gives it to the very attempts, whose
// logs wait for it for some minutes. It lies beside the jobs' folders, out of a sandboxed job's reach: what a job could put there
// would be sent in its runner's name. The bytes were masked before they came to the disk.
import {
	closeSync,
	constants,
	fstatSync,
	openSync,
	readdirSync,
	readSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { LeaseClient } from "../../client/lease-client.ts";
import { retryable } from "../../client/retryable.ts";
import type { RepeatPolicy } from "../../client/retryable.ts";
import { appendBytesMax } from "../../domain/limits.ts";
import type { EventLog } from "../event-log.ts";
import { readPlainFile } from "../job/plain-file.ts";
import { makeFolder } from "../made-folder.ts";

/** So many are offered, the newest first: a runner holds fewer jobs at once, unless it dies again and again. */
const leftMax = 64;
const atOnce = 4;
/** Longer than a log waits for its runner: a server that is away when the runner starts is back by then. */
const offerMs = 15 * 60_000;

/** Who may deliver a log, and where to. */
export interface LeftLease {
	url: string;
	token: string;
}

export interface Offer {
	url: string;
	policy: RepeatPolicy;
	eventLog: EventLog;
	/** The runner ends: what was not delivered stays for the next one. */
	signal: AbortSignal;
}

/** A job's log on disk, with what its delivery needs, until the runner has reported the job. */
export class SpoolPlace {
	readonly log: string;
	readonly #folder: string;
	readonly #lease: string;

	constructor(folder: string, name: string) {
		this.#folder = folder;
		this.log = join(folder, `${name}.log`);
		this.#lease = join(folder, `${name}.json`);
	}

	/** Before the first byte. */
	record(lease: LeftLease): void {
		makeFolder(this.#folder);
		writeFileSync(this.#lease, JSON.stringify(lease), { mode: 0o600 });
	}

	/** Null for what nobody can deliver. */
	readLease(): LeftLease | null {
		try {
			const { url, token } = JSON.parse(readPlainFile(this.#lease) ?? "null");
			return typeof url === "string" && typeof token === "string" ? { url, token } : null;
		} catch {
			return null;
		}
	}

	/** Only the head of a log past its limit: where in its ring the last part begins died with the runner. */
	get isHead(): boolean {
		return statSync(`${this.log}.tail`, { throwIfNoEntry: false }) !== undefined;
	}

	/** The lease last: what is left of a removal that broke off is still known as somebody's. */
	remove(): void {
		for (const path of [this.log, `${this.log}.tail`, this.#lease]) rmSync(path, { force: true });
	}
}

export class LeftLogs {
	readonly #folder: string;
	readonly #names: string[];

	/** What is there now: to be called before the first job. What is more than is ever offered goes at once. */
	constructor(folder: string) {
		this.#folder = folder;
		const names = [...new Set(namesIn(folder))];
		const age = (name: string) => statSync(this.#place(name).log, { throwIfNoEntry: false })?.mtimeMs ?? 0;
		const sorted = names.map((name) => ({ name, at: age(name) })).sort((one, other) => other.at - one.at);
		for (const { name } of sorted.splice(leftMax)) this.#place(name).remove();
		this.#names = sorted.map(({ name }) => name);
	}

	/** Never rejects. Ends in a quarter of an hour at the latest. */
	async deliver(offer: Offer): Promise<void> {
		const over = AbortSignal.any([offer.signal, AbortSignal.timeout(offerMs)]);
		const work = async () => {
			for (let name = this.#names.shift(); name !== undefined; name = this.#names.shift()) {
				await this.#deliverOne(name, { ...offer, signal: over });
				if (offer.signal.aborted) return;
			}
		};
		await Promise.all(Array.from({ length: atOnce }, work));
	}

	async #deliverOne(name: string, { eventLog, ...offer }: Offer): Promise<void> {
		const place = this.#place(name);
		const said = await deliver(place, offer).catch((failure: unknown) => ({ reason: textOf(failure) }));
		// A timeout of its own is the end of the offer; what the runner's end broke off is offered again.
		if ("reason" in said && offer.signal.aborted && !isTimeout(offer.signal.reason)) return;
		try {
			place.remove();
		} catch (error) {
			eventLog("left-log-kept", { lease: name, reason: textOf(error) });
		}
		eventLog("reason" in said ? "left-log-refused" : "left-log-delivered", { lease: name, ...said });
	}

	#place(name: string): SpoolPlace {
		return new SpoolPlace(this.#folder, name);
	}
}

/** Resolves when the server has all of it. Throws when it takes none, or no more. */
async function deliver(
	place: SpoolPlace,
	{ url, policy, signal }: Omit<Offer, "eventLog">,
): Promise<{ bytes: number; isHead: boolean }> {
	const lease = place.readLease();
	if (lease === null) throw new Error("nobody knows whose it is");
	if (lease.url !== url) throw new Error("it is another server's");
	const client = new LeaseClient(lease);
	const { isHead } = place;
	const fd = openSync(place.log, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
	try {
		const stat = fstatSync(fd);
		if (!stat.isFile()) throw new Error("it is no plain file");
		const retrying = { policy: { ...policy, deadlineMs: offerMs }, idempotent: true, signal };
		const append = (at: number, bytes: Uint8Array, isLast: boolean) =>
			retryable(() => client.appendLeft(at, bytes, { isLast, signal }), retrying);
		// Where the server is only the server knows: nothing at the very start is an answer with the length.
		let { length: at } = await append(0, new Uint8Array(0), false);
		const first = at;
		for (;;) {
			const bytes = readAt(fd, at, Math.min(appendBytesMax, Math.max(0, stat.size - at)));
			const isEnd = at + bytes.length >= stat.size;
			const { kind, length } = await append(at, bytes, isEnd && !isHead);
			if (kind === "sealed") throw new Error("the log is sealed");
			if (kind === "gap" && length >= at) throw new Error("the server refuses the offset that it asked for");
			at = length;
			if (kind === "stored" && isEnd) return { bytes: at - first, isHead };
		}
	} finally {
		closeSync(fd);
	}
}

function readAt(fd: number, at: number, size: number): Uint8Array {
	const buffer = Buffer.alloc(size);
	return buffer.subarray(0, readSync(fd, buffer, 0, size, at));
}

function namesIn(folder: string): string[] {
	try {
		return readdirSync(folder).flatMap((name) => /^(.+?)\.(?:json|log|log\.tail)$/.exec(name)?.[1] ?? []);
	} catch {
		return [];
	}
}

function isTimeout(reason: unknown): boolean {
	return reason instanceof DOMException && reason.name === "TimeoutError";
}

function textOf(failure: unknown): string {
	return failure instanceof Error ? failure.message : String(failure);
}
