// A runner that speaks the protocol by calls and runs nothing: it takes jobs by long polls, writes the log that it must have, and
// reports the end that the job asks for. Now and then it tells a thing twice, as a network does.
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ProblemError } from "../../src/client/call-failure.ts";
import type { Appended } from "../../src/client/lease-client.ts";
import { LeaseClient, RunnerClient } from "../../src/client/lease-client.ts";
import type { FinishRequest } from "../../src/contracts/http/lease.ts";
import type { Grant, LeaseState } from "../../src/contracts/http/runner.ts";
import type { Ending } from "../plan/submissions.ts";
import { endingVariable, endOf, linesVariable, millisVariable } from "../plan/submissions.ts";
import type { Journal, Started } from "./journal.ts";
import { lineLog } from "./line-log.ts";

const pollSeconds = 5;
const heartbeatMs = 6_000;
/** Full jitter below it, so that runners do not come back together. */
const againMs = 700;
const pieces = 6;
/** Past it a runner gives up a call that gets no answer: its lease is lost long since. */
const callMs = 120_000;

export interface LineRunnerOptions {
	url: string;
	token: string;
	name: string;
	journal: Journal;
}

/** The lease is over for this runner. */
class Gone extends Error {
	override name = "Gone";
}

export class LineRunner {
	readonly #options: LineRunnerOptions;
	readonly #client: RunnerClient;
	#lease: string | null = null;

	constructor(options: LineRunnerOptions) {
		this.#options = options;
		this.#client = new RunnerClient(options);
	}

	/** Without an end; its process is ended. */
	async run(): Promise<never> {
		setInterval(() => void this.#heartbeat(), heartbeatMs);
		for (;;) {
			const grant = await this.#client.acquire({ waitSeconds: pollSeconds, leases: [] }).catch(() => "away" as const);
			if (grant === "away") await sleep(Math.random() * againMs);
			else if (grant !== null) await this.#perform(grant);
		}
	}

	async #heartbeat(): Promise<void> {
		if (this.#lease !== null) await this.#client.heartbeat([this.#lease]).catch(() => {});
	}

	async #perform(grant: Grant): Promise<void> {
		this.#lease = grant.lease.id;
		const job = new LineJob(grant, this.#options);
		try {
			await job.perform();
		} catch (failure) {
			if (!(failure instanceof Gone)) throw failure;
			if (job.started !== null) await deliverLeft(job.started, this.#options);
		} finally {
			this.#lease = null;
		}
	}
}

/** What a runner had of the log of a lease that is over: a little more than the server has, and then no more. */
export async function deliverLeft(
	{ lease, token, lines }: Started,
	{ url, journal }: Pick<LineRunnerOptions, "url" | "journal">,
): Promise<void> {
	const client = new LeaseClient({ url, token });
	const all = lineLog(lease, lines);
	for (const endsAt = Date.now() + callMs; Date.now() < endsAt; await sleep(Math.random() * againMs)) {
		try {
			// Where the server is only the server knows.
			const { kind, length } = await client.appendLeft(0, new Uint8Array(0), { isLast: false });
			if (kind === "sealed") return;
			const left = all.subarray(length, length + Math.ceil(all.length / pieces));
			const answer = await client.appendLeft(length, left, { isLast: true });
			if (answer.kind === "stored") journal.add({ what: "stored", at: Date.now(), lease, bytes: answer.length });
			return;
		} catch (failure) {
			if (isRefusal(failure)) return;
		}
	}
}

/** Asked again, it would be the same. */
function isRefusal(failure: unknown): failure is ProblemError {
	return failure instanceof ProblemError && failure.status < 500 && failure.status !== 429;
}

class LineJob {
	readonly #grant: Grant;
	readonly #runner: string;
	readonly #journal: Journal;
	readonly #client: LeaseClient;
	readonly #bytes: Buffer;
	#state: LeaseState = "ok";
	/** Null until the server said so. */
	started: Started | null = null;

	constructor(grant: Grant, { url, name, journal }: LineRunnerOptions) {
		this.#grant = grant;
		this.#runner = name;
		this.#journal = journal;
		const onLeaseState = (state: LeaseState) => {
			this.#state = state;
		};
		this.#client = new LeaseClient({ url, token: grant.lease.token, onLeaseState });
		this.#bytes = lineLog(grant.lease.id, Number(grant.job.env[linesVariable]));
	}

	async perform(): Promise<void> {
		const attempt = await this.#start();
		const pauseMs = Number(this.#grant.job.env[millisVariable]) / pieces;
		const pieceBytes = Math.ceil(this.#bytes.length / pieces);
		let stored = 0;
		while (stored < this.#bytes.length && this.#state === "ok") {
			stored = await this.#append(stored, pieceBytes);
			await sleep(pauseMs);
		}
		if (this.#state === "lost") throw new Gone();
		await this.#finish(attempt, stored);
	}

	async #start(): Promise<number> {
		const { lease, job } = this.#grant;
		const { answer, sentAt } = await this.#told("start", () => this.#client.start());
		const attempt = answer.job.attempts.at(-1)?.number ?? 0;
		const known = { lease: lease.id, job: job.id, attempt, lines: Number(job.env[linesVariable]) };
		const times = { sentAt, at: Date.now() };
		this.started = { what: "started", ...times, ...known, token: lease.token, runner: this.#runner };
		this.#journal.add(this.started);
		return attempt;
	}

	/** The length that the log has then. */
	async #append(from: number, bytes: number): Promise<number> {
		const piece = this.#bytes.subarray(from, from + bytes);
		const append = () => this.#client.append(from, piece);
		const { answer } = await this.#told("append", append);
		this.#stored(answer);
		if (answer.kind === "sealed") throw new Gone();
		// The same piece again must change nothing.
		if (Math.random() < 1 / 8)
			await append().then(
				(again) => this.#stored(again),
				() => {},
			);
		return answer.length;
	}

	#stored({ kind, length }: Appended): void {
		if (kind !== "stored") return;
		this.#journal.add({ what: "stored", at: Date.now(), lease: this.#grant.lease.id, bytes: length });
	}

	async #finish(attempt: number, bytes: number): Promise<void> {
		const isCanceled = this.#state === "canceling";
		const end = endOf(this.#grant.job.env[endingVariable] as Ending, attempt);
		const report: FinishRequest = {
			...(isCanceled ? { outcome: "canceled" } : end),
			logLength: bytes,
			logSha256: createHash("sha256").update(this.#bytes.subarray(0, bytes)).digest("hex"),
			steps: [{ name: "print", exitCode: isCanceled ? null : end.exitCode, logStart: 0, logEnd: bytes }],
		};
		const { sentAt } = await this.#told("finish", () => this.#client.finish(report));
		const { outcome } = report;
		this.#journal.add({ what: "finished", sentAt, at: Date.now(), lease: this.#grant.lease.id, bytes, outcome });
		if (Math.random() < 1 / 8) await this.#client.finish(report).catch(() => {});
	}

	/** Until it is answered. Throws `Gone` when the answer is that the lease is over. `sentAt`: of the first try, which may have acted. */
	async #told<T>(by: string, call: () => Promise<T>): Promise<{ answer: T; sentAt: number }> {
		const { id: lease } = this.#grant.lease;
		const sentAt = Date.now();
		for (;;) {
			try {
				return { answer: await call(), sentAt };
			} catch (failure) {
				const code = failure instanceof ProblemError ? failure.code : "no-answer";
				if (!isRefusal(failure) && Date.now() < sentAt + callMs) {
					await sleep(Math.random() * againMs);
					continue;
				}
				this.#journal.add({ what: "gone", at: Date.now(), lease, by, code });
				throw new Gone(code);
			}
		}
	}
}
