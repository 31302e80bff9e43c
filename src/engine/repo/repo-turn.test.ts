// A turn that breaks off: every command with every one of its writes failing, over the SQLite of Node.
import { describe, expect, it } from "vitest";
import { jobIdFrom, runIdFrom } from "../../domain/ids.ts";
import type { Answer, Command } from "../../simulation/command.ts";
import { perform } from "../../simulation/command.ts";
import { aFailure, must } from "../../simulation/queue-driver.ts";
import { SimulatedPort } from "../../simulation/world/simulated-port.ts";
import { noon } from "../../testing/clock.ts";

const runs = [1, 2, 3, 4].map((byte) => runIdFrom(new Uint8Array(15).fill(byte)));
const [first = "", second = "", third = "", fourth = ""] = runs;
const runner = { id: "rn1", name: "rn1" };
const claim: Command = { do: "claim", runner, pool: "default", labels: [], free: 1 };

function submit(run: string, ref: string, supersedes = false): Command {
	const jobs = ["a", "b"].map((key) => ({ key, run: "true" }));
	return { do: "submit", run, key: `key of ${run}`, jobs, ref, actor: "ann", supersedes };
}

/** Two runs wait, of one of which a job runs; one has failed. */
async function aWorld(sliceJobs: number): Promise<SimulatedPort> {
	const port = new SimulatedPort("acme", noon, { sliceJobs });
	must(await port.calls.configure({ owner: "acme", repo: "web", request: {}, replace: true }));
	await perform(port, submit(first, "refs/heads/main"));
	for (const _ of ["a", "b"]) {
		const [lease] = (await perform(port, claim)).grants;
		if (!lease) throw new Error("nothing was granted");
		await perform(port, { do: "start", lease });
		await perform(port, { do: "finish", lease, report: aFailure() });
	}
	await perform(port, submit(second, "refs/heads/main"));
	await perform(port, submit(third, "refs/heads/main"));
	const [lease] = (await perform(port, claim)).grants;
	if (!lease) throw new Error("nothing was granted");
	await perform(port, { do: "start", lease });
	await port.rest();
	await port.tell();
	return port;
}

const held = { owner: "acme", repo: "web", pool: "default", shard: 0, job: jobIdFrom(second, 0), attempt: 1, epoch: 1 };

const commands: Command[] = [
	submit(fourth, "refs/heads/main", true),
	{ do: "add", run: second, key: "more", jobs: [{ key: "c", run: "true" }] },
	{ ...claim, free: 3 },
	{ do: "finish", lease: held, report: aFailure() },
	{ do: "expire", leases: [held], quietMs: 30_000 },
	{ do: "cancel-run", run: second },
	{ do: "cancel-job", job: held.job, force: true },
	{ do: "cancel-matching", state: ["waiting", "running"], label: null, ref: null },
	{ do: "retry-run", run: first, only: "failed", key: "again" },
	{ do: "retry-matching", outcome: ["failed"], label: null, ref: null, key: "all again" },
	{ do: "priority", job: jobIdFrom(third, 0), priority: 3 },
	{ do: "configure", request: { maxRunning: 1, fairness: { by: "actor", perRunningSeconds: 1, weights: {} } } },
];

/** What whoever asks is shown of everything. */
async function shown(port: SimulatedPort): Promise<unknown> {
	const each = await Promise.all(runs.map((run) => port.calls.run(run)));
	const known = each.map((run) => (run.ok ? { ...run.value, version: 0 } : run));
	// Of jobs of one rank any may be the first.
	const lanes = [...port.queue.standing.lanes()].map((lane) => ({ ...lane, head: lane.head?.rank }));
	const all = [known, await port.calls.figures(), lanes];
	// What pools said of their runners, and what the read model confirmed, is no truth of the repository's.
	const isElsewhere = (key: string, value: unknown) =>
		key === "projectionLagSeconds" || (key === "waiting" && typeof value === "object");
	return JSON.parse(JSON.stringify(all, (key, value) => (isElsewhere(key, value) ? null : value)));
}

describe("a write that fails", () => {
	const inSlices = commands.map((command) => ({ ...command, sliceJobs: 1 }));
	const atOnce = commands.map((command) => ({ ...command, sliceJobs: 200 }));

	it.each([...atOnce, ...inSlices])("[W80] leaves no trace of its turn: $do, $sliceJobs jobs a slice", async (each) => {
		const { sliceJobs, ...command } = each;
		let failures = 0;
		for (let isDone = false; !isDone; failures++) {
			const port = await aWorld(sliceJobs);
			const before = { stored: port.stored, sent: port.sent.length };
			let left = failures + 1;
			port.storage.beforeWrite = () => {
				if (--left === 0) throw new Error("the disk is full");
			};
			const answer = await perform(port, command as Command).catch(() => null);
			isDone = left > 0;
			port.storage.beforeWrite = () => {};
			await port.rest();
			if (answer === null) expect(port.stored).toEqual(before.stored);
			else expectGranted(port, before.stored.jobs, answer);
			// What the outbox collected it sends at the latest with the next act.
			await perform(port, { do: "priority", job: jobIdFrom(third, 1), priority: 1 });
			await port.tell();
			expectTold(port, before.sent);
			const remembered = await shown(port);
			await port.evict();
			expect(remembered).toEqual(await shown(port));
		}
		expect(failures).toBeGreaterThan(1);
	});
});

/** What the outbox sent is what there is: of a run its counts, of an attempt that it ended. */
function expectTold(port: SimulatedPort, from: number): void {
	const told = new Map<string, unknown>();
	for (const sent of port.sent.slice(from)) {
		if ("close" in sent) expect(port.stored.attempts.has(`${sent.close.job}/${sent.close.attempt}`)).toBe(true);
		else if (sent.change.run) told.set(sent.change.run.id, sent.change.run.counts);
	}
	for (const [run, counts] of told) expect(port.queue.run(run)?.counts).toEqual(counts);
}

/** No job is handed out that nobody hears of. */
function expectGranted(port: SimulatedPort, before: ReadonlyMap<string, string>, { grants }: Answer): void {
	const isLeased = (text: string | undefined) => text !== undefined && JSON.parse(text).state === "leased";
	const leased = [...port.stored.jobs].filter(([id, text]) => isLeased(text) && !isLeased(before.get(id)));
	expect(leased.map(([id]) => id).sort()).toEqual(grants.map(({ job }) => job).sort());
}
