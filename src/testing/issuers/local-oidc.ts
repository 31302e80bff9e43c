// An issuer of OpenID Connect for tests: real HTTP and real keys, as strict as an issuer must be (one use of a code, the client's
// secret, PKCE, the very redirect address), and able to lie in each way that an issuer or somebody between can.
import { randomBytes } from "node:crypto";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from "jose";
import { takeCode } from "./issued-codes.ts";
import { LocalServer } from "./local-server.ts";
import type { Asked, Told } from "./local-server.ts";

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

export interface LocalPerson {
	sub: string;
	[claim: string]: unknown;
}

/** How the ID token is to be wrong. */
export interface Twist {
	/** Over the claims as they should be; undefined takes one away. */
	claims?: Record<string, unknown>;
	signature?: "none" | "public-key-as-secret" | "foreign-key" | "key-unknown";
	/** In its place. */
	token?: string;
}

interface Issued {
	person: LocalPerson;
	client: string;
	redirectUri: string;
	challenge: string;
	nonce: string;
}

export const localClient = { id: "spillway", secret: "a secret with : and % and ü in it" };

export class LocalOidc {
	readonly server: LocalServer;
	/** Who signs in next. */
	person: LocalPerson = { sub: "248289761001", preferred_username: "ada" };
	/** Only these are in the ID token; everything is in the userinfo. */
	claimsInToken: string[] = ["email", "email_verified", "name", "preferred_username"];
	twist: Twist = {};
	/** Whether it names itself when it sends the browser back. */
	namesItself = true;
	/** What the description says beside what it must. */
	described: Record<string, unknown> = {};
	#keys: { id: string; pair: KeyPair };
	readonly #foreign: KeyPair;
	readonly #codes = new Map<string, Issued>();
	readonly #tokens = new Map<string, LocalPerson>();

	private constructor(server: LocalServer, keys: { own: KeyPair; foreign: KeyPair }) {
		this.server = server;
		this.#keys = { id: "key-1", pair: keys.own };
		this.#foreign = keys.foreign;
	}

	static async open(): Promise<LocalOidc> {
		const [own, foreign] = await Promise.all([makePair(), makePair()]);
		const server = await LocalServer.open((asked) => issuer.#answer(asked));
		const issuer: LocalOidc = new LocalOidc(server, { own, foreign });
		return issuer;
	}

	get url(): string {
		return this.server.url;
	}

	/** As an operator writes it. */
	settings(name: string) {
		return { name, kind: "oidc" as const, url: this.url, clientId: localClient.id, uniqueLogins: true };
	}

	async rotateKeys(): Promise<void> {
		this.#keys = { id: `key-${randomBytes(4).toString("hex")}`, pair: await makePair() };
	}

	close(): Promise<void> {
		return this.server.close();
	}

	async #answer(asked: Asked): Promise<Told> {
		switch (asked.path) {
			case "/.well-known/openid-configuration":
				return { json: this.#description() };
			case "/jwks":
				return { json: { keys: [await this.#publicKey()] } };
			case "/authorize":
				return this.#authorize(asked.query);
			case "/token":
				return this.#token(asked);
			case "/userinfo":
				return this.#userinfo(asked);
			default:
				return { status: 404 };
		}
	}

	#description() {
		return {
			issuer: this.url,
			authorization_endpoint: `${this.url}/authorize`,
			token_endpoint: `${this.url}/token`,
			jwks_uri: `${this.url}/jwks`,
			userinfo_endpoint: `${this.url}/userinfo`,
			authorization_response_iss_parameter_supported: this.namesItself,
			...this.described,
		};
	}

	async #publicKey() {
		return { ...(await exportJWK(this.#keys.pair.publicKey)), kid: this.#keys.id, alg: "ES256", use: "sig" };
	}

	/** The person has signed in here already and agrees. */
	#authorize(query: URLSearchParams): Told {
		const of = (name: string) => query.get(name) ?? "";
		const isWhole =
			of("response_type") === "code" &&
			of("client_id") === localClient.id &&
			of("scope").split(" ").includes("openid") &&
			of("code_challenge_method") === "S256" &&
			of("code_challenge").length === 43 &&
			of("state") !== "";
		if (!isWhole) return { status: 400, json: { error: "invalid_request" } };
		const code = randomBytes(16).toString("hex");
		const redirectUri = of("redirect_uri");
		this.#codes.set(code, {
			...{ person: this.person, client: of("client_id"), redirectUri },
			...{ challenge: of("code_challenge"), nonce: of("nonce") },
		});
		const back = new URL(redirectUri);
		back.searchParams.set("code", code);
		back.searchParams.set("state", of("state"));
		if (this.namesItself) back.searchParams.set("iss", this.url);
		return { status: 302, location: back.href };
	}

	async #token({ headers, form }: Asked): Promise<Told> {
		if (!isClient(headers.authorization, form)) return { status: 401, json: { error: "invalid_client" } };
		const issued = takeCode(this.#codes, form);
		if (issued === null) {
			return { status: 400, json: { error: "invalid_grant" } };
		}
		const access = randomBytes(16).toString("hex");
		this.#tokens.set(access, issued.person);
		return { json: { token_type: "Bearer", access_token: access, id_token: await this.#idToken(issued) } };
	}

	#userinfo({ headers }: Asked): Told {
		const person = this.#tokens.get(headers.authorization?.replace(/^Bearer /, "") ?? "");
		return person ? { json: person } : { status: 401 };
	}

	async #idToken({ person, client, nonce }: Issued): Promise<string> {
		const { claims: twisted = {}, signature, token } = this.twist;
		if (token !== undefined) return token;
		const now = Math.floor(Date.now() / 1_000);
		const shown = Object.fromEntries(this.claimsInToken.map((name) => [name, person[name]]));
		const claims = {
			iss: this.url,
			aud: client,
			sub: person.sub,
			nonce,
			iat: now,
			exp: now + 300,
			...shown,
			...twisted,
		};
		const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString("base64url");
		if (signature === "none") return `${encode({ alg: "none", kid: this.#keys.id })}.${encode(claims)}.`;
		const { id, pair } = this.#keys;
		if (signature === "public-key-as-secret") {
			const secret = new TextEncoder().encode(await exportSPKI(pair.publicKey));
			return new SignJWT(claims).setProtectedHeader({ alg: "HS256", kid: id }).sign(secret);
		}
		const key = signature === undefined ? pair.privateKey : this.#foreign.privateKey;
		const kid = signature === "key-unknown" ? "key-of-nobody" : id;
		return new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid }).sign(key);
	}
}

/** ES256: keys of RSA take a second to make. */
function makePair(): Promise<KeyPair> {
	return generateKeyPair("ES256", { extractable: true });
}

/** By header, each part escaped as a form's, or in the form. */
function isClient(authorization: string | undefined, form: URLSearchParams): boolean {
	if (authorization === undefined) {
		return form.get("client_id") === localClient.id && form.get("client_secret") === localClient.secret;
	}
	const pair = Buffer.from(authorization.replace(/^Basic /, ""), "base64")
		.toString()
		.split(":");
	const [id, secret] = pair.map((part) => new URLSearchParams(`part=${part}`).get("part"));
	return id === localClient.id && secret === localClient.secret;
}
