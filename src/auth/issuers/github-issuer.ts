// GitHub's OAuth, which is no OpenID Connect: nothing is signed, so all that is believed is what GitHub's API says when it is asked
// with a token that GitHub gave for this very code.
import { z } from "zod";
import type { VerifiedPerson } from "../../contracts/objects/verified-person.ts";
import type { IssuerClient } from "./issuer-client.ts";
import type { SettingsOf } from "./issuer-settings.ts";
import { challengeOf } from "./oidc-issuer.ts";
import type { Callback, Journey, RedirectingIssuer } from "./oidc-issuer.ts";
import { readEmail, readLogin, readPersonName } from "./person-claims.ts";
import { errorWord, refuseSignIn } from "./sign-in-refusal.ts";
import type { SignedIn } from "./sign-in-refusal.ts";

const token = z.object({ access_token: z.string().min(1).max(1_000), token_type: z.string() });
const refused = z.object({ error: z.string() });
const user = z.object({ id: z.int().min(1), login: z.unknown(), name: z.unknown().optional() });
const emails = z.array(z.looseObject({ email: z.unknown(), primary: z.unknown(), verified: z.unknown() }));

export class GithubIssuer implements RedirectingIssuer {
	readonly #settings: SettingsOf<"github">;
	readonly #client: IssuerClient;
	readonly #web: string;
	readonly #api: string;

	constructor(settings: SettingsOf<"github">, client: IssuerClient) {
		this.#settings = settings;
		this.#client = client;
		this.#web = settings.url.replace(/\/+$/, "");
		// GitHub Enterprise has its API below its own host.
		this.#api = this.#web === "https://github.com" ? "https://api.github.com" : `${this.#web}/api/v3`;
	}

	async begin({ state, verifier, redirectUri }: Journey): Promise<string> {
		const query = new URLSearchParams({
			client_id: this.#settings.clientId,
			redirect_uri: redirectUri,
			scope: "read:user user:email",
			state,
			code_challenge: challengeOf(verifier),
			code_challenge_method: "S256",
		});
		return `${this.#web}/login/oauth/authorize?${query}`;
	}

	async finish({ code, verifier, redirectUri, iss }: Callback): Promise<SignedIn<VerifiedPerson>> {
		if (iss !== null && !(URL.canParse(iss) && new URL(iss).origin === new URL(this.#web).origin)) {
			return refuseSignIn({ code: "issuer-mixed" });
		}
		const { clientId, clientSecret } = this.#settings;
		const client = { client_id: clientId, client_secret: clientSecret ?? "" };
		const answer = await this.#client.ask(`${this.#web}/login/oauth/access_token`, {
			form: { ...client, code, redirect_uri: redirectUri, code_verifier: verifier },
		});
		const given = token.safeParse(answer.body);
		if (!given.success) {
			// With status 200, whatever is wrong.
			const error = errorWord(refused.safeParse(answer.body).data?.error);
			const isCode = error === "bad_verification_code" || error === "invalid_grant";
			return refuseSignIn(isCode ? { code: "code-refused" } : { code: "client-refused", error });
		}
		const headers = { authorization: `Bearer ${given.data.access_token}`, "x-github-api-version": "2022-11-28" };
		const [who, known] = await Promise.all([
			this.#client.ask(`${this.#api}/user`, { headers }),
			this.#client.ask(`${this.#api}/user/emails`, { headers }),
		]);
		const person = user.safeParse(who.body);
		if (who.status !== 200 || !person.success) return refuseSignIn({ code: "identity-invalid", why: "/user" });
		const { id, login, name } = person.data;
		return {
			ok: true,
			value: {
				issuer: this.#settings.name,
				subject: String(id),
				login: readLogin(login),
				// Without the right to ask for them there are none.
				email: known.status === 200 ? verifiedEmail(known.body) : null,
				name: readPersonName(name),
			},
		};
	}
}

/** The primary one, else any other: each is the person's. */
function verifiedEmail(body: unknown): string | null {
	const known = emails.safeParse(body).data ?? [];
	const inOrder = [...known.filter(({ primary }) => primary === true), ...known];
	for (const { email, verified } of inOrder) {
		const read = readEmail(email, verified);
		if (read !== null) return read;
	}
	return null;
}
