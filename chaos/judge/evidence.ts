// What can be seen from outside once no more faults come: by the API, as anybody may ask it. Whatever is not as it should be yet
// is looked at again, for as long as a named bound says; what it is then is the evidence.
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../../src/client/client.ts";
import { everyItem } from "../../src/client/client.ts";
import type { Attempt, Job, Run } from "../../src/contracts/http/run.ts";
import type { RunId } from "../../src/domain/ids.ts";
import type { Accepted } from "../load/submitter.ts";
import { linesVariable, owner, pools, repos, shellLines } from "../plan/submissions.ts";
import type { Entry } from "../runners/journal.ts";
import { checkLineLog, checkShellLog, lineAttempts } from "./check-logs.ts";
import type { LineAttempt } from "./check-logs.ts";
import { checkRows } from "./check-rows.ts";
import type { Violation } from "./violation.ts";

/** A lost runner is noticed after a minute and three quarters, three lost in a row cost three times that, and a hold its own. */
export const finishedWithinMs = 8 * 60_000;
/** What a killed runner left is waited for 5 minutes; then the log is sealed without it. */
export const sealedWithinMs = 6 * 60_000;
/** A change that got lost is told again after two minutes, and by the sweep of the next one. */
export const rowsWithinMs = 4 * 60_000;
const lookAgainMs = 1_000;
const logsAtOnce = 4;
const open = new Set(["live", "sealing"]);

export class Evidence {
	readonly #client: Client;
	readonly #say: (line: string) => void;

	constructor(client: Client, say: (line: string) => void) {
		this.#client = client;
		this.#say = say;
	}

	/** Each accepted run as its repository has it, once all are finished; what is not there is left out. */
	async finishedRuns(accepted: readonly Accepted[]): Promise<Map<RunId, Run>> {
		const isDone = (run: Run) => run.state === "finished";
		return this.#runs(accepted, { isDone, withinMs: finishedWithinMs, what: "finished" });
	}

	/**
	 * The same once no log of theirs is open. `lostToo`: also those of lost attempts, which wait five minutes for what a runner that
	 * does not come back may have left.
	 */
	async sealedRuns(accepted: readonly Accepted[], { lostToo }: { lostToo: boolean }): Promise<Map<RunId, Run>> {
		const isClosed = ({ log, outcome }: Attempt) => !open.has(log.state) || (outcome === "lost" && !lostToo);
		const isDone = (run: Run) => run.state === "finished" && attemptsOf(run).every(({ attempt }) => isClosed(attempt));
		return this.#runs(accepted, { isDone, withinMs: sealedWithinMs, what: "sealed" });
	}

	async #runs(
		accepted: readonly Accepted[],
		{ isDone, withinMs, what }: { isDone: (run: Run) => boolean; withinMs: number; what: string },
	): Promise<Map<RunId, Run>> {
		const runs = new Map<RunId, Run>();
		const left = new Map(accepted.map(({ id, submission }) => [id, submission]));
		for (const endsAt = Date.now() + withinMs; ; await sleep(lookAgainMs)) {
			for (const [id, { repo }] of left) {
				const run = await this.#client.runs.get({ owner, repo }, id).catch(() => null);
				// Without its jobs it is no more than what was told of it last.
				if (run?.jobs === undefined) continue;
				runs.set(id, run);
				if (isDone(run)) left.delete(id);
			}
			if (left.size === 0 || Date.now() > endsAt) return runs;
			this.#say(`${runs.size} runs are there, ${left.size} are not ${what} yet`);
		}
	}

	async listed(): Promise<Run[]> {
		const runs: Run[] = [];
		for (const repo of repos) {
			const page = (cursor?: string) => this.#client.runs.list({ owner, repo }, { limit: 100, cursor });
			for await (const run of everyItem(page)) runs.push(run);
		}
		return runs;
	}

	/** What differs between the lists and the truth, once nothing does or the bound is over. */
	async rows(runs: ReadonlyMap<RunId, Run>): Promise<{ listed: Run[]; violations: Violation[] }> {
		for (const endsAt = Date.now() + rowsWithinMs; ; await sleep(lookAgainMs)) {
			const listed = await this.listed();
			const violations = checkRows(runs, new Map(listed.map((run) => [run.id, run])));
			if (violations.length === 0 || Date.now() > endsAt) return { listed, violations };
			this.#say(`${violations.length} rows are not the truth yet`);
		}
	}

	/** Each log that must be known to the byte, against the archive. */
	async logs(runs: ReadonlyMap<RunId, Run>, entries: readonly Entry[], accepted: readonly Accepted[]) {
		const known = new Map(lineAttempts(entries).map((one) => [`${one.job} ${one.number}`, one]));
		const repoOf = new Map(accepted.map(({ id, submission }) => [id, submission]));
		const work = [...runs.values()].flatMap((run) => attemptsOf(run).map((place) => ({ run, ...place })));
		const violations: Violation[] = [];
		let bytes = 0;
		const seen = new Set<LineAttempt>();
		const next = async (): Promise<void> => {
			for (let one = work.shift(); one; one = work.shift()) {
				const { run, job, attempt } = one;
				const submission = repoOf.get(run.id);
				if (!submission) continue;
				const log = await this.#bytes(submission.repo, job, attempt);
				bytes += log.length;
				const line = known.get(`${job.id} ${attempt.number}`);
				if (line) seen.add(line);
				if (line) violations.push(...checkLineLog(line, attempt, log));
				else if (job.pool === pools.shell) {
					const lines = submission.request.jobs.find(({ key }) => key === job.key)?.env?.[linesVariable];
					const printed = job.concurrencyGroup === null ? shellLines(job.id, Number(lines)) : "";
					const must = Buffer.from(`\u001b[1;36m▸ step 1\u001b[0m\n${printed}`);
					violations.push(
						...checkShellLog(job, attempt, { bytes: log, must, mayBeCanceled: submission.act.startsWith("cancel") }),
					);
				}
			}
		};
		await Promise.all(Array.from({ length: logsAtOnce }, next));
		for (const { lease, job, number } of known.values()) {
			if ([...seen].some((one) => one.lease === lease)) continue;
			violations.push({
				kind: "log",
				run: `r${job.slice(1).split("-")[0]}`,
				text: `${lease} was started as attempt ${number}, which is not there`,
			});
		}
		return { violations, bytes };
	}

	async #bytes(repo: string, job: Job, { number }: Attempt): Promise<Buffer> {
		const { body } = await this.#client.attempts.log({ owner, repo }, { job: job.id, attempt: number });
		return Buffer.from(await new Response(body).arrayBuffer());
	}
}

export function attemptsOf({ jobs = [] }: Run): { job: Job; attempt: Attempt }[] {
	return jobs.flatMap((job) => job.attempts.map((attempt) => ({ job, attempt })));
}
