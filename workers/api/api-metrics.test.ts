// `GET /metrics`: who may read it, and what it counts of what happened.
import { env } from "cloudflare:workers";
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { expect, it } from "vitest";
import main from "../main.ts";
import { aRepo, aToken, fetchRaw, job, refusal, requestOf, send } from "./api-fixture.ts";

/** The runtime warns of a `text()` whose type is not one that it knows as text. */
async function textOf(answer: Response): Promise<string> {
	return new TextDecoder().decode(await answer.arrayBuffer());
}

async function figure(name: string): Promise<number> {
	const text = await textOf(await fetchRaw("GET", "/metrics"));
	return Number(
		text
			.split("\n")
			.find((line) => line.startsWith(`${name} `))
			?.split(" ")[1],
	);
}

it("[K26] metrics are for the operator and for a token with the scope, which only who has it can give", async () => {
	const place = await aRepo();
	const { owner } = place;
	const collector = await aToken(owner, ["metrics"]);
	const answer = await fetchRaw("GET", "/metrics", { token: collector });
	expect(answer.status).toBe(200);
	expect(answer.headers.get("content-type")).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
	expect((await textOf(answer)).endsWith("# EOF\n")).toBe(true);
	expect(await refusal("GET", place.path, { token: collector })).toBe("403 scope-missing");
	expect(await refusal("GET", "/metrics", { token: null })).toBe("401 unauthorized");
	const admin = await aToken(owner, ["read", "write", "admin", "runner:register"]);
	expect(await refusal("GET", "/metrics", { token: admin })).toBe("403 scope-missing");
	const body = { owner, name: "more", scopes: ["metrics"] };
	expect(await refusal("POST", "/v1/tokens", { token: admin, body })).toBe("403 scope-missing");
	expect((await send("POST", "/v1/tokens", { body })).status).toBe(201);
});

it("[K29] a submission that is spilled is counted once, however often it comes, and metrics name nobody", async () => {
	const place = await aRepo();
	const before = await figure("spillway_submissions_spilled_total");
	const fails = () => Promise.reject(Object.assign(new Error("Network connection lost."), { retryable: true }));
	const REPO = { idFromName: (name: string) => name, get: () => new Proxy({}, { get: () => fails }) };
	const call = { body: { jobs: [job("a")] }, headers: { "idempotency-key": "once" } };
	for (let tries = 0; tries < 2; tries++) {
		const ctx = createExecutionContext();
		const INTAKE = { send: async () => undefined };
		const bindings = { ...env, REPO, INTAKE } as never;
		const spilled = await main.fetch(requestOf("POST", `${place.path}/runs`, call) as never, bindings, ctx);
		expect([spilled.status, (await spilled.json<{ spilled: boolean }>()).spilled]).toEqual([202, true]);
		await waitOnExecutionContext(ctx);
	}
	expect(await figure("spillway_submissions_spilled_total")).toBe(before + 1);
	expect(await textOf(await fetchRaw("GET", "/metrics"))).not.toContain(place.owner);
});
