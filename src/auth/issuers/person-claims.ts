// What is taken over of what an issuer says of a person: texts that can be shown and compared, and only an e-mail that it verified.
import { z } from "zod";

/** As RFC 5321 bounds it; what it looks like is the issuer's to know. */
const emailPattern = /^[^\s@\p{Cc}]{1,64}@[^\s@\p{Cc}]{1,189}$/u;
/** Some issuers write `email_verified` as a text. */
const verifiedValues: ReadonlySet<unknown> = new Set([true, "true"]);

export const claims = z.looseObject({
	email: z.unknown().optional(),
	email_verified: z.unknown().optional(),
	name: z.unknown().optional(),
	preferred_username: z.unknown().optional(),
});
export type Claims = z.infer<typeof claims>;

/** [A105] Null unless the issuer says, in so many words, that it is the person's. */
export function readEmail(email: unknown, isVerified: unknown): string | null {
	return typeof email === "string" && verifiedValues.has(isVerified) && emailPattern.test(email) ? email : null;
}

/** Null for what would not stand on one line, or is too long to be a login. */
export function readLogin(login: unknown): string | null {
	return typeof login === "string" && /^[^\s\p{C}]{1,100}$/u.test(login) ? login : null;
}

/** Shown to people: without what a terminal or page would act on. */
export function readPersonName(name: unknown): string | null {
	if (typeof name !== "string") return null;
	const shown = name
		.replace(/\p{C}+/gu, " ")
		.trim()
		.slice(0, 200);
	return shown === "" ? null : shown.toWellFormed();
}
