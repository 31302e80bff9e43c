// Secrets as people set and list them: a repository's, and an owner's, alike. No answer has a value.
import { z } from "@hono/zod-openapi";
import { refGlobCharactersMax, refGlobPattern } from "../../domain/text/ref-glob.ts";
import { time, withoutNul } from "./fields.ts";

const refGlob = z
	.string()
	.min(1)
	.max(refGlobCharactersMax)
	.regex(refGlobPattern, "must be the name of a ref, in which ? and * may stand");

export const secretRequest = z
	.strictObject({
		value: withoutNul(z.string().min(1).max(32_768)),
		refs: z.array(refGlob).min(1).max(20).nullable().optional(),
		forks: z.boolean().optional(),
	})
	.openapi("SecretRequest");
export type SecretRequest = z.infer<typeof secretRequest>;

export const secretListed = z
	.object({
		name: z.string(),
		refs: z.array(z.string()).nullable(),
		forks: z.boolean(),
		/** When it was set last; null: before that was kept. */
		setAt: time.nullable(),
	})
	.openapi("Secret");
export type SecretListed = z.infer<typeof secretListed>;

/** Sealing anew, a slice a call. */
export const rotateRequest = z
	.strictObject({
		/** `nextCursor` of the slice before; none: from the beginning. */
		cursor: z.string().max(500).optional(),
	})
	.openapi("RotateRequest");

export const rotated = z
	.object({
		owner: z.string(),
		dataKey: z.int(),
		resealed: z.int(),
		right: z.int(),
		unreadable: z.array(z.object({ repo: z.string().nullable(), name: z.string() })),
		/** By the id of each of the server's keys, and of those that it does not have any more. */
		sealingKeys: z.record(z.string(), z.int()),
		nextCursor: z.string().nullable(),
	})
	.openapi("RotatedSecrets");
export type RotateAnswer = z.infer<typeof rotated>;
