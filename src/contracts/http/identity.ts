// A job's identity: what it asks for, and what others read to verify it.
import { z } from "@hono/zod-openapi";
import { audienceMax } from "../../domain/limits.ts";
import { time } from "./fields.ts";

export const idTokenRequest = z
	.strictObject({
		audience: z
			.string()
			.regex(/^[!-~]+$/, "must be printable ASCII without blanks")
			.max(audienceMax),
	})
	.openapi("IdTokenRequest");
export type IdTokenRequest = z.infer<typeof idTokenRequest>;

export const idTokenMade = z.object({ token: z.string(), expiresAt: time }).openapi("IdToken");
export type IdTokenMade = z.infer<typeof idTokenMade>;

/** OpenID Connect Discovery 1.0: these names are the standard's. */
export const openidConfiguration = z
	.object({
		issuer: z.string(),
		jwks_uri: z.string(),
		response_types_supported: z.array(z.string()),
		subject_types_supported: z.array(z.string()),
		id_token_signing_alg_values_supported: z.array(z.string()),
		scopes_supported: z.array(z.string()),
		claims_supported: z.array(z.string()),
	})
	.openapi("OpenidConfiguration");
export type OpenidConfiguration = z.infer<typeof openidConfiguration>;

/** RFC 7517; of each key its public half alone. */
export const jwks = z
	.object({
		keys: z.array(
			z.object({
				kty: z.string(),
				n: z.string(),
				e: z.string(),
				kid: z.string(),
				alg: z.string(),
				use: z.string(),
			}),
		),
	})
	.openapi("Jwks");
export type Jwks = z.infer<typeof jwks>;
