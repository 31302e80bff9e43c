// The keys that vouch for jobs: RSA, in PEM as `openssl genpkey` writes it, one block after another. The first signs, all are
// published. So a new key is put last, and first once every verifier has had the time to hear of it; an old one goes when the last
// token that it signed has expired. RS256, since each of AWS, Google Cloud, Azure and Vault takes it.
import { calculateJwkThumbprint, exportJWK, importPKCS8, SignJWT } from "jose";
import type { JWTPayload } from "jose";
import { jobKeyIdPrefix, jobTokenAlgorithm } from "../contracts/wire/job-token.ts";
import type { Jwks } from "../contracts/http/identity.ts";

interface IdentityKeys {
	/** `claims` are all that it has, times included. */
	sign(claims: JWTPayload): Promise<string>;
	jwks: Jwks;
}

const block = /-----BEGIN PRIVATE KEY-----[A-Za-z0-9+/=\s]+-----END PRIVATE KEY-----/g;

/** Throws where `text` holds no key, or anything beside keys; nothing of the text is in the error. */
export async function parseIdentityKeys(text: string): Promise<IdentityKeys> {
	const pems = text.match(block) ?? [];
	if (pems.length === 0 || text.replaceAll(block, "").trim() !== "") throw new Error(badKeys);
	const [first, ...rest] = await Promise.all(pems.map(readKey));
	if (!first) throw new Error(badKeys);
	return {
		jwks: { keys: [first, ...rest].map(({ shown }) => shown) },
		sign: (claims) =>
			new SignJWT(claims)
				// In this order: `contracts/wire/job-token.ts`.
				.setProtectedHeader({ alg: jobTokenAlgorithm, typ: "JWT", kid: first.shown.kid })
				.sign(first.key),
	};
}

const badKeys =
	"SPILLWAY_IDENTITY_KEYS must be RSA keys of 2,048 bits or more in PEM (BEGIN PRIVATE KEY), one after another";
/** Base64url digits of the modulus of a key of 2,048 bits. */
const modulusDigitsMin = 342;

/** By its thumbprint (RFC 7638): a key that is replaced is never taken for the one before it. */
async function readKey(pem: string) {
	try {
		const key = await importPKCS8(pem, jobTokenAlgorithm, { extractable: true });
		const { kty = "", n = "", e = "" } = await exportJWK(key);
		if (n.length < modulusDigitsMin) throw new Error(badKeys);
		const kid = `${jobKeyIdPrefix}${await calculateJwkThumbprint({ kty, n, e })}`;
		return { key, shown: { kty, n, e, kid, alg: jobTokenAlgorithm, use: "sig" } };
	} catch {
		// The cause may quote the key.
		throw new Error(badKeys);
	}
}
