// Keys that vouch for jobs, and whoever verifies by what is published.
import { generateKeyPairSync } from "node:crypto";
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { describe, expect, it } from "vitest";
import { jobTokenHead } from "../contracts/wire/job-token.ts";
import { parseIdentityKeys } from "./identity-keys.ts";

/** As OpenSSL writes them too; a key takes a second. */
const pem = () =>
	generateKeyPairSync("rsa", { modulusLength: 2_048 }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const [old, next] = [pem(), pem()];
const claims = { iss: "https://ci.example", sub: "acme/web:head", aud: "a", exp: Math.floor(Date.now() / 1_000) + 600 };

describe("identity keys", () => {
	it("[A142] the first signs and all are published, none of them with what is secret", async () => {
		const text = old + next;
		const { sign, jwks } = await parseIdentityKeys(text);
		const token = await sign(claims);
		expect(decodeProtectedHeader(token)).toEqual({ alg: "RS256", typ: "JWT", kid: jwks.keys[0]?.kid });
		expect((await jwtVerify(token, createLocalJWKSet(jwks))).payload).toEqual(claims);
		expect(jwks.keys.map((key) => Object.keys(key).sort().join(" "))).toEqual(Array(2).fill("alg e kid kty n use"));
		expect(new Set(jwks.keys.map(({ kid }) => kid)).size).toBe(2);
	});

	it("[A142] whoever keeps the keys published before a rotation's step verifies what is signed after it", async () => {
		const steps = [old, old + next, next + old, next];
		const keys = await Promise.all(steps.map(parseIdentityKeys));
		const signers = new Set<unknown>();
		for (const [at, { jwks, sign }] of keys.entries()) {
			const token = await sign(claims);
			signers.add(decodeProtectedHeader(token).kid);
			// What was read a step before, and what is read a step later while the token still lives.
			for (const known of [keys[at - 1]?.jwks ?? jwks, jwks, keys[at + 1]?.jwks ?? jwks]) {
				await expect(jwtVerify(token, createLocalJWKSet(known))).resolves.toMatchObject({ payload: claims });
			}
		}
		expect(signers.size).toBe(2);
		// Without the overlap they would not have: the new key is unknown to whoever read before.
		const hasty = await (await parseIdentityKeys(next)).sign(claims);
		await expect(jwtVerify(hasty, createLocalJWKSet((await parseIdentityKeys(old)).jwks))).rejects.toThrow();
	});

	it("[N201] each token begins alike, with what says nothing of it", async () => {
		for (const text of [old, next]) {
			expect((await (await parseIdentityKeys(text)).sign(claims)).startsWith(jobTokenHead)).toBe(true);
		}
	});

	it("[A142] what is no list of such keys is refused, and nothing of it is said", async () => {
		const short = generateKeyPairSync("rsa", { modulusLength: 1_024 }).privateKey.export({
			type: "pkcs8",
			format: "pem",
		});
		const curve = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
			type: "pkcs8",
			format: "pem",
		});
		for (const text of [
			" ",
			"k1:abc",
			`k1:${old}`,
			`${old}rest`,
			short.toString(),
			curve.toString(),
			old.replace("M", "A"),
		]) {
			const failure = await parseIdentityKeys(text).then(
				() => "taken",
				(error: Error) => error.message,
			);
			expect(failure).toMatch(/^SPILLWAY_IDENTITY_KEYS must be RSA keys of 2,048 bits or more in PEM/);
		}
	});
});
