// Many jobs retried in one call: which are found, what a dry run says, bounds, and the same key twice.
import { describe, expect, it } from "vitest";
import type { BulkRetry } from "../../src/contracts/http/bulk-retry.ts";
import type { Run } from "../../src/contracts/http/run.ts";
import type { Place } from "./api-fixture.ts";
import {
	aRepo,
	aRunner,
	aToken,
	finish,
	grantOf,
	job,
	lease,
	refusal,
	settledRunOf,
	send,
	states,
	submit,
} from "./api-fixture.ts";

function retry({ path }: Place, body: object = {}, rest: object = {}) {
	return send<BulkRetry>("POST", `${path}/retry`, { body, ...rest });
}

/** Runs every job that waits in the place; a job ends as its key says. */
async function playAll(place: Place, jobs: number): Promise<void> {
	const runner = await aRunner(place, { labels: ["gpu"] });
	for (let played = 0; played < jobs; played++) {
		const grant = await grantOf(runner);
		await lease("start", grant);
		expect((await finish(grant, grant.job.key.replace(/^.*\./, ""))).status).toBe(200);
	}
}

const keys = ({ items }: BulkRetry) => items.map(({ key, outcome }) => `${key}:${outcome}`).join(" ");

/** Two runs of two branches, the newer last, with all kinds of ends. */
async function twoRuns(): Promise<{ place: Place; old: Run; young: Run }> {
	const place = await aRepo();
	const source = (ref: string) => ({ source: { cloneUrl: "https://git.example/a.git", ref } });
	const old = await submit(
		place,
		[
			job("a.failed", { labels: ["gpu"] }),
			job("b.passed"),
			job("after", { needs: ["a.failed"] }),
			job("c.timed-out"),
			job("d.failed", { allowFailure: true }),
		],
		source("old"),
	);
	await playAll(place, 4);
	const young = await submit(place, [job("e.failed"), job("f.failed"), job("g")], source("young"));
	await playAll(place, 2);
	const { jobs = [] } = young;
	expect((await send("POST", `${place.path}/jobs/${jobs[2]?.id}/cancel`)).status).toBe(202);
	return { place, old, young };
}

describe("which jobs", () => {
	it("[B1] all that is said must hold; newest runs first; without an outcome, whatever failed", async () => {
		const { place } = await twoRuns();
		const found = async (body: object) => {
			const { status, body: answer } = await retry(place, { ...body, dryRun: true });
			expect([status, answer.retried, answer.truncated, answer.dryRun]).toEqual([200, 0, false, true]);
			return keys(answer);
		};
		const failed = "e.failed:failed f.failed:failed a.failed:failed";
		expect(await found({})).toBe(`${failed} c.timed-out:timed-out d.failed:failed`);
		expect(await found({ outcome: ["timed-out"] })).toBe("c.timed-out:timed-out");
		expect(await found({ outcome: ["passed", "canceled"] })).toBe("g:canceled b.passed:passed");
		expect(await found({ label: "gpu" })).toBe("a.failed:failed");
		expect(await found({ label: "gp" })).toBe("");
		expect(await found({ ref: "young", outcome: ["failed"] })).toBe("e.failed:failed f.failed:failed");
		expect(await found({ ref: "young", label: "gpu" })).toBe("");
		const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
		expect(await found({ since: inAnHour })).toBe("");
		expect(await found({ since: "2020-01-01T00:00:00.000Z", outcome: ["timed-out"] })).toBe("c.timed-out:timed-out");
	});

	it("[B1] a superseded run is left alone", async () => {
		const place = await aRepo();
		const rest = { source: { cloneUrl: "https://git.example/a.git", ref: "main" }, cancelSuperseded: true };
		await submit(place, [job("a.failed"), job("b.passed")], rest);
		await playAll(place, 1);
		await submit(place, [job("c.failed")], rest);
		await playAll(place, 1);
		expect(keys((await retry(place, { outcome: ["failed", "canceled"] })).body)).toBe("c.failed:failed");
	});

	it("[B1] at most 1,000 a call; the same call again takes the rest", async () => {
		const place = await aRepo();
		const many = (from: number, to: number) =>
			Array.from({ length: to - from }, (_, at) => job(`j${from + at}`, { needs: [] }));
		const run = await submit(place, many(0, 1_000));
		const more = await send<Run>("POST", `${place.path}/runs/${run.id}/jobs`, { body: { jobs: many(1_000, 1_200) } });
		expect(more.status).toBe(201);
		await send("POST", `${place.path}/runs/${run.id}/cancel`);
		const body = { outcome: ["canceled"] };
		const first = await retry(place, body);
		expect([first.status, first.body.retried, first.body.truncated]).toEqual([202, 1_000, true]);
		expect(first.body.items[999]?.key).toBe("j999");
		const second = await retry(place, body);
		expect([second.body.retried, second.body.truncated, second.body.items[0]?.key]).toEqual([200, false, "j1000"]);
		expect(await settledRunOf(place, run)).toMatchObject({ round: 3, outcome: null, counts: { waiting: 1_200 } });
		expect((await retry(place, body)).body).toEqual({
			items: [],
			retried: 0,
			truncated: false,
			archived: 0,
			dryRun: false,
		});
	});

	it("[B1] what is malformed, or not for the caller, changes nothing", async () => {
		const { place, old } = await twoRuns();
		const at = `${place.path}/retry`;
		for (const [body, says] of [
			[{ outcome: [] }, "400 outcome"],
			[{ outcome: ["skipped"] }, "400 outcome[0]"],
			[{ since: "2h" }, "400 since"],
			[{ label: "" }, "400 label"],
			[{ dryrun: true }, "400 dryrun"],
		] as const) {
			expect(await refusal("POST", at, { body })).toBe(says);
		}
		const reader = await aToken(place.owner, ["read", "admin"]);
		expect(await refusal("POST", at, { token: reader })).toBe("403 scope-missing");
		expect(await refusal("POST", "/v1/repos/nobody/web/retry", {})).toBe("404 repository-unknown");
		expect(await settledRunOf(place, old)).toMatchObject({ round: 1, state: "finished" });
	});
});

describe("retrying them", () => {
	it("[B2] a dry run names what is retried then, and changes nothing", async () => {
		const { place, old, young } = await twoRuns();
		const before = [await settledRunOf(place, old), await settledRunOf(place, young)];
		const headers = { "idempotency-key": "one" };
		const dry = await retry(place, { dryRun: true }, { headers });
		expect([await settledRunOf(place, old), await settledRunOf(place, young)]).toEqual(before);
		const wet = await retry(place, {}, { headers });
		expect(wet.status).toBe(202);
		expect(wet.body).toEqual({ ...dry.body, retried: 5, dryRun: false });
	});

	it("[B3] each job waits again in one new round of its run, by whom and why, and so does what was skipped", async () => {
		const { place, old, young } = await twoRuns();
		expect(await states(place, old)).toBe(
			"a.failed:failed b.passed:passed after:skipped c.timed-out:timed-out d.failed:failed",
		);
		const token = await aToken(place.owner, ["write"], { name: "Ops" });
		const answer = await retry(place, { reason: "the registry was down" }, { token });
		expect(answer.body.items[2]).toEqual({ job: old.jobs?.[0]?.id, run: old.id, key: "a.failed", outcome: "failed" });
		expect(await states(place, old)).toBe(
			"a.failed:waiting b.passed:passed after:blocked c.timed-out:waiting d.failed:waiting",
		);
		expect(await states(place, young)).toBe("e.failed:waiting f.failed:waiting g:canceled");
		await playAll(place, 5);
		const shown = await settledRunOf(place, old);
		expect(shown).toMatchObject({ round: 2, outcome: "failed" });
		const attempt = { number: 2, by: "user", actor: "Ops", retryReason: "the registry was down" };
		expect(shown.jobs?.[0]?.attempts).toMatchObject([{ number: 1, by: "submit" }, attempt]);
	});

	it("[B3] the same key retries once and answers the same; with another wish it is refused", async () => {
		const { place, old } = await twoRuns();
		const headers = { "idempotency-key": "again" };
		const body = { outcome: ["failed"], ref: "old" };
		const first = await retry(place, body, { headers });
		expect([first.status, keys(first.body)]).toEqual([202, "a.failed:failed d.failed:failed"]);
		const again = await retry(place, body, { headers });
		expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([200, "true"]);
		expect(again.body).toEqual(first.body);
		expect((await settledRunOf(place, old)).round).toBe(2);
		const other = { body: { outcome: ["timed-out"] }, headers };
		expect(await refusal("POST", `${place.path}/retry`, other)).toBe("422 idempotency-key-reused");
	});
});
