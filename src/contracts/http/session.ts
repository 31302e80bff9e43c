// Sessions of browsers, as their owners see them. What a cookie carries inside is `src/auth/token.ts`'s business.
import { z } from "@hono/zod-openapi";
import { time } from "./fields.ts";
import { role } from "./member.ts";

export const sessionRequest = z.strictObject({ token: z.string().min(16).max(8_192) }).openapi("SessionRequest");

/** Who the caller is. */
export const caller = z
	.object({
		name: z.string(),
		kind: z.enum(["operator", "token", "person"]),
		person: z.string().nullable(),
		owners: z.array(z.object({ owner: z.string(), role })),
		expiresAt: time.nullable(),
	})
	.openapi("Caller");
export type ShownCaller = z.infer<typeof caller>;

export const session = z
	.object({
		id: z.string(),
		openedAt: time,
		usedAt: time,
		expiresAt: time,
		from: z.string().nullable(),
		isCurrent: z.boolean(),
	})
	.openapi("Session");
export type ShownSession = z.infer<typeof session>;
