// An issuer of OpenID Connect over real HTTP and with real keys: as it should be, and wrong in each way.
import { afterEach, beforeEach, expect, it } from "vitest";
import { asOutage } from "../../contracts/wire/outage.ts";
import { LocalOidc, localClient } from "../../testing/issuers/local-oidc.ts";
import type { Twist } from "../../testing/issuers/local-oidc.ts";
import type { PathFault } from "../../testing/issuers/local-server.ts";
import {
	comeBack,
	makeIssuers,
	makeJourney,
	outcomeOf,
	redirecting,
	signInThrough,
} from "../../testing/issuers/way-through.ts";

let local: LocalOidc;
let now: number;
beforeEach(async () => {
	local = await LocalOidc.open();
	now = Date.now();
});
afterEach(() => local.close());

function issuer({ answerMs = 5_000, secret = localClient.secret } = {}) {
	const secrets = { acme: secret };
	return redirecting(
		makeIssuers({ issuers: [local.settings("acme")], secrets, now: () => now, answerMs }).find("acme"),
	);
}

async function outcome(of = issuer()) {
	return outcomeOf(await signInThrough(of));
}

it("[A100] who comes back with a code is whom the issuer names, with login, name and verified e-mail", async () => {
	local.person = {
		sub: "7",
		preferred_username: "ada",
		name: "Ada L.",
		email: "ada@acme.example",
		email_verified: true,
	};
	const ada = { issuer: "acme", subject: "7", login: "ada", name: "Ada L.", email: "ada@acme.example" };
	expect(await outcome()).toEqual(ada);
	expect(local.server.count("/userinfo")).toBe(0);
});

it("[A100] what is not in the ID token is asked of the issuer, and must be of the same person", async () => {
	local.claimsInToken = [];
	local.person = {
		sub: "7",
		preferred_username: "ada",
		name: "Ada L.",
		email: "ada@acme.example",
		email_verified: true,
	};
	expect(await outcome()).toMatchObject({ subject: "7", login: "ada", email: "ada@acme.example" });
	local.twist = { claims: { sub: "8" } };
	expect(await outcome()).toBe("identity-invalid userinfo sub");
});

it("[A100] the browser goes with state, nonce and PKCE, and neither secret nor verifier is in the address", async () => {
	const journey = makeJourney();
	const address = new URL(await issuer().begin(journey));
	expect(Object.fromEntries(address.searchParams)).toEqual({
		...{ response_type: "code", client_id: localClient.id, scope: "openid email profile" },
		...{ state: journey.state, nonce: journey.nonce, redirect_uri: journey.redirectUri },
		...{ code_challenge: expect.stringMatching(/^[\w-]{43}$/), code_challenge_method: "S256" },
	});
	expect(address.href).not.toContain(journey.verifier);
});

it("[A100] the secret goes in the way that the issuer takes, and only with a call that is the issuer's", async () => {
	expect(await outcome()).toMatchObject({ subject: local.person.sub });
	local.described = { token_endpoint_auth_methods_supported: ["client_secret_post"] };
	expect(await outcome()).toMatchObject({ subject: local.person.sub });
	const [byHeader, byForm] = local.server.asked.filter(({ path }) => path === "/token");
	expect([byHeader?.form.has("client_secret"), byForm?.form.has("client_secret")]).toEqual([false, true]);
	expect(await outcome(issuer({ secret: "another" }))).toBe("client-refused invalid_client");
});

it("[A116] a code is good once, for the browser that began, and for the address that it was made for", async () => {
	const of = issuer();
	const callback = await comeBack(of, makeJourney());
	expect(outcomeOf(await of.finish(callback))).toMatchObject({ subject: local.person.sub });
	expect(outcomeOf(await of.finish(callback))).toBe("code-refused");
	const { verifier } = makeJourney();
	expect(outcomeOf(await of.finish({ ...(await comeBack(of, makeJourney())), verifier }))).toBe("code-refused");
	const redirectUri = "http://elsewhere.test/auth/callback";
	expect(outcomeOf(await of.finish({ ...(await comeBack(of, makeJourney())), redirectUri }))).toBe("code-refused");
});

const seconds = () => Math.floor(now / 1_000);
const lies: [what: string, twist: () => Twist, outcome: string][] = [
	["no signature", () => ({ signature: "none" }), "identity-invalid ERR_JOSE_ALG_NOT_ALLOWED"],
	[
		"the public key as a secret",
		() => ({ signature: "public-key-as-secret" }),
		"identity-invalid ERR_JOSE_ALG_NOT_ALLOWED",
	],
	["another's key", () => ({ signature: "foreign-key" }), "identity-invalid ERR_JWS_SIGNATURE_VERIFICATION_FAILED"],
	["a key that nobody publishes", () => ({ signature: "key-unknown" }), "identity-invalid ERR_JWKS_NO_MATCHING_KEY"],
	["another nonce", () => ({ claims: { nonce: "of another sign-in" } }), "identity-invalid nonce"],
	["no nonce", () => ({ claims: { nonce: undefined } }), "identity-invalid nonce"],
	["another audience", () => ({ claims: { aud: "another" } }), "identity-invalid ERR_JWT_CLAIM_VALIDATION_FAILED aud"],
	["others beside us", () => ({ claims: { aud: [localClient.id, "b"] } }), "identity-invalid azp"],
	["another party", () => ({ claims: { azp: "another" } }), "identity-invalid azp"],
	[
		"another issuer",
		() => ({ claims: { iss: "http://b.example" } }),
		"identity-invalid ERR_JWT_CLAIM_VALIDATION_FAILED iss",
	],
	["an end that is past", () => ({ claims: { exp: seconds() - 60 } }), "identity-invalid ERR_JWT_EXPIRED exp"],
	["no end", () => ({ claims: { exp: undefined } }), "identity-invalid ERR_JWT_CLAIM_VALIDATION_FAILED exp"],
	["a beginning to come", () => ({ claims: { iat: seconds() + 3_600 } }), "identity-invalid iat"],
	[
		"not valid yet",
		() => ({ claims: { nbf: seconds() + 3_600 } }),
		"identity-invalid ERR_JWT_CLAIM_VALIDATION_FAILED nbf",
	],
	["nobody", () => ({ claims: { sub: undefined } }), "identity-invalid ERR_JWT_CLAIM_VALIDATION_FAILED sub"],
	["an empty name", () => ({ claims: { sub: "" } }), "identity-invalid sub"],
	["a name with a line's end", () => ({ claims: { sub: "7\n8" } }), "identity-invalid sub"],
	["a name that is a number", () => ({ claims: { sub: 7 } }), "identity-invalid sub"],
	["no token at all", () => ({ token: "eyJ" }), "identity-invalid ERR_JWS_INVALID"],
	["a token without an end", () => ({ token: `e.${"a".repeat(70_000)}.b` }), "identity-invalid it is too long"],
];

it.each(lies)("[A103] an ID token with %s lets nobody in", async (_, twist, expected) => {
	local.twist = twist();
	expect(await outcome()).toBe(expected);
});

it("[A103] a token of one issuer is none of another, although its key signed it well", async () => {
	const other = await LocalOidc.open();
	try {
		const foreign = redirecting(
			makeIssuers({ issuers: [other.settings("b")], secrets: { b: localClient.secret } }).find("b"),
		);
		const answers = other.server.asked;
		expect(outcomeOf(await signInThrough(foreign))).toMatchObject({ issuer: "b" });
		expect(answers.length).toBeGreaterThan(0);
		// The issuer hands on what the other one gave to it.
		const callback = await comeBack(foreign, makeJourney());
		const form = new URLSearchParams({ code: callback.code, redirect_uri: callback.redirectUri });
		form.set("code_verifier", callback.verifier);
		form.set("client_id", localClient.id);
		form.set("client_secret", localClient.secret);
		const given = await fetch(`${other.url}/token`, { method: "POST", body: form });
		local.twist = { token: ((await given.json()) as { id_token: string }).id_token };
		expect(await outcome()).toBe("identity-invalid ERR_JWS_SIGNATURE_VERIFICATION_FAILED");
	} finally {
		await other.close();
	}
});

it("[A113] a code that another issuer's name came with goes nowhere", async () => {
	const of = issuer();
	const callback = await comeBack(of, makeJourney());
	expect(outcomeOf(await of.finish({ ...callback, iss: "https://honest.example" }))).toBe("issuer-mixed");
	// One that says of itself that it names itself must.
	expect(outcomeOf(await of.finish({ ...callback, iss: null }))).toBe("issuer-mixed");
	expect(local.server.count("/token")).toBe(0);
	local.namesItself = false;
	expect(await outcome()).toMatchObject({ subject: local.person.sub });
});

it("[A105] an e-mail that the issuer does not call verified is none", async () => {
	const email = "ada@acme.example";
	for (const [claims, expected] of [
		[{ email, email_verified: true }, email],
		[{ email, email_verified: "true" }, email],
		[{ email, email_verified: false }, null],
		[{ email, email_verified: 1 }, null],
		[{ email }, null],
		[{ email: "two@a.example, three@b.example", email_verified: true }, null],
		[{ email: "ada@acme.example\n", email_verified: true }, null],
		[{ email: [email], email_verified: true }, null],
	] as const) {
		local.person = { sub: "7", ...claims };
		expect([claims, await outcome()]).toEqual([claims, expect.objectContaining({ email: expected })]);
	}
	// An address of one source is not verified by what the other says of its own.
	local.person = { sub: "7", email: "mine@b.example", email_verified: true };
	local.twist = { claims: { email: "yours@acme.example", email_verified: undefined } };
	expect(await outcome()).toMatchObject({ email: "mine@b.example" });
});

it("[A105] a login counts only where the operator says that the issuer gives each to one account", async () => {
	local.person = { sub: "7", preferred_username: "ada" };
	const settings = { ...local.settings("acme"), uniqueLogins: false };
	const of = makeIssuers({ issuers: [settings], secrets: { acme: localClient.secret } }).find("acme");
	expect(await outcome(redirecting(of))).toMatchObject({ subject: "7", login: null });
	expect(await outcome()).toMatchObject({ subject: "7", login: "ada" });
});

it("[A107] an issuer that is away, slow, endless or somewhere else is an outage, wherever it fails", async () => {
	const faults: [PathFault, RegExp][] = [
		["silent", /no answer in 100 ms$/],
		["huge", /has more than 262144 bytes$/],
		["broken", /broke off$/],
		["elsewhere", /answered with 307$/],
		[{ status: 503 }, /answered with 503$/],
		[{ status: 429 }, /answered with 429$/],
	];
	for (const path of ["/.well-known/openid-configuration", "/token", "/jwks"]) {
		for (const [fault, told] of faults) {
			local.server.faults.set(path, fault);
			const failure = await signInThrough(issuer({ answerMs: fault === "silent" ? 100 : 5_000 })).catch(
				(error) => error,
			);
			expect([path, asOutage(failure)?.message]).toEqual([path, expect.stringMatching(told)]);
			local.server.faults.clear();
		}
	}
	expect(await outcome()).toMatchObject({ subject: local.person.sub });
});

it("[A107] no call's fault has a code, a secret or a token in it", async () => {
	const texts: string[] = [];
	for (const fault of ["silent", "broken", { status: 500, body: "a" }] as const) {
		local.server.faults.set("/token", fault);
		const failure = await signInThrough(issuer({ answerMs: 100 })).catch((error) => error);
		texts.push(String(failure), String(failure.cause));
	}
	expect(texts.filter((text) => /code|secret|[0-9a-f]{32}/.test(text))).toEqual([]);
});

it("[A107] what is no description, or another issuer's, is not gone by", async () => {
	for (const body of ["", "[]", "{}", JSON.stringify({ issuer: local.url })]) {
		local.server.faults.set("/.well-known/openid-configuration", { status: 200, body });
		await expect(issuer().begin(makeJourney())).rejects.toThrow(/no description/);
	}
	local.server.faults.clear();
	local.described = { issuer: "https://accounts.example" };
	await expect(issuer().begin(makeJourney())).rejects.toThrow(/of another issuer/);
	// A secret would go over the wire for all to read.
	local.described = { token_endpoint: "http://issuer.example/token" };
	await expect(issuer().begin(makeJourney())).rejects.toThrow(/token_endpoint/);
});

it("[A108] description and keys are read once and kept, and new keys are found when they are used", async () => {
	const of = issuer();
	for (let times = 0; times < 3; times++) expect(await outcome(of)).toMatchObject({ issuer: "acme" });
	expect([local.server.count("/.well-known/openid-configuration"), local.server.count("/jwks")]).toEqual([1, 1]);
	await local.rotateKeys();
	now += 6_000;
	expect(await outcome(of)).toMatchObject({ issuer: "acme" });
	expect(local.server.count("/jwks")).toBe(2);
});

it("[A108] whoever brings keys that nobody has makes nobody ask for them more than once in five seconds", async () => {
	const of = issuer();
	await outcome(of);
	local.twist = { signature: "key-unknown" };
	now += 6_000;
	for (let times = 0; times < 5; times++) expect(await outcome(of)).toBe("identity-invalid ERR_JWKS_NO_MATCHING_KEY");
	expect(local.server.count("/jwks")).toBe(2);
});

it("[A108] while an issuer is away, nobody asks more than once in five seconds, and what it said holds for an hour", async () => {
	const of = issuer();
	local.server.faults.set("/.well-known/openid-configuration", { status: 500 });
	for (let times = 0; times < 3; times++) await expect(of.begin(makeJourney())).rejects.toThrow(/answered with 500/);
	expect(local.server.count("/.well-known/openid-configuration")).toBe(1);
	now += 6_000;
	local.server.faults.clear();
	await of.begin(makeJourney());
	local.server.faults.set("/.well-known/openid-configuration", "broken");
	now += 1_800_000;
	await of.begin(makeJourney());
	now += 1_800_001;
	await expect(of.begin(makeJourney())).rejects.toThrow(/broke off|cannot be reached/);
});

it("[A107] so many calls to one issuer are under way at once and no more", async () => {
	const of = issuer({ answerMs: 2_000 });
	await of.begin(makeJourney());
	local.server.faults.set("/token", "silent");
	const callbacks = await Promise.all(Array.from({ length: 20 }, () => comeBack(of, makeJourney())));
	const failures = await Promise.all(callbacks.map((callback) => of.finish(callback).catch((error) => String(error))));
	expect(failures.filter((text) => /16 calls are under way/.test(String(text)))).toHaveLength(4);
	local.server.faults.clear();
	expect(await outcome(of)).toMatchObject({ issuer: "acme" });
});
