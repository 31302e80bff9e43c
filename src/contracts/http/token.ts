// Tokens as people make them. What a token carries inside is `src/auth/token.ts`'s business.
import { z } from "@hono/zod-openapi";
import { registrationUsesMax } from "../../domain/limits.ts";
import { instant, slug, time } from "./fields.ts";

export const scope = z.enum(["read", "write", "admin", "runner:register", "metrics"]);
export type Scope = z.infer<typeof scope>;

export const tokenRequest = z
	.strictObject({
		owner: slug,
		name: z.string().min(1).max(100),
		scopes: z.array(scope).min(1).max(5),
		repos: z.array(slug).min(1).max(50).optional(),
		pools: z.array(slug).min(1).max(50).optional(),
		uses: z.int().min(1).max(registrationUsesMax).optional(),
		expiresAt: instant.optional(),
	})
	.superRefine(({ scopes, pools, uses }, context) => {
		// They bound registrations alone: what else the token could do they would leave as it is.
		if (scopes.every((each) => each === "runner:register")) return;
		const message = "is for a token whose only scope is runner:register";
		if (pools !== undefined) context.addIssue({ code: "custom", path: ["pools"], message });
		if (uses !== undefined) context.addIssue({ code: "custom", path: ["uses"], message });
	})
	.openapi("TokenRequest");
export type TokenRequest = z.infer<typeof tokenRequest>;

export const tokenRecord = z
	.object({
		id: z.string(),
		owner: z.string(),
		name: z.string(),
		scopes: z.array(scope),
		repos: z.array(z.string()).nullable(),
		pools: z.array(z.string()).nullable(),
		uses: z.int().nullable(),
		createdAt: time,
		createdBy: z.string(),
		expiresAt: time.nullable(),
		revokedAt: time.nullable(),
	})
	.openapi("TokenRecord");
export type TokenRecord = z.infer<typeof tokenRecord>;

/** The token itself is shown once, when it is made. */
export const tokenMade = tokenRecord.extend({ token: z.string() }).openapi("Token");
export type TokenMade = z.infer<typeof tokenMade>;
