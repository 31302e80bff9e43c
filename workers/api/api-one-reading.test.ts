// Requests with more than one reading, and bodies and instants in other forms than usual.
import { describe, expect, it } from "vitest";
import type { Job } from "../../src/contracts/http/run.ts";
import { aRepo, aRunner, job, refusal, running, send, submit, timePattern } from "./api-fixture.ts";

const json = { "content-type": "application/json" };

describe("a body", () => {
	it("[A49] with a doubled key is refused with its path by every kind of caller, and changes nothing", async () => {
		const place = await aRepo();
		const twice = '{"jobs":[{"key":"a","run":"true","env":{"X":"1","X":"2"}}]}';
		const at = `${place.path}/runs`;
		expect(await refusal("POST", at, { body: twice, headers: json })).toBe("400 jobs[0].env.X");
		expect(await refusal("PATCH", place.path, { body: '{"paused":true,"paused":false}', headers: json })).toBe(
			"400 paused",
		);
		await submit(place, [job("a")]);
		const grant = await running(place);
		const { token } = grant.lease;
		const end = '{"outcome":"passed","logLength":0,"outcome":"failed"}';
		expect(await refusal("POST", "/v1/lease/finish", { token, body: end, headers: json })).toBe("400 outcome");
		const steps = '{"steps":[{"name":"a","name":"b"}]}';
		expect(await refusal("POST", "/v1/lease/steps", { token, body: steps, headers: json })).toBe("400 steps[0].name");
		const runner = await aRunner(place);
		const beat = { token: runner.token, body: '{"leases":[],"leases":["x"]}', headers: json };
		expect(await refusal("POST", "/v1/runner/heartbeat", beat)).toBe("400 leases");
	});

	it("[A49] with half a character, no UTF-8 or a byte order mark is refused", async () => {
		const { path } = await aRepo();
		const call = (body: string | Uint8Array) => refusal("POST", `${path}/runs`, { body, headers: json });
		expect(await call('{"jobs":[{"key":"a","run":"echo \\ud800"}]}')).toBe("400 jobs[0].run");
		expect(await call('\ufeff{"jobs":[{"key":"a","run":"true"}]}')).toBe("400 ");
		expect(await call(Uint8Array.of(0x7b, 0xff, 0x7d))).toBe("400 ");
	});

	it("[A51] that is packed is refused, a log's too", async () => {
		const place = await aRepo();
		const gzip = { headers: { ...json, "content-encoding": "gzip" } };
		expect(await refusal("POST", `${place.path}/runs`, { ...gzip, body: Uint8Array.of(0x1f, 0x8b) })).toBe(
			"415 content-encoded",
		);
		await submit(place, [job("a")]);
		const { token } = (await running(place)).lease;
		const append = { token, body: "x", headers: { "upload-offset": "0", "content-encoding": "GZIP" } };
		expect(await refusal("PATCH", "/v1/lease/log", append)).toBe("415 content-encoded");
		const plain = { body: { jobs: [job("a")] }, headers: { "content-encoding": "identity" } };
		expect(await refusal("POST", `${place.path}/runs`, plain)).toBe("201");
	});
});

describe("a parameter or a header", () => {
	it("[A50] that is there twice is refused with its name", async () => {
		const { path } = await aRepo();
		expect(await refusal("GET", `${path}/runs?limit=1&limit=2`)).toBe("400 limit");
		expect(await refusal("GET", `${path}/runs?limit=1&limit=1`)).toBe("400 limit");
		expect(await refusal("GET", `${path}/runs?ref=a&l%69mit=2&limit=1&ref=b`)).toBe("400 limit, ref");
		expect(await refusal("GET", `${path}/runs?ref=%ff`)).toBe("400 ref");
		expect(await refusal("GET", `${path}/runs?ref=a%2Bb+c&actor=%C3%A4&`)).toBe("200");
		const twice = { body: { jobs: [job("a")] }, headers: { "idempotency-key": "a, b" } };
		expect(await refusal("POST", `${path}/runs`, twice)).toBe("400 Idempotency-Key");
	});
});

describe("an instant", () => {
	it("[A52] is taken with an offset, and told in UTC", async () => {
		const place = await aRepo();
		const { jobs = [] } = await submit(place, [job("a", { notBefore: "2031-05-01T02:00:00+02:00" })]);
		expect(jobs[0]?.notBefore).toBe("2031-05-01T00:00:00.000Z");
		for (const notBefore of ["2031-05-01T02:00:00", "2031-02-30T00:00:00Z", "2031-05-01", "tomorrow"]) {
			expect(await refusal("POST", `${place.path}/runs`, { body: { jobs: [job("a", { notBefore })] } })).toBe(
				"400 jobs[0].notBefore",
			);
		}
		const token = { owner: place.owner, name: "t", scopes: ["read"], expiresAt: "2031-05-01T02:00:00.5+02:00" };
		const made = await send<{ expiresAt: string }>("POST", "/v1/tokens", { body: token });
		expect(made.body.expiresAt).toBe("2031-05-01T00:00:00.500Z");
		const retry = { body: { since: "2020-01-01T00:00:00-11:30", dryRun: true } };
		expect(await refusal("POST", `${place.path}/retry`, retry)).toBe("200");
	});

	it("[A52] a runner tells with an offset is shown in UTC", async () => {
		const place = await aRepo();
		await submit(place, [job("a")]);
		const grant = await running(place);
		const steps = [{ name: "s", exitCode: 0, startedAt: "2026-05-01T02:00:00+02:00", finishedAt: null }];
		const finish = { outcome: "passed", logLength: 0, steps };
		const ended = await send<{ job: Job }>("POST", "/v1/lease/finish", { token: grant.lease.token, body: finish });
		const told = ended.body.job.attempts[0]?.steps[0]?.startedAt;
		expect(told).toMatch(timePattern);
		expect(told).toBe("2026-05-01T00:00:00.000Z");
	});
});
