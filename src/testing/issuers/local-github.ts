// GitHub's OAuth for tests, as much of it as a sign-in meets. Faults come with status 200, as GitHub's do.
import { randomBytes } from "node:crypto";
import { takeCode } from "./issued-codes.ts";
import { LocalServer } from "./local-server.ts";
import type { Asked, Told } from "./local-server.ts";

export interface LocalGithubUser {
	id: number;
	login: string;
	name?: string | null;
	emails: { email: string; primary: boolean; verified: boolean }[];
}

interface Issued {
	user: LocalGithubUser;
	challenge: string;
	redirectUri: string;
}

export const githubClient = { id: "Iv1.spillway", secret: "github's secret" };

export class LocalGithub {
	readonly server: LocalServer;
	/** Who signs in next. */
	user: LocalGithubUser = { id: 583_231, login: "ada", name: "Ada", emails: [] };
	readonly #codes = new Map<string, Issued>();
	readonly #tokens = new Map<string, LocalGithubUser>();

	private constructor(server: LocalServer) {
		this.server = server;
	}

	static async open(): Promise<LocalGithub> {
		const server = await LocalServer.open((asked) => github.#answer(asked));
		const github: LocalGithub = new LocalGithub(server);
		return github;
	}

	/** As an operator writes it. */
	settings(name: string) {
		return { name, kind: "github" as const, url: this.server.url, clientId: githubClient.id };
	}

	close(): Promise<void> {
		return this.server.close();
	}

	#answer(asked: Asked): Told {
		const { path, headers } = asked;
		if (path === "/login/oauth/authorize") return this.#authorize(asked.query);
		if (path === "/login/oauth/access_token") return this.#redeem(asked.form);
		const user = this.#tokens.get(headers.authorization?.replace(/^Bearer /, "") ?? "");
		// GitHub answers nobody without a name.
		if (!user || headers["user-agent"] === undefined) return { status: user ? 403 : 401, json: { message: "no" } };
		const { emails, ...rest } = user;
		if (path === "/api/v3/user") return { json: rest };
		return path === "/api/v3/user/emails" ? { json: emails } : { status: 404 };
	}

	#authorize(query: URLSearchParams): Told {
		const challenge = query.get("code_challenge") ?? "";
		const redirectUri = query.get("redirect_uri") ?? "";
		if (query.get("client_id") !== githubClient.id || challenge.length !== 43) return { status: 404 };
		const code = randomBytes(10).toString("hex");
		this.#codes.set(code, { user: this.user, challenge, redirectUri });
		return { status: 302, location: `${redirectUri}?code=${code}&state=${query.get("state")}` };
	}

	#redeem(form: URLSearchParams): Told {
		if (form.get("client_id") !== githubClient.id || form.get("client_secret") !== githubClient.secret) {
			return { json: { error: "incorrect_client_credentials" } };
		}
		const issued = takeCode(this.#codes, form);
		if (issued === null) {
			return { json: { error: "bad_verification_code" } };
		}
		const token = `gho_${randomBytes(16).toString("hex")}`;
		this.#tokens.set(token, issued.user);
		return { json: { access_token: token, token_type: "bearer", scope: "read:user,user:email" } };
	}
}
