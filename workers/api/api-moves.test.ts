// What may be done with runs and jobs: cancel in every state, retry, reprioritise, add from inside, and what follows in the graph.
import { describe, expect, it } from "vitest";
import type { Job, Run } from "../../src/contracts/http/run.ts";
import type { Grant } from "../../src/contracts/http/runner.ts";
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
	runOf,
	running,
	send,
	states,
	submit,
	timePattern,
} from "./api-fixture.ts";

const time = expect.stringMatching(timePattern);

function jobAt({ path }: Place, run: Run, place = 0): string {
	return `${path}/jobs/j${run.id.slice(1)}-${place}`;
}

/** Runs the next job of the place to its end. */
async function play(place: Place, outcome = "passed"): Promise<Grant> {
	const grant = await running(place);
	expect((await finish(grant, outcome)).status).toBe(200);
	return grant;
}

describe("cancel", () => {
	it("[A20] a job that does not run ends at once, one that runs is asked to stop, one that ended is left alone", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("a"), job("b", { needs: ["a"] }), job("c")]);
		const cancel = (index: number, body: object = {}) =>
			send<Job>("POST", `${jobAt(place, run, index)}/cancel`, { body });
		const blocked = await cancel(1, { reason: "not needed" });
		expect(blocked.status).toBe(202);
		expect(blocked.body).toMatchObject({ key: "b", state: "finished", outcome: "canceled", reason: "not needed" });
		expect(blocked.body).toMatchObject({ waiting: null, attempts: [], finishedAt: time });
		const runner = await aRunner(place, { capacity: 2 });
		const leased = await grantOf(runner);
		expect(await states(place, run)).toBe("a:leased b:canceled c:waiting");
		expect((await cancel(0)).body).toMatchObject({ key: "a", state: "finished", outcome: "canceled", attempts: [] });
		expect((await lease("start", leased)).body).toMatchObject({ code: "lease-stale" });
		const grant = await grantOf(runner);
		await lease("start", grant);
		const canceling = await cancel(2);
		expect([canceling.status, canceling.body.state]).toEqual([202, "canceling"]);
		expect(canceling.body.attempts).toMatchObject([{ number: 1, outcome: null, finishedAt: null }]);
		expect((await cancel(2)).body.state).toBe("canceling");
		const steps = await lease("steps", grant, { steps: [] });
		expect([steps.status, steps.headers.get("lease-state")]).toEqual([204, "canceling"]);
		const heard = await send("POST", "/v1/runner/heartbeat", {
			token: runner.token,
			body: { leases: [grant.lease.id] },
		});
		expect(heard.body).toMatchObject({ leases: [{ id: grant.lease.id, state: "canceling", graceSeconds: 10 }] });
		await finish(grant, "failed");
		expect(await states(place, run)).toBe("a:canceled b:canceled c:canceled");
		expect((await cancel(2)).status).toBe(202);
		expect((await runOf(place, run)).outcome).toBe("canceled");
	});

	it("[A20] a job that passes before the cancel reaches it has passed; one that has ended cannot be canceled", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("a")]);
		const grant = await running(place);
		await send("POST", `${jobAt(place, run)}/cancel`);
		await finish(grant);
		expect(await runOf(place, run)).toMatchObject({ outcome: "passed", jobs: [{ outcome: "passed" }] });
		expect(await refusal("POST", `${jobAt(place, run)}/cancel`)).toBe("409 job-finished");
		expect(await refusal("POST", `${jobAt(place, run)}/cancel`, { body: { force: true } })).toBe("409 job-finished");
		expect(await refusal("POST", `${place.path}/runs/${run.id}/cancel`)).toBe("409 run-finished");
	});

	it("[A20] force frees a job without its runner, whose lease is stale then", async () => {
		const place = await aRepo();
		for (const isAsked of [true, false]) {
			const run = await submit(place, [job("a")]);
			const grant = await running(place);
			if (isAsked) await send("POST", `${jobAt(place, run)}/cancel`);
			const forced = await send<Job>("POST", `${jobAt(place, run)}/cancel`, { body: { force: true } });
			expect([forced.status, forced.body.state, forced.body.outcome]).toEqual([202, "finished", "canceled"]);
			expect(forced.body.attempts).toMatchObject([{ number: 1, outcome: "canceled", finishedAt: time }]);
			const late = await finish(grant);
			expect([late.status, late.headers.get("lease-state")]).toEqual([409, "lost"]);
			expect(await states(place, run)).toBe("a:canceled");
		}
	});

	it("[A20] a run is canceled with all that is not finished, once", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("a"), job("b"), job("c", { needs: ["b"] })]);
		const grant = await running(place);
		const at = `${place.path}/runs/${run.id}/cancel`;
		const first = await send<Run>("POST", at, { body: { reason: "wrong branch" } });
		expect(first.status).toBe(202);
		expect(first.body).toMatchObject({ state: "running", outcome: null, reason: "wrong branch" });
		expect(first.body.counts).toMatchObject({ canceling: 1, finished: 2, waiting: 0, blocked: 0 });
		const again = await send<Run>("POST", at, { body: { reason: "again" } });
		expect([again.status, again.body.reason]).toEqual([202, "wrong branch"]);
		await finish(grant, "canceled");
		const ended = await runOf(place, run);
		expect(ended).toMatchObject({ state: "finished", outcome: "canceled", finishedAt: time });
		expect((await send("POST", at)).status).toBe(202);
	});
});

describe("retry", () => {
	it("[A21] a finished job gets one more attempt, by whom and why, and what was skipped waits again", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("a"), job("b", { needs: ["a"] }), job("c")]);
		const at = `${jobAt(place, run)}/retry`;
		expect(await refusal("POST", at)).toBe("409 job-not-finished");
		await play(place, "failed");
		expect(await states(place, run)).toBe("a:failed b:skipped c:waiting");
		const token = await aToken(place.owner, ["write"], { name: "Dev" });
		const call = { token, body: { reason: "flaky" }, headers: { "idempotency-key": "again" } };
		const first = await send<Job>("POST", at, call);
		expect([first.status, first.body.state, first.body.outcome]).toEqual([202, "waiting", null]);
		expect((await runOf(place, run)).round).toBe(2);
		const again = await send<Job>("POST", at, call);
		expect([again.status, again.headers.get("idempotency-replayed"), again.body.id]).toEqual([
			200,
			"true",
			first.body.id,
		]);
		expect(await refusal("POST", at, { ...call, body: { reason: "other" } })).toBe("422 idempotency-key-reused");
		expect(await runOf(place, run)).toMatchObject({ round: 2, counts: { waiting: 2, blocked: 1 } });
		expect(await refusal("POST", `${jobAt(place, run, 2)}/retry`, call)).toBe("422 idempotency-key-reused");
		for (let ended = 0; ended < 3; ended++) await play(place);
		const ended = await runOf(place, run);
		expect(ended).toMatchObject({ outcome: "passed", round: 2 });
		expect(ended.jobs?.[0]?.attempts).toMatchObject([
			{ number: 1, outcome: "failed", by: "submit", next: { withheld: "attempts" } },
			{ number: 2, outcome: "passed", by: "user", actor: "Dev", retryReason: "flaky", next: null },
		]);
	});

	it("[A21] while its siblings run too, and whatever its needs came to when it is named itself", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("a"), job("b"), job("c", { needs: ["a"] }), job("d", { needs: ["c"] })]);
		await play(place, "failed");
		const sibling = await running(place);
		expect(await states(place, run)).toBe("a:failed b:running c:skipped d:skipped");
		expect((await send("POST", `${jobAt(place, run, 2)}/retry`)).status).toBe(202);
		expect(await states(place, run)).toBe("a:failed b:running c:waiting d:blocked");
		expect((await send("POST", `${jobAt(place, run)}/retry`)).status).toBe(202);
		expect(await states(place, run)).toBe("a:waiting b:running c:waiting d:blocked");
		await finish(sibling);
		for (let ended = 0; ended < 3; ended++) await play(place);
		expect(await runOf(place, run)).toMatchObject({ outcome: "passed", round: 3, retried: { actor: "operator" } });
	});

	it("[A20] a job that backs off is canceled at once, and may be retried then", async () => {
		const place = await aRepo();
		const retry = { maxAttempts: 2, backoff: { initialSeconds: 60, jitter: "none" } };
		const run = await submit(place, [job("a", { retry })]);
		await play(place, "failed");
		expect((await runOf(place, run)).jobs?.[0]).toMatchObject({ state: "waiting", waiting: { code: "backing-off" } });
		const canceled = await send<Job>("POST", `${jobAt(place, run)}/cancel`, { body: { reason: "known bug" } });
		expect(canceled.body).toMatchObject({ state: "finished", outcome: "canceled", reason: "known bug" });
		expect(canceled.body.attempts).toMatchObject([{ number: 1, outcome: "failed" }]);
		expect((await runOf(place, run)).outcome).toBe("canceled");
		expect((await send<Job>("POST", `${jobAt(place, run)}/retry`)).body.state).toBe("waiting");
		await play(place);
		expect(await runOf(place, run)).toMatchObject({ outcome: "passed", round: 2 });
	});

	it("[A21] a run is retried by its failed jobs or by all, in a new round, once per key", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("a"), job("b")]);
		const at = `${place.path}/runs/${run.id}/retry`;
		expect(await refusal("POST", at, { body: { only: "failed" } })).toBe("409 run-nothing-to-retry");
		await play(place);
		await play(place, "failed");
		expect((await runOf(place, run)).outcome).toBe("failed");
		for (const body of [{}, { only: "some" }, { only: null }])
			expect(await refusal("POST", at, { body })).toBe("400 only");
		const call = { body: { only: "failed" }, headers: { "idempotency-key": "again" } };
		const first = await send<Run>("POST", at, call);
		expect(first.status).toBe(202);
		expect(first.body).toMatchObject({ round: 2, state: "running", outcome: null, finishedAt: null });
		expect(await states(place, run)).toBe("a:passed b:waiting");
		await play(place);
		const again = await send<Run>("POST", at, call);
		expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([200, "true"]);
		expect(again.body).toMatchObject({ id: run.id, round: 2, outcome: "passed" });
		expect(await refusal("POST", at, { ...call, body: { only: "all" } })).toBe("422 idempotency-key-reused");
		expect((await send<Run>("POST", at, { body: { only: "all" } })).body).toMatchObject({ round: 3 });
		expect(await states(place, run)).toBe("a:waiting b:waiting");
	});
});

describe("priority", () => {
	it("[A22] what waits is reprioritised and goes first; what runs or has ended has no priority", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("a"), job("b"), job("c", { needs: ["b"] })]);
		const patch = (index: number, body: object) => send<Job>("PATCH", jobAt(place, run, index), { body });
		expect((await patch(2, { priority: -7 })).body).toMatchObject({ key: "c", priority: -7, state: "blocked" });
		const moved = await patch(1, { priority: 10 });
		expect([moved.status, moved.body.priority]).toEqual([200, 10]);
		const grant = await running(place);
		expect(grant.job.key).toBe("b");
		expect(await refusal("PATCH", jobAt(place, run, 1), { body: { priority: 1 } })).toBe("409 job-not-waiting");
		for (const body of [{}, { priority: "1" }, { priority: 0.5 }, { priority: 1_001 }, { priority: null }]) {
			expect(await refusal("PATCH", jobAt(place, run), { body })).toBe("400 priority");
		}
	});
});

describe("the graph", () => {
	it("[A23] `when` decides by the needs' ends, and what may fail does not fail the run", async () => {
		const place = await aRepo();
		const may = { allowFailure: true };
		const run = await submit(place, [
			job("may", may),
			job("after", { needs: ["may"] }),
			job("fails"),
			job("then", { needs: ["fails"] }),
			job("rescue", { needs: ["fails"], when: "failure" }),
			job("cleanup", { needs: ["then", "after"], when: "always" }),
			job("unneeded", { needs: ["may"], when: "failure" }),
		]);
		const runner = await aRunner(place);
		for (let grants = 0; grants < 5; grants++) {
			const grant = await grantOf(runner);
			await lease("start", grant);
			const isBad = grant.job.key === "may" || grant.job.key === "fails";
			await finish(grant, isBad ? "failed" : "passed");
		}
		expect(await states(place, run)).toBe(
			"may:failed after:passed fails:failed then:skipped rescue:passed cleanup:passed unneeded:skipped",
		);
		expect((await runOf(place, run)).outcome).toBe("failed");
		const forgiven = await submit(place, [job("may", may)]);
		await play(place, "failed");
		expect(await runOf(place, forgiven)).toMatchObject({ outcome: "passed", jobs: [{ outcome: "failed" }] });
	});

	it("[A24] a job adds jobs to its own run with its lease, as long as it holds it", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("plan")]);
		const other = await submit(place, [job("other")]);
		const grant = await running(place);
		const add = (to: Run, key: string, path = place.path) =>
			refusal("POST", `${path}/runs/${to.id}/jobs`, { token: grant.lease.token, body: { jobs: [job(key)] } });
		expect(await add(run, "a")).toBe("201");
		expect(await add(run, "a")).toBe("400 jobs[0].key");
		expect(await add(other, "b")).toBe("404 unknown");
		expect(await add(run, "b", (await aRepo()).path)).toBe("404 unknown");
		expect(await states(place, run)).toBe("plan:running a:waiting");
		for (const [method, path] of [
			["GET", `${place.path}/runs/${run.id}`],
			["POST", `${place.path}/runs`],
			["POST", `${place.path}/runs/${run.id}/cancel`],
		] as const) {
			expect(await refusal(method, path, { token: grant.lease.token })).toBe("401 unauthorized");
		}
		await finish(grant);
		expect(await add(run, "late")).toBe("409 lease-stale");
		expect(await states(place, run)).toBe("plan:passed a:waiting");
	});

	it("[A24] jobs are added to an unfinished run only, and may need what has ended", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("a"), job("b")]);
		await play(place, "failed");
		const at = `${place.path}/runs/${run.id}/jobs`;
		const jobs = [job("c", { needs: ["a"] }), job("d", { needs: ["a"], when: "failure" }), job("e", { needs: ["b"] })];
		const { status, body } = await send<Run>("POST", at, { body: { jobs } });
		expect([status, body.id, body.counts.finished]).toEqual([201, run.id, 2]);
		expect(await states(place, run)).toBe("a:failed b:waiting c:skipped d:waiting e:blocked");
		await send("POST", `${place.path}/runs/${run.id}/cancel`);
		expect(await refusal("POST", at, { body: { jobs: [job("f")] } })).toBe("409 run-finished");
		expect(await refusal("POST", `${place.path}/runs/r${"a".repeat(24)}/jobs`, { body: { jobs } })).toBe(
			"404 run-unknown",
		);
	});
});
