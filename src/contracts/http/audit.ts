// The record of privileged acts: who did what, when, from where and why. Never a secret's value, nor a token.
import { z } from "@hono/zod-openapi";
import { time } from "./fields.ts";

/** Named by what they act on, like commands; a name never changes its meaning. */
export const auditAction = z.enum([
	"repository-set",
	"limits-set",
	"secret-set",
	"secret-delete",
	"secrets-rotate",
	"token-create",
	"token-revoke",
	"run-cancel",
	"run-retry",
	"job-cancel",
	"job-retry",
	"job-prioritise",
	"jobs-cancel",
	"jobs-retry",
	"pool-set",
	"runner-register",
	"runner-set",
	"runner-remove",
	"switches-set",
	"dead-letter-redrive",
	"dead-letter-drop",
	"projection-rebuild",
	"member-set",
	"member-remove",
	"member-join",
	"session-open",
	"session-end",
]);
export type AuditAction = z.infer<typeof auditAction>;

export const auditRecord = z
	.object({
		id: z.string(),
		at: time,
		action: auditAction,
		/** Null for what concerns the whole installation: the operator's. */
		owner: z.string().nullable(),
		repo: z.string().nullable(),
		/** What was acted on: a run, a job, a pool, the name of a secret, a member, the id of a token, a runner or a session. */
		subject: z.string().nullable(),
		/** The name that the token was given, or the address or login that an issuer vouches for; and which token or session it was; null: the operator's token. */
		actor: z.string(),
		token: z.string().nullable(),
		/** The address that the edge saw; null where there is no edge. */
		from: z.string().nullable(),
		reason: z.string().nullable(),
		/** What was asked for, as far as it is not said above. */
		details: z.record(z.string(), z.unknown()),
	})
	.openapi("AuditRecord");
export type AuditRecord = z.infer<typeof auditRecord>;
