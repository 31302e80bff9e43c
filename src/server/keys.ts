// The installation's secrets on one machine: made once, kept in the data folder for the owner's eyes only. Losing them makes
// every token and every stored secret worthless; on Cloudflare they are Worker secrets instead.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface ServerKeys {
	SPILLWAY_OPERATOR_TOKEN: string;
	/** `id:secret`, comma between several; the first signs, all verify. */
	SPILLWAY_SIGNING_KEYS: string;
	SPILLWAY_SEALING_KEYS: string;
	/** RSA keys in PEM, one after another; the first signs what jobs say of themselves, all are published. */
	SPILLWAY_IDENTITY_KEYS: string;
}

/** Shorter ones can be guessed. */
const operatorTokenCharactersMin = 16;

const files = {
	SPILLWAY_OPERATOR_TOKEN: "operator-token",
	SPILLWAY_SIGNING_KEYS: "signing-keys",
	SPILLWAY_SEALING_KEYS: "sealing-keys",
	SPILLWAY_IDENTITY_KEYS: "identity-keys",
} as const;

/** What the environment names wins and is not written down. Throws with one line when that is unusable. */
export function loadKeys(folder: string, environment: NodeJS.ProcessEnv): ServerKeys {
	const keys: ServerKeys = {
		SPILLWAY_OPERATOR_TOKEN: load("SPILLWAY_OPERATOR_TOKEN", () => `spw_operator_${randomBytes(24).toString("hex")}`),
		SPILLWAY_SIGNING_KEYS: load("SPILLWAY_SIGNING_KEYS", makeKey),
		SPILLWAY_SEALING_KEYS: load("SPILLWAY_SEALING_KEYS", makeKey),
		SPILLWAY_IDENTITY_KEYS: load("SPILLWAY_IDENTITY_KEYS", makeIdentityKey),
	};
	if (keys.SPILLWAY_OPERATOR_TOKEN.length < operatorTokenCharactersMin) {
		throw new Error(`SPILLWAY_OPERATOR_TOKEN must have ${operatorTokenCharactersMin} characters or more`);
	}
	return keys;

	function load(name: keyof ServerKeys, make: () => string): string {
		return environment[name] || keep(join(folder, files[name]), make);
	}
}

/** 32 bytes each: HMAC-SHA-256 and AES-256 take no more. */
function makeKey(): string {
	return `k1:${randomBytes(32).toString("hex")}`;
}

/** 2,048 bits are what every verifier takes; making one takes a tenth of a second, once. */
function makeIdentityKey(): string {
	const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
	return privateKey.export({ type: "pkcs8", format: "pem" }).toString().trim();
}

function keep(file: string, make: () => string): string {
	try {
		return readFileSync(file, "utf8").trim();
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
		const value = make();
		// `wx`: what somebody put there meanwhile is not overwritten.
		writeFileSync(file, `${value}\n`, { mode: 0o600, flag: "wx" });
		return value;
	}
}
