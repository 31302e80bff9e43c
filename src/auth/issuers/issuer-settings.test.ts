import { expect, it } from "vitest";
import { readIssuerSettings } from "./issuer-settings.ts";

const google = { name: "google", kind: "oidc", url: "https://accounts.google.com", clientId: "c" };
const secret = "hunter2-hunter2";

function read(issuers: unknown, secrets: unknown = {}) {
	const { issuers: found, faults } = readIssuerSettings({ issuers, secrets });
	return { names: found.map(({ name }) => name), faults };
}

it("[A109] issuers come as text or as values, in the operator's order, each with its secret", () => {
	const list = [
		{ ...google, title: "Google" },
		{ name: "github", kind: "github", clientId: "g" },
		{ name: "access", kind: "access", url: "https://team.cloudflareaccess.com", audience: "aud" },
		{ name: "local", kind: "oidc", url: "http://127.0.0.1:8080/realms/ci", clientId: "p" },
	];
	const secrets = { google: secret, github: secret };
	for (const [issuers, beside] of [
		[list, secrets],
		[JSON.stringify(list), JSON.stringify(secrets)],
	]) {
		const found = readIssuerSettings({ issuers, secrets: beside });
		expect(found.faults).toEqual([]);
		expect(found.issuers).toEqual([
			{ ...list[0], uniqueLogins: false, clientSecret: secret },
			{ ...list[1], url: "https://github.com", clientSecret: secret },
			list[2],
			{ ...list[3], uniqueLogins: false, clientSecret: null },
		]);
	}
});

it("[A109] nothing set is nobody, and no fault", () => {
	for (const nothing of [undefined, "", " ", "[]", [], null]) {
		expect(read(nothing, nothing === undefined ? undefined : "")).toEqual({ names: [], faults: [] });
	}
});

it("[A109] what is written wrongly is left out and named, and the others are there", () => {
	const { names, faults } = read(
		[
			{ ...google, name: "Google" },
			{ ...google, name: "plain", url: "http://issuer.example" },
			{ ...google, name: "spied", url: "https://me:word@issuer.example" },
			{ ...google, name: "kindless", kind: "saml" },
			{ ...google, name: "told", clientSecret: secret },
			{ name: "github", kind: "github", clientId: "g" },
			google,
			{ ...google, clientId: "d" },
			{ name: "access", kind: "access", url: "https://team.cloudflareaccess.com", audience: "aud" },
			7,
		],
		{ access: secret, nobody: secret },
	);
	expect(names).toEqual(["google"]);
	expect(faults).toEqual([
		"SPILLWAY_ISSUERS[0]: name: must be up to 40 of a-z, 0-9 and -, and begin with none of -",
		"the issuer plain: url: must be an https address without ? and #",
		"the issuer spied: url: must be an https address without ? and #",
		expect.stringMatching(/^the issuer kindless: kind: /),
		expect.stringMatching(/^the issuer told: .*clientSecret/),
		"the issuer github: GitHub wants its secret in SPILLWAY_ISSUER_SECRETS",
		"the issuer google is there twice; the second is left out",
		"the issuer access: Access has no client secret: SPILLWAY_ISSUER_SECRETS must not name it",
		expect.stringMatching(/^SPILLWAY_ISSUERS\[9\]: /),
		"SPILLWAY_ISSUER_SECRETS names an issuer that is not in SPILLWAY_ISSUERS",
	]);
});

it("[A109] no fault has anything of a secret, whatever is written where", () => {
	const texts = [
		read(`[{"name": ${secret}}]`, `{"google": ${secret}`),
		read([{ ...google, url: `https://${secret}?` }], [secret]),
		read([{ ...google, name: secret.repeat(9) }], { google: { [secret]: secret } }),
		read([google], { google: 7, [secret]: secret }),
		read({ [secret]: secret }, secret),
	].flatMap(({ faults }) => faults);
	expect(texts.length).toBeGreaterThanOrEqual(8);
	expect(texts.filter((text) => text.includes("hunter2"))).toEqual([]);
});

it("[A109] more issuers than fit are cut off, and the operator hears it", () => {
	const many = Array.from({ length: 21 }, (_, index) => ({ ...google, name: `issuer-${index}` }));
	const { names, faults } = read(many);
	expect(names).toHaveLength(20);
	expect(faults).toEqual(["SPILLWAY_ISSUERS has more than 20 issuers; the rest is left out"]);
});
