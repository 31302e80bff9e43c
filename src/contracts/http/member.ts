// Members of an owner, and what each of them is there.
import { z } from "@hono/zod-openapi";
import { roles } from "../../domain/role.ts";
import { slug, time } from "./fields.ts";

export const role = z.enum(roles);

export const memberRequest = z
	.strictObject({ role, repos: z.array(slug).min(1).max(50).optional() })
	.openapi("MemberRequest");
export type MemberRequest = z.infer<typeof memberRequest>;

export const member = z
	.object({
		member: z.string(),
		state: z.enum(["active", "invited"]),
		role,
		repos: z.array(z.string()).nullable(),
		name: z.string().nullable(),
		invitedAs: z.string().nullable(),
		since: time,
	})
	.openapi("Member");
export type Member = z.infer<typeof member>;
