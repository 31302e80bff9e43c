import { afterEach, beforeEach, expect, it } from "vitest";
import { LocalGithub, githubClient } from "../../testing/issuers/local-github.ts";
import {
	comeBack,
	makeIssuers,
	makeJourney,
	outcomeOf,
	redirecting,
	signInThrough,
} from "../../testing/issuers/way-through.ts";

let github: LocalGithub;
beforeEach(async () => {
	github = await LocalGithub.open();
});
afterEach(() => github.close());

function issuer(secret = githubClient.secret) {
	return redirecting(makeIssuers({ issuers: [github.settings("github")], secrets: { github: secret } }).find("github"));
}

async function outcome(of = issuer()) {
	return outcomeOf(await signInThrough(of));
}

it("[A104] a person of GitHub is the number that stays, with the login that may change", async () => {
	const emails = [{ email: "ada@acme.example", primary: true, verified: true }];
	github.user = { id: 7, login: "ada", name: "Ada L.", emails };
	const ada = { issuer: "github", subject: "7", name: "Ada L.", email: "ada@acme.example" };
	expect(await outcome()).toEqual({ ...ada, login: "ada" });
	github.user = { id: 7, login: "countess", name: null, emails };
	expect(await outcome()).toEqual({ ...ada, login: "countess", name: null });
});

it("[A104] a code is good once, with PKCE, and with the right secret", async () => {
	const of = issuer();
	const callback = await comeBack(of, makeJourney());
	expect(outcomeOf(await of.finish(callback))).toMatchObject({ issuer: "github" });
	expect(outcomeOf(await of.finish(callback))).toBe("code-refused");
	const { verifier } = makeJourney();
	expect(outcomeOf(await of.finish({ ...(await comeBack(of, makeJourney())), verifier }))).toBe("code-refused");
	expect(await outcome(issuer("another"))).toBe("client-refused incorrect_client_credentials");
});

it("[A105] of GitHub's e-mails only a verified one counts, the primary one first", async () => {
	const mail = (email: string, primary: boolean, verified: boolean) => ({ email, primary, verified });
	for (const [emails, expected] of [
		[[], null],
		[[mail("a@x.example", true, false)], null],
		[[mail("a@x.example", false, true), mail("b@x.example", true, true)], "b@x.example"],
		[[mail("a@x.example", true, false), mail("b@x.example", false, true)], "b@x.example"],
	] as const) {
		github.user = { id: 7, login: "ada", emails: [...emails] };
		expect(await outcome()).toMatchObject({ email: expected });
	}
});

it("[A105] who did not give the right to read e-mails has none, and signs in", async () => {
	github.server.faults.set("/api/v3/user/emails", { status: 404, body: '{"message":"Not Found"}' });
	expect(await outcome()).toMatchObject({ login: "ada", email: null });
});

it("[A104] [A107] a GitHub that is away, or answers something else, lets nobody in", async () => {
	for (const path of ["/login/oauth/access_token", "/api/v3/user", "/api/v3/user/emails"]) {
		github.server.faults.set(path, { status: 502 });
		await expect(signInThrough(issuer())).rejects.toThrow(/^the issuer github: .* answered with 502$/);
		github.server.faults.clear();
	}
	for (const body of ["", "[]", '{"login":"ada"}', '{"id":"7","login":"ada"}', '{"id":-1}']) {
		github.server.faults.set("/api/v3/user", { status: 200, body });
		expect([body, await outcome()]).toEqual([body, "identity-invalid /user"]);
	}
});
