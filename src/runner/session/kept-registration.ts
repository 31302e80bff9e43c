// Who this runner is, as its folder keeps it. A job that is not isolated reads what the runner's user reads, and whoever has a runner's
// token is given jobs with their secrets. So the token is sealed by the one that registered the runner, which stands in no file of the
// runner's and nothing that other processes read of it: the next start brings it along, and a job has not got it.
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from "node:crypto";

export interface RegisteredRunner {
	id: string | null;
	token: string;
	heartbeatSeconds: number;
}

interface SealedRegistration {
	subject: string;
	id: string | null;
	heartbeatSeconds: number;
	salt: string;
	nonce: string;
	sealed: string;
}

/** What an earlier version wrote. */
interface OpenRegistration extends RegisteredRunner {
	subject: string;
}

const cipher = "aes-256-gcm";
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
/** An earlier version takes what begins so for another runner's, and registers anew. */
const mark = "sealed ";

/** `subject`: what must be the same for it to be this runner's; `by`: the token that registered it. */
export function sealRegistration(
	{ id, token, heartbeatSeconds }: RegisteredRunner,
	{ subject, by }: { subject: string; by: string },
): SealedRegistration {
	const [salt, nonce] = [randomBytes(tagBytes), randomBytes(nonceBytes)];
	const seal = createCipheriv(cipher, keyOf(by, salt), nonce).setAAD(Buffer.from(subject));
	const sealed = Buffer.concat([seal.update(token, "utf8"), seal.final(), seal.getAuthTag()]);
	return {
		...{ subject: mark + subject, id, heartbeatSeconds },
		...{ salt: salt.toString("hex"), nonce: nonce.toString("hex"), sealed: sealed.toString("hex") },
	};
}

/**
 * Null for what is another runner's, was sealed by another token, or is no registration. `isOpen`: it stands there as an earlier
 * version wrote it, for every process of this user to read.
 */
export function openRegistration(
	kept: unknown,
	{ subject, by }: { subject: string; by: string },
): { runner: RegisteredRunner; isOpen: boolean } | null {
	if (typeof kept !== "object" || kept === null) return null;
	const { id, token, heartbeatSeconds, ...rest } = kept as SealedRegistration & OpenRegistration;
	if (rest.subject === subject && typeof token === "string")
		return { runner: { id, token, heartbeatSeconds }, isOpen: true };
	if (rest.subject !== mark + subject) return null;
	try {
		const [salt, nonce, sealed] = [rest.salt, rest.nonce, rest.sealed].map((text) => Buffer.from(text, "hex"));
		if (!salt || !nonce || !sealed) return null;
		const open = createDecipheriv(cipher, keyOf(by, salt), nonce, { authTagLength: tagBytes });
		open.setAAD(Buffer.from(subject)).setAuthTag(sealed.subarray(-tagBytes));
		const text = Buffer.concat([open.update(sealed.subarray(0, -tagBytes)), open.final()]).toString();
		return { runner: { id, token: text, heartbeatSeconds }, isOpen: false };
	} catch {
		return null;
	}
}

/** Slow on purpose: an operator's token may be a word that somebody chose, which a job could try to guess. */
function keyOf(token: string, salt: Uint8Array): Uint8Array {
	return scryptSync(token, salt, keyBytes);
}
