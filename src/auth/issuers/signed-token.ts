// A token that an issuer signed, verified against the keys that it publishes.
import { createLocalJWKSet, errors, jwtVerify } from "jose";
import type { JSONWebKeySet, JWTPayload } from "jose";
import { z } from "zod";
import type { Millis } from "../../domain/ids.ts";
import type { IssuerClient } from "./issuer-client.ts";
import type { KnownDocument } from "./known-document.ts";
import { refuseSignIn } from "./sign-in-refusal.ts";
import type { SignedIn } from "./sign-in-refusal.ts";

/** Signatures by a key that only the issuer has. With none, or with a secret that both sides have, anybody may have written it. */
const algorithms = [
	...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
	...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
];
/** Between the clocks of two machines. */
const toleranceSeconds = 30;
const tokenCharactersMax = 65_536;
const publishedKeys = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(200) });

/** Throws an `Outage` when there is no such set. */
export async function readKeys(client: IssuerClient, address: string): Promise<JSONWebKeySet> {
	const { status, body } = await client.ask(address);
	const keys = publishedKeys.safeParse(body);
	if (status !== 200 || !keys.success) throw client.away(`no keys at ${address}, status ${status}`);
	return keys.data as JSONWebKeySet;
}

export interface Expected {
	keys: KnownDocument<JSONWebKeySet>;
	issuer: string;
	audience: string;
	now: Millis;
}

/** Throws an `Outage` when the keys cannot be had. */
export async function verifyToken(token: string, expected: Expected): Promise<SignedIn<JWTPayload & { sub: string }>> {
	if (token.length > tokenCharactersMax) return refuseSignIn({ code: "identity-invalid", why: "it is too long" });
	const first = await verified(token, await expected.keys.get(), expected);
	if (first.ok || !first.isKeyUnknown) return first;
	return verified(token, await expected.keys.getNewer(), expected);
}

async function verified(token: string, keys: JSONWebKeySet, { issuer, audience, now }: Expected) {
	try {
		const { payload } = await jwtVerify(token, createLocalJWKSet(keys), {
			...{ issuer, audience, algorithms, clockTolerance: toleranceSeconds, currentDate: new Date(now) },
			requiredClaims: ["sub", "exp", "iat"],
		});
		const { sub, iat = 0 } = payload;
		// Whoever says a number means some other person than whoever says the same as a text.
		if (typeof sub !== "string" || !/^[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?$/.test(sub)) return invalid("sub");
		if (iat * 1_000 > now + toleranceSeconds * 1_000) return invalid("iat");
		return { ok: true as const, value: { ...payload, sub } };
	} catch (error) {
		if (!(error instanceof errors.JOSEError)) throw error;
		const claim = "claim" in error ? ` ${error.claim}` : "";
		return { ...invalid(`${error.code}${claim}`), isKeyUnknown: error instanceof errors.JWKSNoMatchingKey };
	}
}

function invalid(why: string) {
	return { ...refuseSignIn({ code: "identity-invalid", why }), isKeyUnknown: false };
}
