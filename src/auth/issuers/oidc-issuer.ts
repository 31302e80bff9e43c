// Any issuer of OpenID Connect: the flow with a code, bound to this sign-in by PKCE and to its ID token by a nonce.
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { JSONWebKeySet } from "jose";
import { z } from "zod";
import type { VerifiedPerson } from "../../contracts/objects/verified-person.ts";
import type { Millis } from "../../domain/ids.ts";
import type { IssuerClient, Reply } from "./issuer-client.ts";
import { isSafeAddress } from "./issuer-settings.ts";
import type { SettingsOf } from "./issuer-settings.ts";
import { KnownDocument } from "./known-document.ts";
import { claims, readEmail, readLogin, readPersonName } from "./person-claims.ts";
import type { Claims } from "./person-claims.ts";
import { readKeys, verifyToken } from "./signed-token.ts";
import { errorWord, refuseSignIn } from "./sign-in-refusal.ts";
import type { SignedIn } from "./sign-in-refusal.ts";

/** What of a sign-in the issuer sees or gives back. */
export interface Journey {
	state: string;
	nonce: string;
	verifier: string;
	/** Where the issuer sends the browser: the callback, as the issuer knows it. */
	redirectUri: string;
}

/** `iss` null: the issuer did not name itself. */
export interface Callback extends Journey {
	code: string;
	iss: string | null;
}

/** An issuer of whatever kind that sends the browser away and back. */
export interface RedirectingIssuer {
	/** Where to send the browser. */
	begin(journey: Journey): Promise<string>;
	/** Who came back. */
	finish(callback: Callback): Promise<SignedIn<VerifiedPerson>>;
}

const endpoint = z.string().max(1_000).refine(isSafeAddress);
const description = z.object({
	issuer: z.string(),
	authorization_endpoint: endpoint,
	token_endpoint: endpoint,
	jwks_uri: endpoint,
	userinfo_endpoint: endpoint.optional(),
	token_endpoint_auth_methods_supported: z.array(z.string()).optional(),
	authorization_response_iss_parameter_supported: z.boolean().optional(),
});
type Description = z.infer<typeof description>;
const tokens = z.object({ id_token: z.string(), access_token: z.string().optional() });
const refused = z.object({ error: z.string() });

export function challengeOf(verifier: string): string {
	return createHash("sha256").update(verifier).digest("base64url");
}

export class OidcIssuer implements RedirectingIssuer {
	readonly #settings: SettingsOf<"oidc">;
	readonly #client: IssuerClient;
	readonly #now: () => Millis;
	readonly #description: KnownDocument<Description>;
	/** By its address, which the description names and may change. */
	#keys: { address: string; known: KnownDocument<JSONWebKeySet> } | null = null;

	constructor(settings: SettingsOf<"oidc">, client: IssuerClient, now: () => Millis) {
		this.#settings = settings;
		this.#client = client;
		this.#now = now;
		this.#description = new KnownDocument(() => this.#describe(), now);
	}

	async begin({ state, nonce, verifier, redirectUri }: Journey): Promise<string> {
		const { authorization_endpoint: at } = await this.#description.get();
		const address = new URL(at);
		for (const [name, value] of Object.entries({
			response_type: "code",
			client_id: this.#settings.clientId,
			redirect_uri: redirectUri,
			scope: "openid email profile",
			state,
			nonce,
			code_challenge: challengeOf(verifier),
			code_challenge_method: "S256",
		})) {
			address.searchParams.set(name, value);
		}
		return address.href;
	}

	async finish(callback: Callback): Promise<SignedIn<VerifiedPerson>> {
		const described = await this.#description.get();
		// Before the code goes anywhere: one of another issuer's is that issuer's alone to see.
		const mustNameItself = described.authorization_response_iss_parameter_supported === true;
		if (callback.iss === null ? mustNameItself : callback.iss !== described.issuer) {
			return refuseSignIn({ code: "issuer-mixed" });
		}
		const answer = await this.#client.ask(described.token_endpoint, this.#redeeming(described, callback));
		const given = tokens.safeParse(answer.body);
		if (answer.status !== 200 || !given.success) return refuseSignIn(noTokens(answer));
		const token = await verifyToken(given.data.id_token, {
			keys: this.#keysAt(described.jwks_uri),
			issuer: described.issuer,
			audience: this.#settings.clientId,
			now: this.#now(),
		});
		if (!token.ok) return token;
		const { sub, aud, azp, nonce } = token.value;
		if (nonce !== callback.nonce) return refuseSignIn({ code: "identity-invalid", why: "nonce" });
		const isForOthersToo = Array.isArray(aud) && aud.length > 1;
		if ((azp !== undefined || isForOthersToo) && azp !== this.#settings.clientId) {
			return refuseSignIn({ code: "identity-invalid", why: "azp" });
		}
		const more = await this.#userinfo(described, { token: given.data.access_token, known: token.value });
		if (more !== null && more.sub !== sub) return refuseSignIn({ code: "identity-invalid", why: "userinfo sub" });
		const said = more === null ? [token.value] : [token.value, more];
		return { ok: true, value: personOf(this.#settings, { subject: sub, said }) };
	}

	#redeeming({ token_endpoint_auth_methods_supported: ways }: Description, { code, verifier, redirectUri }: Callback) {
		const { clientId, clientSecret } = this.#settings;
		const form = { grant_type: "authorization_code", code, redirect_uri: redirectUri, code_verifier: verifier };
		if (clientSecret === null) return { form: { ...form, client_id: clientId } };
		// What every issuer takes that does not say which.
		if (ways === undefined || ways.includes("client_secret_basic")) {
			const pair = [clientId, clientSecret]
				.map((part) => new URLSearchParams([["", part]]).toString().slice(1))
				.join(":");
			return { form, headers: { authorization: `Basic ${Buffer.from(pair).toString("base64")}` } };
		}
		return { form: { ...form, client_id: clientId, client_secret: clientSecret } };
	}

	/** Many issuers keep the e-mail out of the ID token. Null when it is there, or nothing can be asked. */
	async #userinfo(
		{ userinfo_endpoint: at }: Description,
		{ token, known }: { token: string | undefined; known: Claims },
	): Promise<Claims | null> {
		if (at === undefined || token === undefined || emailOf(known) !== null) return null;
		const { status, body } = await this.#client.ask(at, { headers: { authorization: `Bearer ${token}` } });
		const said = claims.safeParse(body);
		return status === 200 && said.success ? said.data : null;
	}

	async #describe(): Promise<Description> {
		const { url } = this.#settings;
		const { status, body } = await this.#client.ask(`${bare(url)}/.well-known/openid-configuration`);
		const parsed = description.safeParse(body);
		if (status !== 200 || !parsed.success) {
			const fields = parsed.error?.issues.map(({ path }) => path.map(String).join(".")).join(", ") ?? "";
			throw this.#client.away(`no description at ${url}, status ${status}${fields === "" ? "" : `: ${fields}`}`);
		}
		const { issuer } = parsed.data;
		// Else whoever can write one page of its host could speak for it.
		if (bare(issuer) !== bare(url)) throw this.#client.away(`the description at ${url} is of another issuer`);
		return parsed.data;
	}

	#keysAt(address: string): KnownDocument<JSONWebKeySet> {
		if (this.#keys?.address !== address) {
			this.#keys = { address, known: new KnownDocument(() => readKeys(this.#client, address), this.#now) };
		}
		return this.#keys.known;
	}
}

function bare(address: string): string {
	return address.replace(/\/+$/, "");
}

function noTokens({ status, body }: Reply) {
	const error = errorWord(refused.safeParse(body).data?.error);
	if (error === "invalid_grant") return { code: "code-refused" as const };
	if (status === 200) return { code: "identity-invalid" as const, why: "there is no ID token" };
	return { code: "client-refused" as const, error: error === "unknown" ? `status ${status}` : error };
}

/** The first that says it: an address and whether it is verified must come from one hand. */
function personOf(
	{ name: issuer, uniqueLogins }: SettingsOf<"oidc">,
	{ subject, said }: { subject: string; said: Claims[] },
): VerifiedPerson {
	return {
		issuer,
		subject,
		login: uniqueLogins ? first(said, ({ preferred_username }) => readLogin(preferred_username)) : null,
		email: first(said, emailOf),
		name: first(said, ({ name }) => readPersonName(name)),
	};
}

function emailOf({ email, email_verified }: Claims): string | null {
	return readEmail(email, email_verified);
}

function first(said: Claims[], read: (claims: Claims) => string | null): string | null {
	return said.map(read).find((text) => text !== null) ?? null;
}
