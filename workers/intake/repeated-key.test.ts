// The same idempotency key while runs are spilled: with the same body, whatever has become of the run since; and with another.
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { idempotencyKeptMs } from "../../src/domain/limits.ts";
import { aRepo, job, runOf, send } from "../api/api-fixture.ts";
import type { Place } from "../api/api-fixture.ts";

import { ask, away, cancelOf, drain, intakeKeys, ports, submitTo } from "./intake-fixture.ts";

afterEach(async () => {
	vi.restoreAllMocks();
	await send("PATCH", "/v1/switches", { body: { spill: "auto" } });
});

const spillAlways = () => send("PATCH", "/v1/switches", { body: { spill: "always" } });

/** Until the read model has the run. */
async function listed(place: Place, run: { id: string }, state: string): Promise<void> {
	await vi.waitFor(async () => {
		const { items } = (await send<{ items: { id: string }[] }>("GET", `${place.path}/runs?state=${state}`)).body;
		expect(items.map(({ id }) => id)).toContain(run.id);
	}, 15_000);
}

const noReadModel = {
	DB: { prepare: () => ({ bind: () => ({ raw: () => Promise.reject(new Error("D1 is away")) }) }) },
};

it("[Y9] with the spill on always, a key that is repeated after the drain gets the run as it is known, and makes no record", async () => {
	const place = await aRepo();
	await spillAlways();
	const { status, body } = await submitTo(place, {}, { key: "k" });
	expect(status).toBe(202);
	await drain(place);
	await cancelOf(place, body);
	await listed(place, body, "finished");
	// Nobody waits for an object that does not answer.
	const again = await submitTo(place, away("silent"), { key: "k" });
	expect([again.status, again.replayed, again.body.id]).toEqual([200, true, body.id]);
	expect([again.body.state, again.body.outcome, again.body.number]).toEqual(["finished", "canceled", 1]);
	expect(again.stale).toMatch(/^\d{4}-/);
	expect(await intakeKeys(place)).toEqual([]);
});

it("[Y9] it gets the run from its repository where the read model does not know it yet, or is away", async () => {
	const place = await aRepo();
	await spillAlways();
	const { body } = await submitTo(place, {}, { key: "k" });
	await drain(place);
	await cancelOf(place, body);
	const again = await submitTo(place, noReadModel, { key: "k" });
	expect([again.status, again.replayed, again.stale]).toEqual([200, true, null]);
	expect([again.body.id, again.body.outcome, again.body.jobs?.length]).toEqual([body.id, "canceled", 1]);
	expect(await intakeKeys(place)).toEqual([]);
});

it("[Y9] also where the repository took it at first and is away now", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, {}, { key: "k" });
	await cancelOf(place, body);
	await listed(place, body, "finished");
	const again = await submitTo(place, away(), { key: "k" });
	expect([again.status, again.replayed, again.body.outcome]).toEqual([200, true, "canceled"]);
	expect(await intakeKeys(place)).toEqual([]);
});

it("[Y9] where nobody who answers knows of it, it is accepted, and still is one run", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, away(), { key: "k" });
	await drain(place);
	const again = await submitTo(place, away("reset", noReadModel), { key: "k" });
	expect([again.status, again.body.id]).toEqual([202, body.id]);
	await drain(place);
	expect([(await runOf(place, body)).number, await intakeKeys(place)]).toEqual([1, []]);
});

it("[Y10] a key is one submission's from its spill on: another is refused, by the intake, and by the repository before and after the drain", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, away(), { key: "k" });
	const other = (bindings: object) => submitTo(place, bindings, { key: "k", jobs: [job("other")] });
	const said = async (bindings: object) => {
		const { status, body } = await other(bindings);
		return `${status} ${body.code}`;
	};
	expect([await said(away()), await said({})]).toEqual(Array(2).fill("422 idempotency-key-reused"));
	await drain(place);
	expect([await said(away()), await said({})]).toEqual(Array(2).fill("422 idempotency-key-reused"));
	expect((await runOf(place, body)).outcome).toBeNull();
	await ports.intake.forgetKeys(Date.now() - idempotencyKeptMs);
	expect(await said(away())).toBe("422 idempotency-key-reused");
	await ports.intake.forgetKeys(Date.now() + 1_000);
	expect((await other(away())).status).toBe(202);
});

it("[Y14] with the spill on always a key that the repository took before is refused with another body, and stays its own", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, {}, { key: "k" });
	await spillAlways();
	const other = await submitTo(place, noReadModel, { key: "k", jobs: [job("other")] });
	expect([other.status, other.body.code]).toEqual([422, "idempotency-key-reused"]);
	const again = await submitTo(place, noReadModel, { key: "k" });
	expect([again.status, again.replayed, again.body.id]).toEqual([200, true, body.id]);
	expect(await intakeKeys(place)).toEqual([]);
});

it("[Y14] a repository that does not answer which submission has a key holds up no spill", async () => {
	const place = await aRepo();
	await submitTo(place, {}, { key: "k" });
	await spillAlways();
	for (const [n, fault] of (["silent", "reset", "broken"] as const).entries()) {
		expect((await submitTo(place, away(fault), { key: `new-${n}` })).status).toBe(202);
	}
});

it("[Y10] of two that are spilled at once under one key exactly one is accepted", async () => {
	const place = await aRepo();
	const both = await Promise.all(["a", "b"].map((key) => submitTo(place, away(), { key: "k", jobs: [job(key)] })));
	expect(both.map(({ status }) => status).sort()).toEqual([202, 422]);
	expect((await env.ARCHIVE.list({ prefix: `intake/${place.owner}/${place.repo}/` })).objects).toHaveLength(1);
});

it("[Y10] an intake that cannot be asked holds up nothing that the repository takes; a key that it could not keep is not accepted", async () => {
	const place = await aRepo();
	vi.spyOn(console, "error").mockImplementation(() => undefined);
	await submitTo(place, away(), { key: "k" });
	const failing = () => Promise.reject(new Error("internal error"));
	const ARCHIVE = { get: failing, put: failing };
	expect((await submitTo(place, { ARCHIVE }, { key: "l" })).status).toBe(201);
	expect((await submitTo(place, away("reset", { ARCHIVE }), { key: "m" })).status).toBe(503);
	expect((await ask("GET", `${place.path}/runs`, {})).status).toBe(200);
});
