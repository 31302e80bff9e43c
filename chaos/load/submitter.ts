// Submits what the plan says, each with its key until it is answered, and does about it what the plan says. What was promised by
// an answer is kept for the judge.
import { setTimeout as sleep } from "node:timers/promises";
import { ProblemError } from "../../src/client/call-failure.ts";
import type { Client } from "../../src/client/client.ts";
import { createClient } from "../../src/client/client.ts";
import type { RepositoryName } from "../../src/contracts/objects/objects.ts";
import type { RunId } from "../../src/domain/ids.ts";
import type { Act, Submission } from "../plan/submissions.ts";
import { owner } from "../plan/submissions.ts";

/** What the server answered for one submission, in any of its tries. */
export interface Accepted {
	submission: Submission;
	id: RunId;
	spilled: boolean;
}

/** An act that was answered with 2xx. */
export interface Acted {
	act: Act;
	key: string;
	run: RunId;
}

/** Answers that a submission or an act should not have got. */
export interface Unexpected {
	key: string;
	what: string;
	answer: string;
}

const lookAgainMs = 1_000;
/** A run that is slow to end is not retried by hand. */
const actWithinMs = 60_000;
/** Nobody is told to wait for more submissions than this at once. */
const underWayMax = 40;

export class Submitter {
	readonly accepted: Accepted[] = [];
	readonly acted: Acted[] = [];
	readonly unexpected: Unexpected[] = [];
	/** Tries that got no 2xx, and were made again. */
	tries = 0;
	#isOver = false;
	#underWay = 0;
	readonly #client: Client;

	constructor({ url, token }: { url: string; token: string }) {
		const counted: typeof fetch = async (...args) => {
			this.tries++;
			return fetch(...args);
		};
		this.#client = createClient({ url, token, retry: { deadlineMs: Infinity, maxMs: 3_000 }, fetch: counted });
	}

	/** Until it is stopped; resolves when all that was begun is answered. */
	async run(plan: Iterable<Submission>): Promise<void> {
		const work: Promise<void>[] = [];
		for (const submission of plan) {
			work.push(this.#submit(submission));
			await sleep(submission.pauseMs);
			while (this.#underWay >= underWayMax) await sleep(lookAgainMs);
			if (this.#isOver) break;
		}
		await Promise.all(work);
	}

	stop(): void {
		this.#isOver = true;
	}

	async #submit(submission: Submission): Promise<void> {
		const { key, repo, request, act, actMs } = submission;
		const name = { owner, repo };
		this.#underWay++;
		try {
			const { run, spilled } = await this.#client.runs.submit(name, request, { idempotencyKey: key });
			this.accepted.push({ submission, id: run.id, spilled });
			// As a caller does who did not hear the answer.
			if (submission.number % 7 === 0) {
				const again = await this.#client.runs.submit(name, request, { idempotencyKey: key });
				this.accepted.push({ submission, id: again.run.id, spilled: again.spilled });
			}
			await sleep(actMs);
			await this.#act(act, { name, key, run: run.id });
		} catch (failure) {
			this.unexpected.push({ key, what: "submit", answer: String(failure) });
		} finally {
			this.#underWay--;
		}
	}

	async #act(act: Act, { name, key, run }: { name: RepositoryName; key: string; run: RunId }): Promise<void> {
		if (act === "none") return;
		try {
			if (act === "cancel-run") await this.#client.runs.cancel(name, run, { reason: "chaos" });
			else if (act === "cancel-job") await this.#client.jobs.cancel(name, `${run}/job-0`, { reason: "chaos" });
			else {
				if (!(await this.#finished(name, run))) return;
				await this.#client.runs.retry(name, run, { only: act === "retry-all" ? "all" : "failed", reason: "chaos" });
			}
			this.acted.push({ act, key, run });
		} catch (failure) {
			// A run that is only in the intake, one that ended meanwhile, or one of which nothing failed: refused with the reason.
			if (failure instanceof ProblemError && failure.status === 409) return;
			this.unexpected.push({ key, what: act, answer: String(failure) });
		}
	}

	/** False when it is not finished in time, or nobody waits any more. */
	async #finished(name: RepositoryName, run: RunId): Promise<boolean> {
		for (const endsAt = Date.now() + actWithinMs; Date.now() < endsAt && !this.#isOver; await sleep(lookAgainMs)) {
			const { state } = await this.#client.runs.get(name, run);
			if (state === "finished") return true;
		}
		return false;
	}
}
