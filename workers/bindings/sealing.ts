// Secrets at rest: AES-256-GCM, one nonce each, bound to the repository and the name, so that a sealed value moved elsewhere
// does not open. Synchronous, since a turn of an object may not wait.
import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

const nonceBytes = 12;
const tagBytes = 16;

/** `keys` are `id:<64 hex digits>`, comma between several: the first seals, all open. */
export function sealSecret(keys: string, place: string, value: string): string {
	const [key] = parse(keys);
	if (!key) throw new Error("no sealing key: want `id:<64 hexadecimal digits>`");
	const nonce = randomBytes(nonceBytes);
	const cipher = createCipheriv("aes-256-gcm", key.secret, nonce).setAAD(Buffer.from(place));
	const sealed = Buffer.concat([nonce, cipher.update(value, "utf8"), cipher.final(), cipher.getAuthTag()]);
	return `${key.id}:${sealed.toString("base64")}`;
}

/** Throws when the key is gone or the value was changed or moved. */
export function unsealSecret(keys: string, place: string, sealed: string): string {
	const [id, text = ""] = sealed.split(":");
	const key = parse(keys).find((candidate) => candidate.id === id);
	if (!key) throw new Error("the key that sealed this secret is not here any more");
	const bytes = Buffer.from(text, "base64");
	const decipher = createDecipheriv("aes-256-gcm", key.secret, bytes.subarray(0, nonceBytes)).setAAD(
		Buffer.from(place),
	);
	decipher.setAuthTag(bytes.subarray(-tagBytes));
	return decipher.update(bytes.subarray(nonceBytes, -tagBytes), undefined, "utf8") + decipher.final("utf8");
}

function parse(keys: string): { id: string; secret: Buffer }[] {
	return keys
		.split(",")
		.map((part) => part.trim().split(":"))
		.filter((part): part is [string, string] => /^[0-9a-f]{64}$/.test(part[1] ?? ""))
		.map(([id, secret]) => ({ id, secret: Buffer.from(secret, "hex") }));
}
