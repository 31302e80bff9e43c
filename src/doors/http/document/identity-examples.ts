// Examples of what a job asks for to say who it is, and of what others verify that with.
import type { IdTokenMade, Jwks, OpenidConfiguration } from "../../../contracts/http/identity.ts";

const issuer = "https://ci.example";
const token: IdTokenMade = {
	token: "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.e30.c2ln",
	expiresAt: "2026-11-27T09:40:00.000Z",
};
const configuration: OpenidConfiguration = {
	issuer,
	jwks_uri: `${issuer}/.well-known/jwks.json`,
	response_types_supported: ["id_token"],
	subject_types_supported: ["public"],
	id_token_signing_alg_values_supported: ["RS256"],
	scopes_supported: ["openid"],
	claims_supported: ["iss", "sub", "aud", "exp"],
};
const jwks: Jwks = {
	keys: [{ kty: "RSA", n: "u1SU1LfVLPHCozMxH2Mo", e: "AQAB", kid: "spw-nRc3", alg: "RS256", use: "sig" }],
};

/** By the name of the shape. */
export const identityExamples = {
	IdToken: token,
	IdTokenRequest: { audience: "sts.amazonaws.com" },
	Jwks: jwks,
	OpenidConfiguration: configuration,
};
