// A repository while the operator has switched projection off, and after: over the SQLite of Node.
import { expect, it } from "vitest";
import { runIdFrom } from "../../domain/ids.ts";
import { perform } from "../../simulation/command.ts";
import { must } from "../../simulation/queue-driver.ts";
import { SimulatedPort } from "../../simulation/world/simulated-port.ts";
import { noon } from "../../testing/clock.ts";

const [first = "", second = ""] = [1, 2].map((byte) => runIdFrom(new Uint8Array(15).fill(byte)));

async function submit(port: SimulatedPort, run: string): Promise<void> {
	const jobs = [{ key: "a", run: "true" }];
	await perform(port, { do: "submit", run, key: run, jobs, ref: "main", actor: "ann", supersedes: false });
}

/** Of whom changes were sent to the queue `events`, the repository's settings without a name. */
function sentTo(port: SimulatedPort): (string | undefined)[] {
	return port.sent.flatMap((sent) => ("change" in sent ? [sent.change.run?.id] : []));
}

async function rest(port: SimulatedPort): Promise<void> {
	await port.rest();
	await port.tell();
}

it("[M11] with `project` off nothing is sent and no alarm comes sooner than in 30 s; on again, all that changed is sent, also after a sleep", async () => {
	const port = new SimulatedPort("acme", noon);
	must(await port.calls.configure({ owner: "acme", repo: "web", request: {}, replace: true }));
	await submit(port, first);
	await rest(port);
	port.mayProject = false;
	const before = sentTo(port).length;
	await perform(port, { do: "cancel-run", run: first });
	await submit(port, second);
	must(await port.calls.configure({ owner: "acme", repo: "web", request: { maxRunning: 1 }, replace: false }));
	for (let looks = 0; looks < 5; looks++) {
		const at = (await port.alarmAt()) ?? Number.POSITIVE_INFINITY;
		port.moveClock(Math.max(0, at - port.now()));
		await port.alarm();
		expect(sentTo(port)).toHaveLength(before);
		expect(((await port.alarmAt()) ?? 0) - port.now()).toBeGreaterThan(29_000);
	}
	await port.evict();
	await port.calls.figures();
	port.moveClock(30_000);
	await port.alarm();
	expect(sentTo(port)).toHaveLength(before);
	port.mayProject = true;
	port.moveClock(30_000);
	await port.alarm();
	await rest(port);
	expect(new Set(sentTo(port).slice(before))).toEqual(new Set([first, second, undefined]));
});
