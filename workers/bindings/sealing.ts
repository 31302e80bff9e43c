// Secrets at rest: AES-256-GCM, one nonce each, bound to their place, so that a sealed value moved elsewhere does not open. A secret
// is sealed by its owner's data key, which stands beside it, sealed by the Worker's: who has a row has all but the Worker's key.
// Synchronous, since a turn of an object may not wait.
import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import type { DataKey } from "../../src/contracts/objects/secrets.ts";
import type { SecretPlace, SecretSealer } from "../../src/engine/secret-sealer.ts";
import { placeText } from "../../src/engine/secret-sealer.ts";

const nonceBytes = 12;
const tagBytes = 16;
const keyBytes = 32;

/** `keys` are `id:<64 hex digits>`, comma between several: the first seals, all open. */
export function sealSecret(keys: string, place: SecretPlace, value: string): string {
	return sealByWorker(keys, placeText(place), Buffer.from(value));
}

/** Reads `keys` at each call: they are a Worker's, and it may be given others. */
export function sealerOf(keys: () => string): SecretSealer {
	const unwrap = (owner: string, { version, wrapped }: DataKey) =>
		openByWorker(keys(), dataKeyPlace(owner, version), wrapped);
	return {
		open: (place, sealed) => {
			const parts = readSealed(sealed);
			if (parts.dataKey === null) return openByWorker(keys(), placeText(place), sealed).toString();
			return openBy(unwrap(place.owner, parts.dataKey), placeText(place), parts.sealed).toString();
		},
		seal: (key, place, value) => {
			const sealed = sealBy(unwrap(place.owner, key), placeText(place), Buffer.from(value));
			return `${key.version}:${key.wrapped}:${sealed}`;
		},
		makeDataKey: (owner, version) => ({
			version,
			wrapped: sealByWorker(keys(), dataKeyPlace(owner, version), randomBytes(keyBytes)),
		}),
		rewrapDataKey: (owner, key) => ({
			version: key.version,
			wrapped: sealByWorker(keys(), dataKeyPlace(owner, key.version), unwrap(owner, key)),
		}),
		sealedBy: (sealed) => {
			const { sealingKey, dataKey } = readSealed(sealed);
			return { sealingKey, dataKey: dataKey?.version ?? null };
		},
		sealingKeys: () => parse(keys()).map(({ id }) => id),
	};
}

/**
 * `id:sealed` by the Worker's key alone, as a data key is, a value on its way, and each that was stored before there were data keys;
 * else the data key's version, that key so sealed, and the value sealed by it, all with colons between.
 */
function readSealed(text: string): { sealingKey: string; dataKey: DataKey | null; sealed: string } {
	const parts = text.split(":");
	const [version = "", sealingKey = "", wrapped = "", sealed = ""] = parts;
	if (parts.length !== 4) return { sealingKey: version, dataKey: null, sealed: sealingKey };
	return { sealingKey, dataKey: { version: Number(version), wrapped: `${sealingKey}:${wrapped}` }, sealed };
}

/** No place of a secret: these have a slash. */
function dataKeyPlace(owner: string, version: number): string {
	return `data key ${version} of ${owner}`;
}

function sealByWorker(keys: string, place: string, bytes: Buffer): string {
	const [key] = parse(keys);
	if (!key) throw new Error("no sealing key: want `id:<64 hexadecimal digits>`");
	return `${key.id}:${sealBy(key.secret, place, bytes)}`;
}

function openByWorker(keys: string, place: string, sealed: string): Buffer {
	const [id, text = ""] = sealed.split(":");
	const key = parse(keys).find((candidate) => candidate.id === id);
	if (!key) throw new Error("the key that sealed this secret is not here any more");
	return openBy(key.secret, place, text);
}

function sealBy(key: Buffer, place: string, bytes: Buffer): string {
	const nonce = randomBytes(nonceBytes);
	const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(place));
	return Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]).toString("base64");
}

/** Throws when it was changed or moved. */
function openBy(key: Buffer, place: string, sealed: string): Buffer {
	const bytes = Buffer.from(sealed, "base64");
	const options = { authTagLength: tagBytes };
	const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, nonceBytes), options);
	decipher.setAAD(Buffer.from(place)).setAuthTag(bytes.subarray(-tagBytes));
	return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]);
}

function parse(keys: string): { id: string; secret: Buffer }[] {
	return keys
		.split(",")
		.map((part) => part.trim().split(":"))
		.filter((part): part is [string, string] => /^[0-9a-f]{64}$/.test(part[1] ?? ""))
		.map(([id, secret]) => ({ id, secret: Buffer.from(secret, "hex") }));
}
