// Runs by their numbers and jobs by their keys, in every path that has one.
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { RepositoryName } from "../../src/contracts/objects/objects.ts";
import type { Job, Run } from "../../src/contracts/http/run.ts";
import { append, aRepo, fetchRaw, finish, job, refusal, running, send, submit } from "./api-fixture.ts";
import type { Place } from "./api-fixture.ts";

function numberRows({ owner, repo }: RepositoryName): Promise<number> {
	const stub = env.REPO.get(env.REPO.idFromName(`${owner}/${repo}`));
	const count = "SELECT COUNT(*) AS n FROM run_number";
	return runInDurableObject(stub, (_, { storage }) => storage.sql.exec<{ n: number }>(count).one().n);
}

async function idAt({ path }: Place, run: string): Promise<string> {
	return (await send<Run>("GET", `${path}/runs/${run}`)).body.id;
}

describe("a run", () => {
	it("[A47] is named by its number, as the newest, or by its id", async () => {
		const place = await aRepo();
		expect(await refusal("GET", `${place.path}/runs/latest`)).toBe("404 run-unknown");
		const [first, second] = [await submit(place, [job("a")]), await submit(place, [job("b")])];
		expect(await idAt(place, "1")).toBe(first.id);
		expect(await idAt(place, "2")).toBe(second.id);
		expect(await idAt(place, "latest")).toBe(second.id);
		for (const name of ["0", "3", "01", "1.0", "-1", "newest", "99999999999999999"]) {
			expect(await refusal("GET", `${place.path}/runs/${name}`)).toBe("404 run-unknown");
		}
	});

	it("[A47] by its number is paged, added to, canceled, retried and followed", async () => {
		const place = await aRepo();
		const { id } = await submit(place, [job("a")]);
		const path = `${place.path}/runs/1`;
		const added = await send<Run>("POST", `${path}/jobs`, { body: { jobs: [job("b")] } });
		expect([added.status, added.body.id]).toEqual([201, id]);
		const page = await send<{ items: Job[] }>("GET", `${path}/jobs`);
		expect(page.body.items.map(({ key }) => key)).toEqual(["a", "b"]);
		const events = await fetchRaw("GET", `${path}/events`);
		expect(events.status).toBe(200);
		await events.body?.cancel();
		expect((await send<Run>("POST", `${path}/cancel`)).body.id).toBe(id);
		expect((await send<Run>("POST", `${path}/retry`, { body: { only: "all" } })).body).toMatchObject({ id, round: 2 });
	});

	it("[A47] is added to by its own job, which knows its number; another run is unknown to it", async () => {
		const place = await aRepo();
		await submit(place, [job("a")]);
		const { token } = (await running(place)).lease;
		await submit(place, [job("a")]);
		const call = { token, body: { jobs: [job("more")] } };
		expect(await refusal("POST", `${place.path}/runs/1/jobs`, call)).toBe("201");
		expect(await refusal("POST", `${place.path}/runs/2/jobs`, call)).toBe("404 unknown");
	});

	it("[A48] is found by its number however many came after it, at a row for every 64 runs", async () => {
		const place = await aRepo();
		const ids: string[] = [];
		for (let number = 1; number <= 130; number++) ids.push((await submit(place, [job("a")])).id);
		expect(await numberRows(place)).toBe(2);
		const found = await Promise.all(ids.map((_, at) => idAt(place, String(at + 1))));
		expect(found).toEqual(ids);
	});
});

describe("a job", () => {
	it("[A47] is named by its key in its run, in every path that has its id", async () => {
		const place = await aRepo();
		const { jobs = [] } = await submit(place, [job("test"), job("deploy", { needs: ["test"] })]);
		const grant = await running(place);
		await append(grant, 0, "hello\n");
		const path = `${place.path}/runs/1/jobs/test`;
		expect((await send<Job>("GET", path)).body.id).toBe(jobs[0]?.id);
		expect((await send<Job>("GET", `${place.path}/runs/latest/jobs/deploy`)).body.id).toBe(jobs[1]?.id);
		expect((await send<Job>("GET", `${place.path}/runs/1/jobs/${jobs[1]?.id}`)).body.key).toBe("deploy");
		expect(await (await fetchRaw("GET", `${path}/attempts/1/log`)).text()).toBe("hello\n");
		const found = await send<{ items: unknown[] }>("GET", `${path}/attempts/1/log/search?q=ell`);
		expect(found.body.items).toHaveLength(1);
		for (const live of [`${path}/log/live`, `${path}/attempts/1/log/live`]) {
			const { status, body } = await fetchRaw("GET", live);
			expect(status).toBe(200);
			await body?.cancel();
		}
		await finish(grant, "failed");
		expect((await send<Job>("POST", `${path}/retry`)).body).toMatchObject({ id: jobs[0]?.id, state: "waiting" });
		expect((await send<Job>("PATCH", path, { body: { priority: 5 } })).body).toMatchObject({ priority: 5 });
		expect((await send<Job>("POST", `${path}/cancel`)).body).toMatchObject({ id: jobs[0]?.id, outcome: "canceled" });
	});

	it("[A47] with a key that reads like an id is found by that key, and an id of its run stays an id", async () => {
		const place = await aRepo();
		const first = await submit(place, [job("a")]);
		const [like, id] = [`j${"a".repeat(24)}-0`, first.jobs?.[0]?.id ?? ""];
		await submit(place, [job(like), job(id)]);
		const keyAt = async (name: string) => (await send<Job>("GET", `${place.path}/runs/${name}`)).body.key;
		expect(await keyAt(`2/jobs/${like}`)).toBe(like);
		expect(await keyAt(`2/jobs/${id}`)).toBe(id);
		expect(await keyAt(`1/jobs/${id}`)).toBe("a");
	});

	it("[A47] that its run has not is unknown, as is a run that is not there", async () => {
		const place = await aRepo();
		await submit(place, [job("a")]);
		for (const [name, code] of [
			["1/jobs/b", "job-unknown"],
			["1/jobs/a%2F", "job-unknown"],
			[`1/jobs/j${"a".repeat(24)}-0`, "job-unknown"],
			["2/jobs/a", "run-unknown"],
			["x/jobs/a", "run-unknown"],
		]) {
			expect([name, await refusal("GET", `${place.path}/runs/${name}`)]).toEqual([name, `404 ${code}`]);
		}
		expect(await refusal("GET", `${place.path}/jobs/a`)).toBe("404 job-unknown");
	});
});
