// The small shapes that many requests share. Every object is strict: a field nobody knows is a 400, so that a typo in a
// retry rule cannot pass unseen.
import { z } from "@hono/zod-openapi";
import { commitIdPattern, hasCredentials, isCloneUrl, isRefName, refNameRule } from "../../domain/text/git-names.ts";
import { labelsMax, runnerCapacityMax } from "../../domain/limits.ts";
import { jobKeyPattern, secretNamePattern, slugPattern } from "../../domain/text/names.ts";

export const slug = z.string().regex(slugPattern, "must match [a-z0-9][a-z0-9._-]{0,99}");
export const jobKey = z.string().regex(jobKeyPattern, "must match [A-Za-z0-9][A-Za-z0-9._-]{0,99}");
export const poolName = slug;
export const label = z
	.string()
	.regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$/, "must match [A-Za-z0-9][A-Za-z0-9._:/-]{0,63}");
export const labels = z.array(label).max(labelsMax);
/** The document's pattern says it without a look-ahead, which not every language has. */
export const secretName = z
	.string()
	.refine((name) => secretNamePattern.test(name), "must be a name that a shell can use, and not __proto__")
	.openapi({
		description: "A name that a shell can use, and not `__proto__`.",
		pattern: "^[A-Za-z_][A-Za-z0-9_]{0,99}$",
	});
export const time = z.iso.datetime().openapi({ description: "RFC 3339, UTC, milliseconds" });
/** As somebody writes it: in any zone. */
export const instant = z.iso.datetime({ offset: true }).openapi({ description: "RFC 3339, with Z or an offset" });
export const shortText = z.string().max(500);
/** A map by names of one kind. The document says the kind, which its maker forgets. */
export function mapOf<V extends z.ZodType>(names: z.ZodString, values: V): z.ZodRecord<z.ZodString, V> {
	const propertyNames = z.toJSONSchema(names, { io: "input" });
	Reflect.deleteProperty(propertyNames, "$schema");
	return z.record(names, values).openapi({ propertyNames } as object);
}

/** What a process is started with ends at a NUL: better refused here than cut or failed on the runner. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that one is what must not be there.
export const withoutNul = (text: z.ZodString) => text.regex(/^[^\x00]*$/, "must not contain NUL");
/** Of one attempt. */
export const timeoutSeconds = z
	.int()
	.min(1)
	.max(7 * 86_400);
/** Of a wait between two attempts too. */
export const queueTimeoutSeconds = z
	.int()
	.min(1)
	.max(30 * 86_400);
export const capacity = z.int().min(1).max(runnerCapacityMax);

/**
 * Nothing but http, https, ssh, git, file and scp-like addresses: git knows others that run commands, and takes what begins
 * with a dash for an option. No credentials either, since they would end in lists and logs; over http even a bare name may be
 * one. A runner's own credential helper is the place for them.
 */
export const cloneUrl = z
	.string()
	.max(2_000)
	.refine(isCloneUrl, "must be an http, https, ssh, git or file URL, or user@host:path")
	.refine((text) => !hasCredentials(text), "must not carry credentials: use a secret");

/** The pattern says a part of the rule, for those who check by the document; the rest is asked of the same function as the runner asks. */
export const refName = z
	.string()
	.max(500)
	.refine(isRefName, `must be ${refNameRule}`)
	.openapi({
		minLength: 1,
		description: `A branch, a tag or a full name: ${refNameRule}.`,
		pattern: "^[^-/. ~^:?*\\[\\\\][^ ~^:?*\\[\\\\]*$",
	});
export const commitId = z.string().regex(commitIdPattern, "must be 40 hexadecimal digits");
