import { afterEach, beforeEach, expect, it } from "vitest";
import { LocalAccess } from "../../testing/issuers/local-access.ts";
import { makeIssuers, outcomeOf } from "../../testing/issuers/way-through.ts";

const audience = "aud-of-this-application";
const ada = { aud: [audience], sub: "0d5a", email: "ada@acme.example" };

let access: LocalAccess;
beforeEach(async () => {
	access = await LocalAccess.open();
});
afterEach(() => access.close());

async function outcome(assertion: string) {
	const issuer = makeIssuers({ issuers: [access.settings("access", audience)] }).find("access");
	if (issuer?.way !== "header") throw new Error("there is no Access");
	return outcomeOf(await issuer.issuer.read(assertion));
}

it("[A106] who Access says is there, is there", async () => {
	const person = { issuer: "access", subject: "0d5a", login: null, email: "ada@acme.example", name: null };
	expect(await outcome(await access.assertion(ada))).toEqual(person);
});

it("[A106] a word for another application, of another team, expired, or about no person counts for nothing", async () => {
	const other = await LocalAccess.open();
	try {
		const refused = "identity-invalid ERR_JWT_CLAIM_VALIDATION_FAILED";
		const past = Math.floor(Date.now() / 1_000) - 60;
		for (const [assertion, why] of [
			[await access.assertion({ ...ada, aud: ["aud-of-another"] }), `${refused} aud`],
			[await access.assertion({ ...ada, aud: undefined }), `${refused} aud`],
			[await access.assertion({ ...ada, iss: "https://other.cloudflareaccess.com" }), `${refused} iss`],
			[await access.assertion({ ...ada, exp: past }), "identity-invalid ERR_JWT_EXPIRED exp"],
			[await access.assertion({ ...ada, sub: "", common_name: "service" }), "identity-invalid sub"],
			[await access.assertion({ ...ada, email: undefined }), "identity-invalid it names no person"],
			[
				await other.assertion({ ...ada, iss: access.server.url }),
				"identity-invalid ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
			],
			["", "identity-invalid ERR_JWS_INVALID"],
		] as const) {
			expect(await outcome(assertion)).toBe(why);
		}
	} finally {
		await other.close();
	}
});
