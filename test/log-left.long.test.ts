// A runner that is killed in the middle of a log that nobody watches, and started again in its folder: at once, and after its
// loss was noticed. What was missing of the log comes with the start, and nobody who follows the job waits for that.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { viewLog } from "../src/client/log-viewer.ts";
import type { Run } from "../src/contracts/http/run.ts";
import { headingOf } from "./fixture-site.ts";
import { until } from "./fixture-until.ts";
import { RunnerRig } from "./runner-rig.ts";

let rig: RunnerRig;
beforeEach(async () => {
	rig = await RunnerRig.open();
});
afterEach(() => rig.close());

const lineMs = 100;
const lines = 80;

function linesOf(count: number): string {
	return headingOf("step 1") + Array.from({ length: count }, (_, at) => `line ${at + 1}\n`).join("");
}

/** What the runner has read of its job. */
function spooled(name: string): string {
	const folder = join(rig.path(name), "spools");
	const logs = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".log")) : [];
	return logs.map((file) => readFileSync(join(folder, file), "utf8")).join("");
}

/** Kills the runner as soon as it has read the last line of the first attempt, which does not end by itself. */
async function killMidway(name: string): Promise<{ run: Run; id: string; had: string }> {
	const first = rig.runner(name);
	const print = `for i in $(seq ${lines}); do echo "line $i"; sleep 0.1; done; sleep 1000`;
	const run = await rig.submit(name, [{ key: "a", run: `[ $SPILLWAY_ATTEMPT = 1 ] || exec echo again; ${print}` }]);
	await until("it has printed for longer than an upload waits", async () => spooled(name) === linesOf(lines));
	first.process.kill("SIGKILL");
	await first.end();
	const id = run.jobs?.[0]?.id ?? "";
	return { run, id, had: await textOf(name, id) };
}

async function textOf(name: string, job: string): Promise<string> {
	const { body } = await rig.client.attempts.log({ owner: "acme", repo: name }, { job, attempt: 1 });
	return new Response(body).text();
}

it("[L26][L36][N158] a killed runner takes 5 s of a log along, and its next start, at once or after the loss, brings them", async () => {
	const [soon, late] = await Promise.all([killMidway("soon"), killMidway("late")]);
	const missing = [soon, late].map(({ had }) => lines - (had.split("\n").length - 2));
	expect([soon.had, late.had]).toEqual(missing.map((count) => linesOf(lines - count)));
	expect(Math.max(...missing)).toBeGreaterThan(0);
	// Five seconds, and as long as a busy machine takes to send them.
	expect(Math.max(...missing) * lineMs).toBeLessThan(8_000);

	rig.runner("soon");
	const [job] = await rig.finished("soon", soon.run);
	if (!job) throw new Error("a run has its job");
	const log = await rig.log("soon", job, 1);
	expect(log).toEqual({ text: linesOf(lines), isWhole: true });

	const jobOf = () => rig.client.jobs.get({ owner: "acme", repo: "late" }, late.id);
	await until("the loss is noticed", async () => (await jobOf()).attempts[0]?.outcome === "lost", { withinMs: 90_000 });
	expect((await jobOf()).attempts[0]?.log.state).toBe("sealing");
	const { url, operatorToken: token } = rig.ready;
	const seen: string[] = [];
	const viewed = (async () => {
		for await (const event of viewLog({ url, token, repository: { owner: "acme", repo: "late" }, job: late.id })) {
			if (event.type === "end") seen.push(`${event.outcome} ${event.state}`);
		}
	})();
	await until("a follower is told of the lost attempt's end", async () => seen.length === 1);
	rig.runner("late");
	const [second] = await rig.finished("late", late.run);
	if (!second) throw new Error("a run has its job");
	expect(await rig.log("late", second, 1)).toEqual({ text: linesOf(lines), isWhole: true });
	await viewed;
	expect(seen).toEqual(["lost partial", "passed sealed"]);
});
