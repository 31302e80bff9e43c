// What a running job may give to the jobs it adds: its own secrets, its own pool, and nothing once its lease is over.
import { expect, it } from "vitest";
import type { Problem } from "../../src/contracts/http/problem.ts";
import { aRepo, finish, job, refusal, running, send, states, submit } from "./api-fixture.ts";

it("[B5] a job adds jobs with its own secrets and pool, and with no others; whoever may write is free", async () => {
	const place = await aRepo();
	for (const name of ["MINE", "OTHER"]) await send("PUT", `${place.path}/secrets/${name}`, { body: { value: "x" } });
	const run = await submit(place, [job("plan", { secrets: ["MINE"] })]);
	const { token } = (await running(place)).lease;
	const path = `${place.path}/runs/${run.id}/jobs`;
	const add = (...jobs: object[]) => send<Problem>("POST", path, { token, body: { jobs } });
	expect((await add(job("a", { secrets: ["MINE"] }), job("b", { pool: "default" }))).status).toBe(201);
	const wanting = await add(job("c"), job("d", { secrets: ["MINE", "OTHER"] }));
	expect([wanting.status, wanting.body.code]).toEqual([403, "secrets-limited"]);
	expect(wanting.body.errors).toEqual([{ path: "jobs[1].secrets", message: '"OTHER" is not among them' }]);
	const leaving = await add(job("c", { pool: "deploy" }));
	expect([leaving.status, leaving.body.code]).toEqual([403, "pool-limited"]);
	expect(leaving.body.errors).toEqual([{ path: "jobs[0].pool", message: 'would be "deploy"' }]);
	expect(await states(place, run)).toBe("plan:running a:waiting b:waiting");
	const free = { body: { jobs: [job("c", { pool: "deploy", secrets: ["OTHER"] })] } };
	expect((await send("POST", path, free)).status).toBe(201);
});

it("[B5] a changed default pool is another pool", async () => {
	const place = await aRepo();
	const run = await submit(place, [job("plan")]);
	const { token } = (await running(place)).lease;
	await send("PATCH", place.path, { body: { defaults: { pool: "deploy" } } });
	const call = { token, body: { jobs: [job("a")] } };
	expect(await refusal("POST", `${place.path}/runs/${run.id}/jobs`, call)).toBe("403 pool-limited");
});

it("[B5] a lease that is over gets nothing, not even by a key that it used", async () => {
	const place = await aRepo();
	const run = await submit(place, [job("plan"), job("other")]);
	const grant = await running(place);
	const path = `${place.path}/runs/${run.id}/jobs`;
	const call = { token: grant.lease.token, body: { jobs: [job("a")] }, headers: { "idempotency-key": "plan" } };
	expect([await refusal("POST", path, call), await refusal("POST", path, call)]).toEqual(["201", "200"]);
	await finish(grant);
	expect(await refusal("POST", path, call)).toBe("409 lease-stale");
});

it("[D15] neither a job that is being canceled nor its user adds jobs to a canceled run", async () => {
	const place = await aRepo();
	const run = await submit(place, [job("plan")]);
	const grant = await running(place);
	await send("POST", `${place.path}/runs/${run.id}/cancel`);
	const path = `${place.path}/runs/${run.id}/jobs`;
	const body = { jobs: [job("deploy")] };
	expect(await refusal("POST", path, { body, token: grant.lease.token })).toBe("409 run-canceled");
	expect(await refusal("POST", path, { body })).toBe("409 run-canceled");
	await finish(grant, "canceled");
	expect(await states(place, run)).toBe("plan:canceled");
});
