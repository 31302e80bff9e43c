// Few of the calls that take long are one token's at once: which these are, whom it holds up, and when the next may come.
import { expect, it } from "vitest";
import type { LeaseIdentity } from "../../src/contracts/objects/objects.ts";
import { orThrow } from "../../src/doors/http/answer.ts";
import { dearCallsMax } from "../../src/doors/http/dear-calls.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { logOf, someLog, startLease } from "../log/log-fixture.ts";
import { aToken, fetchRaw, refusal, send } from "./api-fixture.ts";
import { aMember, signedIn } from "./people-fixture.ts";

async function aLog(): Promise<{ lease: LeaseIdentity; log: string; repo: string }> {
	const lease = await startLease();
	orThrow(await logOf(lease).append(lease, 0, someLog(seededRandom(61), 300_000)));
	const repo = `/v1/repos/${lease.owner}/${lease.repo}`;
	return { lease, repo, log: `${repo}/jobs/${lease.job}/attempts/1/log` };
}

it("[A61] one token has four dear calls under way, others are not counted with it, and what ends makes room", async () => {
	const { log, repo } = await aLog();
	const [token, other] = [await aToken("acme", ["read", "write"]), await aToken("acme", ["read"])];
	const open = (rest: string) => fetchRaw("GET", `${log}?${rest}`, { token });
	const forms = ["format=ndjson", "timestamps=1", "format=ndjson&tail=5", "format=ndjson"];
	const answers = await Promise.all(forms.map(open));
	expect(answers.map(({ status }) => status)).toEqual(forms.map(() => 200));
	const cancel = { token, body: { state: ["waiting"], dryRun: true } };
	const retry = { token, body: { dryRun: true } };
	const dear = [
		await refusal("GET", `${log}/search?q=a`, { token }),
		await refusal("GET", `${log}?tail=5`, { token }),
		await refusal("GET", `${log}?timestamps=1`, { token }),
		await refusal("POST", `${repo}/cancel`, cancel),
		await refusal("POST", `${repo}/retry`, retry),
		// The same for the router, which decodes a path before it looks.
		await refusal("POST", `${repo}/%72etry`, retry),
		await refusal("GET", `${log.replace("/log", "/l%6Fg")}?tail=5`, { token }),
		await refusal("POST", `${repo}/projection/rebuild`, { token }),
		// The same token, however its header is written.
		await refusal("GET", `${log}/search?q=a`, { token: null, headers: { authorization: `bearer   ${token}` } }),
	];
	expect(new Set(dear)).toEqual(new Set(["429 limit-concurrent"]));
	expect(forms).toHaveLength(dearCallsMax);
	expect((await fetchRaw("GET", log, { token })).status).toBe(200);
	expect((await send("GET", `${log}/search?q=a`, { token: other })).status).toBe(200);
	expect(await refusal("GET", `${log}/search?q=a`, { token: null })).toBe("401 unauthorized");
	const lines = (await answers[0]?.text())?.trim().split("\n") ?? [];
	expect(JSON.parse(lines[0] ?? "")).toMatchObject({ offset: 0 });
	expect((await send("POST", `${repo}/cancel`, cancel)).status).toBe(200);
	await answers[1]?.body?.cancel();
	expect((await send("GET", `${log}/search?q=a`, { token })).status).toBe(200);
	expect((await send("POST", `${repo}/retry`, retry)).status).toBe(200);
	// Whatever is refused for another reason leaves no mark either.
	for (let call = 0; call <= dearCallsMax; call++)
		expect(await refusal("GET", `${log}/search`, { token })).toMatch("400");
	for (const answer of answers.slice(2)) await answer.text();
});

it("[A61] a person has four dear calls under way, whichever session they come by", async () => {
	const { log } = await aLog();
	const { person, cookie } = await aMember("acme", "viewer");
	const open = (session: string) =>
		fetchRaw("GET", `${log}?timestamps=1`, { token: null, headers: { cookie: session } });
	const answers = await Promise.all([1, 2, 3, 4].map(() => open(cookie)));
	expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
	expect((await open(await signedIn(person))).status).toBe(429);
	await Promise.all(answers.map(({ body }) => body?.cancel()));
	expect((await open(await signedIn(person))).status).toBe(200);
});
