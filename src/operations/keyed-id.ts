// Ids that follow from an idempotency key, for what no repository keeps the keys of: the same key and body make the same id, and
// with it the same token, since tokens are signed and not drawn. Another body differs in the id's last part alone, so whoever
// has the first knows that the key was used.
import { hash } from "node:crypto";

const keyDigits = 16;
const bodyDigits = 8;

export interface KeyedId {
	id: string;
	/** What the key alone decides. */
	prefix: string;
}

/** `scope`: within what the key is one; `body`: as it was validated. */
export function keyedId(kind: string, { scope, key, body }: { scope: string; key: string; body: unknown }): KeyedId {
	const prefix = `${kind}${hash("sha256", `${scope}\n${key}`, "hex").slice(0, keyDigits)}`;
	return { prefix, id: prefix + hash("sha256", JSON.stringify(body), "hex").slice(0, bodyDigits) };
}
