// What still works while one dependency is away: each row of the table in docs/operations.md, by taking that dependency from the
// bindings that the Worker is given. All else is the real thing.
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Run } from "../../src/contracts/http/run.ts";
import type { Page } from "../../src/contracts/http/page.ts";
import main from "../main.ts";
import { aRepo, aRunner, append, finish, grantOf, job, lease, requestOf, runOf, send, submit } from "./api-fixture.ts";
import type { Place } from "./api-fixture.ts";
import { ask, noBucket, noDatabase, noObjects, noQueue, takeDatabaseAway } from "./away-fixture.ts";

beforeEach(() => {
	vi.spyOn(console, "error").mockImplementation(() => undefined);
});
afterEach(() => {
	vi.useRealTimers();
	vi.restoreAllMocks();
});

/** A run from its submission to its end, its log read, retried and canceled, `bindings` in place of the server's own. */
async function wholeWay(place: Place, bindings: object): Promise<void> {
	const jobs = { jobs: [job("a")] };
	const submitted = await ask<Run>("POST", `${place.path}/runs`, bindings, { body: jobs });
	expect(submitted.status).toBe(201);
	const grant = await grantOf(await aRunner(place));
	expect((await lease("start", grant)).status).toBe(200);
	expect((await append(grant, 0, "hello\n")).status).toBe(204);
	const log = `${place.path}/jobs/${grant.job.id}/attempts/1/log`;
	const ctx = createExecutionContext();
	const shown = await main.fetch(requestOf("GET", log, {}) as never, { ...env, ...bindings } as never, ctx);
	expect(await shown.text()).toBe("hello\n");
	expect((await finish(grant, "passed", { logLength: 6 })).status).toBe(200);
	const run = `${place.path}/runs/${submitted.body.id}`;
	const seen = await ask<Run>("GET", run, bindings);
	expect([seen.status, seen.body.outcome, seen.stale]).toEqual([200, "passed", null]);
	expect((await ask("POST", `${run}/retry`, bindings, { body: { only: "all" } })).status).toBe(202);
	expect((await ask("POST", `${run}/cancel`, bindings, { body: {} })).status).toBe(202);
}

it("[A75] the database away: submit, run, log, retry, cancel and a run's page work; a list is the last good one and says so", async () => {
	const place = await aRepo();
	await submit(place, [job("before")]);
	const list = (bindings: object) => ask<Page<Run>>("GET", `${place.path}/runs`, bindings);
	const bindings: { DB: object } = { DB: env.DB };
	await vi.waitFor(async () => expect((await list(bindings)).body.items).toHaveLength(1), 15_000);
	takeDatabaseAway();
	const stale = await list(bindings);
	vi.restoreAllMocks();
	expect([stale.status, stale.body.stale, stale.body.items.length]).toEqual([200, true, 1]);
	expect(stale.stale).toBe(stale.body.asOf);
	await wholeWay(await aRepo(), { DB: noDatabase });
});

it("[A75] the archive away: everything works but old logs", async () => {
	await wholeWay(await aRepo(), { ARCHIVE: noBucket });
});

it("[A75] the queues away: everything works", async () => {
	await wholeWay(await aRepo(), { DELIVERIES: noQueue, EVENTS: noQueue, INTAKE: noQueue });
});

it("[A75] a repository's object away: its submissions are spilled, and a run's page is the last known one and says since when", async () => {
	const place = await aRepo();
	const run = await submit(place, [job("a")]);
	const bindings = { REPO: noObjects(env.REPO), INTAKE: { send: async () => undefined } };
	expect((await ask("POST", `${place.path}/runs`, bindings, { body: { jobs: [job("b")] } })).status).toBe(202);
	const { number } = run;
	for (const name of [run.id, String(number), "latest"]) {
		const page = await vi.waitFor(async () => {
			const seen = await ask<Run>("GET", `${place.path}/runs/${name}`, bindings);
			expect(seen.status).toBe(200);
			return seen;
		}, 15_000);
		expect([page.body.id, page.body.jobs, page.body.number]).toEqual([run.id, undefined, number]);
		expect(page.stale).toBe(new Date(page.body.version).toISOString());
	}
	expect((await ask<Page<Run>>("GET", `${place.path}/runs`, bindings)).body.items).toHaveLength(1);
	expect((await ask("GET", `${place.path}/runs/99`, bindings)).status).toBe(503);
	// Nobody is told that something was done that was not.
	for (const act of ["cancel", "retry"]) {
		const body = act === "retry" ? { only: "all" } : {};
		expect((await ask("POST", `${place.path}/runs/${run.id}/${act}`, bindings, { body })).body.code).toBe(
			"unavailable",
		);
	}
});

it("[A75] a pool's objects away: what runs goes on to its end, and submissions are taken", async () => {
	const place = await aRepo();
	await submit(place, [job("a")]);
	const grant = await grantOf(await aRunner(place));
	const bindings = { POOL: noObjects(env.POOL) };
	const held = (path: string, body: unknown) =>
		ask("POST", `/v1/lease/${path}`, bindings, { token: grant.lease.token, body });
	expect((await held("start", {})).status).toBe(200);
	const log = { token: grant.lease.token, body: "hello\n", headers: { "upload-offset": "0" } };
	const octets = { ...log, headers: { ...log.headers, "content-type": "application/octet-stream" } };
	expect((await ask("PATCH", "/v1/lease/log", bindings, octets)).status).toBe(204);
	expect((await held("finish", { outcome: "passed", exitCode: 0, logLength: 6 })).status).toBe(200);
	const submitted = await ask<Run>("POST", `${place.path}/runs`, bindings, { body: { jobs: [job("b")] } });
	expect([submitted.status, (await runOf(place, submitted.body)).state]).toEqual([201, "accepted"]);
});

it("[A75] the consumer of changes goes on with other messages while the database is away, and loses none", async () => {
	const place = await aRepo();
	const run = await submit(place, [job("a")]);
	const { jobs: _, ...doc } = run;
	const body = { owner: place.owner, repo: place.repo, at: Date.now(), repository: null, run: doc };
	const batch = createMessageBatch("spillway-events", [{ id: "m1", timestamp: new Date(), attempts: 1, body }]);
	await main.queue?.(batch as never, { ...env, DB: noDatabase } as never);
	const { explicitAcks, retryMessages } = await getQueueResult(batch, createExecutionContext());
	expect([explicitAcks, retryMessages.map(({ msgId }) => msgId)]).toEqual([[], ["m1"]]);
	expect((await send("GET", `${place.path}/runs/${run.id}`)).status).toBe(200);
});
