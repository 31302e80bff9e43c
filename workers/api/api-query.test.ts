// Parameters of the query that a route does not have.
import { expect, it } from "vitest";
import { aRepo, refusal, running, send, submit, job, aRunner, fetchRaw } from "./api-fixture.ts";

interface Document {
	paths: Record<string, Record<string, { security: Record<string, string[]>[] }>>;
}

it("[A41] a parameter that its route does not have is refused by every route, with its name", async () => {
	const place = await aRepo();
	await submit(place, [job("a")]);
	const { token: lease } = (await running(place)).lease;
	const tokens = { access: undefined, operator: undefined, lease, runner: (await aRunner(place)).token };
	const { body } = await send<Document>("GET", "/openapi.json", { token: null });
	const answers: string[] = [];
	for (const [path, methods] of Object.entries(body.paths)) {
		for (const [method, { security }] of Object.entries(methods)) {
			for (const kind of security.flatMap((one) => Object.keys(one))) {
				const token = tokens[kind as keyof typeof tokens];
				const url = `${path.replaceAll(/\{\w+\}/g, "x")}?bogus=1&tpyo=2`;
				const answer = await refusal(method.toUpperCase(), url, token === undefined ? {} : { token });
				answers.push(`${answer} ${method} ${path}`);
			}
		}
	}
	expect(answers.filter((answer) => !answer.startsWith("400 bogus, tpyo "))).toEqual([]);
	expect(answers.length).toBeGreaterThan(40);
});

it("[A41] what it has is taken, and who has no good token learns nothing of it", async () => {
	const { path, owner } = await aRepo();
	for (const query of ["state=running&outcome=passed&ref=r&actor=a&limit=1", ""]) {
		expect(await refusal("GET", `${path}/runs?${query}`)).toBe("200");
	}
	expect(await refusal("GET", `/v1/audit?owner=${owner}&action=run-retry&actor=a`)).toBe("200");
	expect(await refusal("GET", `${path}/runs?foo=bar`, { token: null })).toBe("401 unauthorized");
	expect(await refusal("GET", `${path}/runs?ticket=x`)).toBe("400 ticket");
	expect((await fetchRaw("HEAD", `${path}/runs?foo=bar`)).status).toBe(400);
	expect((await fetchRaw("GET", "/healthz?foo=bar", { token: null })).status).toBe(200);
});
