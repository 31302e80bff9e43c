// The issuers of one installation, each with what this isolate knows of it.
import type { Millis } from "../../domain/ids.ts";
import { AccessIssuer } from "./access-issuer.ts";
import { GithubIssuer } from "./github-issuer.ts";
import { IssuerClient } from "./issuer-client.ts";
import type { Fetch } from "./issuer-client.ts";
import { readIssuerSettings } from "./issuer-settings.ts";
import type { IssuerSettings } from "./issuer-settings.ts";
import { OidcIssuer } from "./oidc-issuer.ts";
import type { RedirectingIssuer } from "./oidc-issuer.ts";

/** `redirect`: the browser goes there and comes back with a code. `header`: whoever stands in front sends a word along. */
export type Issuer = { name: string; title: string } & (
	| { way: "redirect"; issuer: RedirectingIssuer }
	| { way: "header"; issuer: AccessIssuer }
);

export interface IssuersOptions {
	/** As the operator wrote them: text of JSON, or what it says. */
	issuers: unknown;
	secrets: unknown;
	fetch: Fetch;
	now: () => Millis;
	answerMs?: number;
}

export class Issuers {
	/** In the operator's order. */
	readonly all: readonly Issuer[];
	/** For the operator: what is written wrongly, and left out. */
	readonly faults: readonly string[];
	readonly readAt: Millis;
	readonly #byName: ReadonlyMap<string, Issuer>;

	constructor({ issuers: written, secrets, fetch, now, ...waits }: IssuersOptions) {
		const { issuers, faults } = readIssuerSettings({ issuers: written, secrets });
		this.faults = faults;
		this.readAt = now();
		this.all = issuers.map((settings) => build(settings, new IssuerClient(settings.name, fetch, waits), now));
		this.#byName = new Map(this.all.map((issuer) => [issuer.name, issuer]));
	}

	find(name: string): Issuer | null {
		return this.#byName.get(name) ?? null;
	}
}

function build(settings: IssuerSettings, client: IssuerClient, now: () => Millis): Issuer {
	const { name, title = name } = settings;
	switch (settings.kind) {
		case "oidc":
			return { name, title, way: "redirect", issuer: new OidcIssuer(settings, client, now) };
		case "github":
			return { name, title, way: "redirect", issuer: new GithubIssuer(settings, client) };
		case "access":
			return { name, title, way: "header", issuer: new AccessIssuer(settings, client, now) };
	}
}
