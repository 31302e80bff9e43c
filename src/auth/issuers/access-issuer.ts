// Cloudflare Access in front of this server: it has people sign in by itself and sends a signed word about them along. The word is
// believed only of the team and application that the operator named; without these settings the header is nobody's.
import type { JSONWebKeySet } from "jose";
import type { VerifiedPerson } from "../../contracts/objects/verified-person.ts";
import type { Millis } from "../../domain/ids.ts";
import type { IssuerClient } from "./issuer-client.ts";
import type { SettingsOf } from "./issuer-settings.ts";
import { KnownDocument } from "./known-document.ts";
import { readEmail, readPersonName } from "./person-claims.ts";
import { readKeys, verifyToken } from "./signed-token.ts";
import { refuseSignIn } from "./sign-in-refusal.ts";
import type { SignedIn } from "./sign-in-refusal.ts";

export const accessHeader = "cf-access-jwt-assertion";

export class AccessIssuer {
	readonly #settings: SettingsOf<"access">;
	readonly #now: () => Millis;
	readonly #team: string;
	readonly #keys: KnownDocument<JSONWebKeySet>;

	constructor(settings: SettingsOf<"access">, client: IssuerClient, now: () => Millis) {
		this.#settings = settings;
		this.#now = now;
		this.#team = settings.url.replace(/\/+$/, "");
		this.#keys = new KnownDocument(() => readKeys(client, `${this.#team}/cdn-cgi/access/certs`), now);
	}

	async read(assertion: string): Promise<SignedIn<VerifiedPerson>> {
		const { name, audience } = this.#settings;
		const token = await verifyToken(assertion, { keys: this.#keys, issuer: this.#team, audience, now: this.#now() });
		if (!token.ok) return token;
		const { sub: subject, email } = token.value;
		// A service token of Access names no person.
		if (typeof email !== "string") return refuseSignIn({ code: "identity-invalid", why: "it names no person" });
		// Whom Access lets in by an e-mail it has made prove it.
		const verified = readEmail(email, true);
		const value = { issuer: name, subject, login: null, email: verified, name: readPersonName(token.value.name) };
		return { ok: true, value };
	}
}
