// `run watch` against an API on loopback that has the run's events, or has not, or breaks them off.
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { RunEvent } from "../../contracts/http/streams/run-events.ts";
import { FakeApi } from "../../testing/fake-api.ts";
import { run } from "../../testing/fake-terminal.ts";
import { aWireJob, aWireRun } from "../../testing/wire-builders.ts";

const { id } = aWireRun();
const path = `/v1/repos/acme/web/runs/${id}`;
const running = aWireJob("test", { state: "running", outcome: null, finishedAt: null });
const aRunning = aWireRun({ state: "running", outcome: null, jobs: [running] });
const ended = aWireJob("test", { outcome: "failed" });
const anEnded = aWireRun({ outcome: "failed", version: 5, jobs: [ended] });
const { jobs: _, ...endedAlone } = anEnded;

let api: FakeApi;
beforeEach(async () => {
	api = new FakeApi();
	await api.open();
});
afterEach(() => api.close());

function eventText(event: RunEvent): string {
	return `id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** Until then the log's socket closes without a word, and the watch comes back to it. */
function endLog(): void {
	api.logs.set(running.id, [
		{ type: "attempt", number: 1 },
		{ type: "end", length: 0, sha256: null, outcome: "failed", state: "sealed" },
	]);
}

function asked(): number {
	return api.calls.filter((call) => call.method === "GET" && call.path === path).length;
}

const snapshot: RunEvent = { type: "snapshot", seq: 1, run: { ...aRunning, jobs: [running] } };

it("[L41] a watch asks for the run once to begin and once at the end: what lies between, its events tell", async () => {
	api.on(`GET ${path}`, { json: aRunning }, { json: anEnded });
	api.on(`GET ${path}/events`, {
		parts: async function* () {
			await vi.waitUntil(() => asked() > 0, { timeout: 10_000 });
			yield ": keep-alive\n\n";
			const text = eventText(snapshot);
			yield text.slice(0, 40);
			yield text.slice(40);
			yield eventText({ type: "job", seq: 2, at: "", job: ended });
			yield eventText({ type: "run", seq: 3, at: "", run: endedAlone });
			endLog();
			await vi.waitUntil(() => asked() > 1, { timeout: 10_000 });
		},
	});
	const { code, out } = await run(api, ["run", "watch", "acme/web", id]);
	expect([code, asked()]).toEqual([1, 2]);
	expect(out).toContain("test │ attempt 1 failed\n");
});

it("[L41] events that break off are made up for by asking, nothing is shown twice, and the exit code is the run's", async () => {
	api.on(`GET ${path}`, { json: aRunning }, { json: anEnded });
	api.on(`GET ${path}/events`, {
		parts: async function* () {
			yield eventText(snapshot);
			endLog();
		},
	});
	const { code, out } = await run(api, ["run", "watch", "acme/web", id, "--json"]);
	expect(code).toBe(1);
	const shown = out
		.trimEnd()
		.split("\n")
		.map((line) => JSON.parse(line).type);
	expect(shown.toSorted()).toEqual(["attempt", "end", "job", "job", "run"]);
	expect(shown.at(-1)).toBe("run");
});

it("[L41] what the stream begins with does not take back what was asked for before", async () => {
	const older = aWireRun({
		state: "accepted",
		outcome: null,
		version: 2,
		jobs: [aWireJob("test", { state: "waiting", attempts: [] })],
	});
	api.on(`GET ${path}`, { json: aRunning }, { json: anEnded });
	api.on(`GET ${path}/events`, {
		parts: async function* () {
			await vi.waitUntil(() => asked() > 0, { timeout: 10_000 });
			yield eventText({ type: "snapshot", seq: 1, run: { ...older, jobs: older.jobs ?? [] } });
			endLog();
			await vi.waitUntil(() => asked() > 1, { timeout: 10_000 });
		},
	});
	const { out } = await run(api, ["run", "watch", "acme/web", id, "--json"]);
	const states = out
		.trimEnd()
		.split("\n")
		.flatMap((line) => {
			const { type, job } = JSON.parse(line);
			return type === "job" ? [job.state] : [];
		});
	expect(states).toEqual(["running", "finished"]);
});
