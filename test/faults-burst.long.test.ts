// The server is killed again and again while runs pour in and runners work them off: what got its answer is there, what got
// none is there once.
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Run, RunRequest } from "../src/contracts/http/run.ts";
import { seededRandom } from "../src/testing/random.ts";
import { repository, Site } from "./fixture-site.ts";

/** A failure's seed repeats which answer the server is killed after; what else is under way then is the machine's chance. */
const seed = 20_261;
const rounds = 3;
const runsPerRound = 24;
const callersMax = 8;

let site: Site;
beforeEach(async () => {
	site = await Site.open();
});
afterEach(() => site.close());

function requestOf(key: string): RunRequest {
	return {
		title: key,
		jobs: [
			{ key: "first", run: `echo ${key}` },
			{ key: "second", needs: ["first"], env: { KEY: key }, run: 'echo "$KEY again"' },
		],
	};
}

interface Answer {
	status: number;
	run: Run;
}

/** One try, as `curl` would. Null when no answer came. */
async function submit(key: string): Promise<Answer | null> {
	try {
		const response = await fetch(`${site.ready.url}/v1/repos/acme/web/runs`, {
			method: "POST",
			headers: {
				authorization: `Bearer ${site.ready.operatorToken}`,
				"content-type": "application/json",
				"idempotency-key": key,
			},
			body: JSON.stringify(requestOf(key)),
		});
		return { status: response.status, run: (await response.json()) as Run };
	} catch {
		return null;
	}
}

/** Submits all of them, several at a time, and kills the server after so many answers. Resolves to the answers that came. */
async function burst(keys: readonly string[], { killAfter }: { killAfter: number }): Promise<Map<string, Run>> {
	const answered = new Map<string, Run>();
	const waiting = [...keys];
	let killed: Promise<void> | null = null;
	const call = async () => {
		for (let key = waiting.shift(); key !== undefined; key = waiting.shift()) {
			const answer = await submit(key);
			if (answer === null) continue;
			expect([key, answer.status]).toEqual([key, 201]);
			answered.set(key, answer.run);
			if (answered.size >= killAfter) killed ??= site.end("group");
		}
	};
	await Promise.all(Array.from({ length: callersMax }, call));
	await killed;
	return answered;
}

it(`[F4] of a burst that kills cut short, every accepted run is kept whole and finishes, and every key has one (seed ${seed})`, async () => {
	const random = seededRandom(seed);
	site.runner("one", { capacity: 4 });
	const runs = new Map<string, Run>();
	let unanswered = 0;
	for (let round = 1; round <= rounds; round++) {
		const keys = Array.from({ length: runsPerRound }, (_, at) => `round-${round}-${at}`);
		const answered = await burst(keys, { killAfter: 1 + random.below(runsPerRound - callersMax) });
		await site.start();
		for (const [key, before] of answered) {
			const after = await site.client.runs.get(repository, before.id);
			expect([after.id, after.number, after.title]).toEqual([before.id, before.number, key]);
			expect(after.jobs?.map(({ id, key }) => [id, key])).toEqual(before.jobs?.map(({ id, key }) => [id, key]));
			runs.set(key, after);
		}
		for (const key of keys.filter((key) => !answered.has(key))) {
			const answer = await submit(key);
			expect([200, 201]).toContain(answer?.status);
			if (answer) runs.set(key, answer.run);
			unanswered++;
		}
	}
	expect(unanswered).toBeGreaterThan(0);
	const keys = [...runs.keys()].sort();
	expect(keys).toHaveLength(rounds * runsPerRound);
	const numbers = [...runs.values()].map(({ number }) => number ?? 0).sort((a, b) => a - b);
	expect(numbers).toEqual(keys.map((_, at) => at + 1));

	for (const [key, { id }] of runs) {
		const { outcome, jobs } = await site.settled(id);
		expect([key, outcome, jobs.map(({ attempts }) => attempts.length)]).toEqual([key, "passed", [1, 1]]);
		const logs = await Promise.all(jobs.map(async (job) => job.attempts[0] && site.wholeLog(job, job.attempts[0])));
		expect(logs.map((log) => String(log).split("\n")[1])).toEqual([key, `${key} again`]);
	}
	const listed = await site.listed(runs.size);
	expect(listed.map(({ number }) => number ?? 0).sort((a, b) => a - b)).toEqual(numbers);
	expect(new Map(listed.map(({ title, id }) => [title, id]))).toEqual(
		new Map([...runs].map(([key, { id }]) => [key, id])),
	);
});
