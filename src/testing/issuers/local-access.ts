// A team of Cloudflare Access for tests: its certificates' address, and what it would send along about somebody.
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { LocalServer } from "./local-server.ts";

type PrivateKey = Awaited<ReturnType<typeof generateKeyPair>>["privateKey"];

export class LocalAccess {
	readonly server: LocalServer;
	readonly #key: PrivateKey;

	private constructor(server: LocalServer, key: PrivateKey) {
		this.server = server;
		this.#key = key;
	}

	static async open(): Promise<LocalAccess> {
		const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
		const keys = [{ ...(await exportJWK(publicKey)), kid: "cert-1", alg: "RS256", use: "sig" }];
		const server = await LocalServer.open(({ path }) =>
			path === "/cdn-cgi/access/certs" ? { json: { keys } } : { status: 404 },
		);
		return new LocalAccess(server, privateKey);
	}

	settings(name: string, audience: string) {
		return { name, kind: "access" as const, url: this.server.url, audience };
	}

	/** `undefined` takes a claim away. */
	assertion(claims: Record<string, unknown>): Promise<string> {
		const now = Math.floor(Date.now() / 1_000);
		const whole = { iss: this.server.url, iat: now, exp: now + 300, type: "app", ...claims };
		return new SignJWT(whole).setProtectedHeader({ alg: "RS256", kid: "cert-1" }).sign(this.#key);
	}

	close(): Promise<void> {
		return this.server.close();
	}
}
