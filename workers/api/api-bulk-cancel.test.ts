// Many jobs canceled in one call: which are found, what a dry run says, bounds, and the same call twice.
import { expect, it } from "vitest";
import type { AuditRecord } from "../../src/contracts/http/audit.ts";
import type { BulkCancel } from "../../src/contracts/http/bulk-cancel.ts";
import type { Run } from "../../src/contracts/http/run.ts";
import type { Place } from "./api-fixture.ts";
import { aRepo, aToken, finish, job, lease, refusal, runOf, running, send, states, submit } from "./api-fixture.ts";

function cancel({ path }: Place, body: object, rest: object = {}) {
	return send<BulkCancel>("POST", `${path}/cancel`, { body, ...rest });
}

const source = (ref: string) => ({ source: { cloneUrl: "https://git.example/a.git", ref } });
const keys = ({ items }: BulkCancel) => items.map(({ key, state }) => `${key}:${state}`).sort();

it("[B19] the jobs in those states, by label and ref; the graph follows, and what runs is asked to stop", async () => {
	const place = await aRepo();
	const old = await submit(
		place,
		[job("first"), job("after", { needs: ["first"] }), job("end", { needs: ["first"], when: "always" })],
		source("old"),
	);
	const grant = await running(place);
	const young = await submit(place, [job("gpu", { labels: ["gpu"] }), job("plain")], source("young"));
	expect(keys((await cancel(place, { state: ["waiting"], label: "gpu", reason: "no more" })).body)).toEqual([
		"gpu:waiting",
	]);
	expect(await states(place, young)).toBe("gpu:canceled plain:waiting");
	expect((await cancel(place, { state: ["waiting", "blocked"], ref: "nobody's" })).body.items).toEqual([]);
	const both = await cancel(place, { state: ["running", "blocked"], ref: "old", reason: "no more" });
	expect([both.status, both.body.canceled, both.body.truncated, both.body.dryRun]).toEqual([202, 3, false, false]);
	expect(keys(both.body)).toEqual(["after:blocked", "end:blocked", "first:running"]);
	expect(await states(place, old)).toBe("first:canceling after:canceled end:canceled");
	expect((await lease("steps", grant, { steps: [] })).headers.get("lease-state")).toBe("canceling");
	await finish(grant, "canceled");
	expect(await runOf(place, old)).toMatchObject({ outcome: "canceled", jobs: [{ reason: "no more" }, {}, {}] });
	expect((await cancel(place, { state: ["running", "blocked"], ref: "old" })).body.items).toEqual([]);
	expect(await states(place, young)).toBe("gpu:canceled plain:waiting");
});

it("[B19] what is canceled carries its dependants along, though they are in no state that was said", async () => {
	const place = await aRepo();
	const run = await submit(place, [job("a"), job("b", { needs: ["a"] }), job("c", { needs: ["a"], when: "always" })]);
	await cancel(place, { state: ["waiting"] });
	expect(await states(place, run)).toBe("a:canceled b:skipped c:waiting");
});

it("[B19] at most 1,000 a call; the same call again takes the rest, and then there is none", async () => {
	const place = await aRepo();
	const many = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => job(`j${from + at}`));
	const run = await submit(place, many(0, 1_000));
	expect(
		(await send<Run>("POST", `${place.path}/runs/${run.id}/jobs`, { body: { jobs: many(1_000, 1_100) } })).status,
	).toBe(201);
	const calls = [];
	for (let call = 0; call < 3; call++) calls.push((await cancel(place, { state: ["waiting"] })).body);
	expect(calls.map(({ canceled, truncated }) => [canceled, truncated])).toEqual([
		[1_000, true],
		[100, false],
		[0, false],
	]);
	expect((await send<Run>("GET", `${place.path}/runs/${run.id}`)).body).toMatchObject({ outcome: "canceled" });
});

it("[B20] a dry run names what is canceled then; it and what is malformed change nothing", async () => {
	const place = await aRepo();
	const run = await submit(place, [job("a"), job("b", { needs: ["a"] })]);
	const dry = await cancel(place, { state: ["waiting", "blocked"], dryRun: true });
	expect([dry.status, keys(dry.body), dry.body.canceled]).toEqual([200, ["a:waiting", "b:blocked"], 0]);
	for (const [body, says] of [
		[{}, "400 state"],
		[{ state: [] }, "400 state"],
		[{ state: ["finished"] }, "400 state[0]"],
		[{ state: ["waiting"], label: "" }, "400 label"],
		[{ state: ["waiting"], dryrun: true }, "400 dryrun"],
	] as const) {
		expect(await refusal("POST", `${place.path}/cancel`, { body })).toBe(says);
	}
	expect(await states(place, run)).toBe("a:waiting b:blocked");
	const token = await aToken(place.owner, ["write"], { name: "Ops" });
	const wet = await cancel(place, { state: ["waiting", "blocked"], reason: "outage" }, { token });
	expect(wet.body).toEqual({ ...dry.body, canceled: 2, dryRun: false });
	const { body } = await send<{ items: AuditRecord[] }>("GET", `/v1/audit?owner=${place.owner}&action=jobs-cancel`);
	expect(body.items).toMatchObject([
		{ actor: "Ops", reason: "outage", details: { state: ["waiting", "blocked"], canceled: 2 } },
	]);
});
