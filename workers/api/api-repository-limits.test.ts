// A repository's limits through the API: who sees them, who sets them, and what a caller meets past one.
import { expect, it } from "vitest";
import type { AuditRecord } from "../../src/contracts/http/audit.ts";
import type { LimitUses } from "../../src/contracts/http/limit.ts";
import type { Problem } from "../../src/contracts/http/problem.ts";
import type { Place } from "./api-fixture.ts";
import { aRepo, aToken, expectProblem, job, refusal, send, submit } from "./api-fixture.ts";

const limitsOf = ({ path }: Place) => `${path}/limits`;

async function set(place: Place, body: object, method = "PATCH"): Promise<LimitUses> {
	const answer = await send<LimitUses>(method, limitsOf(place), { body });
	expect(answer.status).toBe(200);
	return answer.body;
}

it("[V21][V25] past a limit a caller gets 429 with its name, when to come again, the limit, its unit and what to do; below it, all is taken", async () => {
	const place = await aRepo();
	await set(place, { "waiting-jobs": 1 });
	await submit(place, [job("a")]);
	const answer = await send<Problem>("POST", `${place.path}/runs`, { body: { jobs: [job("b")] } });
	expectProblem(answer);
	expect(answer.body).toMatchObject({ status: 429, code: "limit-waiting-jobs" });
	expect(answer.body.detail).toMatch(/^The limit of this repository is 1 jobs: .*cancel/);
	expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
	const { items } = (await send<LimitUses>("GET", limitsOf(place))).body;
	expect(items.find(({ name }) => name === "waiting-jobs")).toEqual({
		name: "waiting-jobs",
		unit: "jobs",
		limit: 1,
		used: 1,
		resetsAt: null,
	});
	await set(place, { "waiting-jobs": 2 });
	await submit(place, [job("b")]);
});

it("[V25] the operator alone sets them, as an act of the audit; whoever may read sees them; what is no limit is malformed", async () => {
	const place = await aRepo();
	const [admin, other] = [await aToken(place.owner, ["admin", "read", "write"]), await aToken("somebody", ["read"])];
	expect(await refusal("PATCH", limitsOf(place), { token: admin, body: { secrets: 9 } })).toBe("403 operator-only");
	expect(await refusal("PUT", limitsOf(place), { token: null, body: {} })).toBe("401 unauthorized");
	expect(await refusal("GET", limitsOf(place), { token: admin })).toBe("200");
	expect(await refusal("GET", limitsOf(place), { token: other })).toBe("404 unknown");
	for (const wrong of [{ "waiting-jobs": -1 }, { "waiting-jobs": 0.5 }, { "waiting-jobs": 10 ** 9 }])
		expect(await refusal("PATCH", limitsOf(place), { body: wrong })).toBe("400 waiting-jobs");
	// Of all, of an owner, and of no table.
	for (const name of ["log-viewers", "repositories", "jobs"])
		expect(await refusal("PATCH", limitsOf(place), { body: { [name]: 1 } })).toMatch(/^400/);
	expect(await refusal("PUT", "/v1/repos/nobody/nothing/limits", { body: {} })).toBe("404 repository-unknown");
	await set(place, { secrets: 3 });
	expect((await set(place, {}, "PUT")).items.find(({ name }) => name === "secrets")?.limit).toBe(500);
	await expect
		.poll(async () => {
			const { body } = await send<{ items: AuditRecord[] }>("GET", `/v1/audit?owner=${place.owner}`);
			return body.items.filter(({ action }) => action === "limits-set").map(({ details }) => details);
		})
		.toEqual([{ replace: true }, { replace: false, secrets: 3 }]);
});
