// Which issuers people may sign in through, as an operator writes them: a list without secrets, and the clients' secrets beside it.
// One that is written wrongly is left out and named; the others work. No fault's text has anything of a value.
import { z } from "zod";

/** More than anybody's page could show. */
const issuersMax = 20;
const namePattern = /^[a-z0-9][a-z0-9-]{0,39}$/;
const loopback: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Whether a call to this address can be listened to on its way: anywhere but on this very machine, unless it has TLS. */
export function isSafeAddress(text: string): boolean {
	if (!URL.canParse(text)) return false;
	const { protocol, hostname, username, password } = new URL(text);
	if (username !== "" || password !== "") return false;
	return protocol === "https:" || (protocol === "http:" && loopback.has(hostname));
}

const address = z
	.string()
	.max(500)
	.refine((text) => isSafeAddress(text) && !/[?#]/.test(text), "must be an https address without ? and #");
const shared = {
	/** Part of who a person is: it stays, and is never given to another issuer. */
	name: z.string().regex(namePattern, "must be up to 40 of a-z, 0-9 and -, and begin with none of -"),
	/** What the page to choose from calls it. */
	title: z.string().min(1).max(60).optional(),
};
const clientId = z.string().min(1).max(300);
const oneIssuer = z.discriminatedUnion("kind", [
	z.strictObject({
		...{ ...shared, kind: z.literal("oidc"), url: address, clientId },
		/** Whether `preferred_username` names one account at a time: else somebody could take the name of an invited one. */
		uniqueLogins: z.boolean().default(false),
	}),
	z.strictObject({ ...shared, kind: z.literal("github"), url: address.default("https://github.com"), clientId }),
	z.strictObject({ ...shared, kind: z.literal("access"), url: address, audience: z.string().min(1).max(300) }),
]);
type OneIssuer = z.infer<typeof oneIssuer>;
const named = z.looseObject({ name: z.string() });
const secretValues = z.record(z.string(), z.string().min(1).max(2_000));

/** `clientSecret` null: a client that has none, and rests on PKCE alone. */
export type IssuerSettings =
	| (Exclude<OneIssuer, { kind: "access" }> & { clientSecret: string | null })
	| Extract<OneIssuer, { kind: "access" }>;
export type SettingsOf<Kind extends IssuerSettings["kind"]> = Extract<IssuerSettings, { kind: Kind }>;

export interface IssuersSettings {
	issuers: IssuerSettings[];
	/** For the operator: what is left out, and why. */
	faults: string[];
}

/** Each as text of JSON, or as what such a text says; absent or empty: none. */
export function readIssuerSettings(written: { issuers: unknown; secrets: unknown }): IssuersSettings {
	const faults: string[] = [];
	const list = readJson(written.issuers, "SPILLWAY_ISSUERS", faults) ?? [];
	const secrets = readSecrets(written.secrets, faults);
	if (!Array.isArray(list)) return { issuers: [], faults: [...faults, "SPILLWAY_ISSUERS must be a list"] };
	if (list.length > issuersMax)
		faults.push(`SPILLWAY_ISSUERS has more than ${issuersMax} issuers; the rest is left out`);
	const issuers = new Map<string, IssuerSettings>();
	const names = new Set<string>();
	for (const [index, one] of list.slice(0, issuersMax).entries()) {
		const { data: { name } = { name: "" } } = named.safeParse(one);
		const at = namePattern.test(name) ? `the issuer ${name}` : `SPILLWAY_ISSUERS[${index}]`;
		names.add(name);
		const parsed = oneIssuer.safeParse(one);
		if (!parsed.success) faults.push(...parsed.error.issues.map((issue) => `${at}: ${wordsOf(issue)}`));
		else if (issuers.has(name)) faults.push(`${at} is there twice; the second is left out`);
		else {
			const settings = withSecret(parsed.data, secrets);
			if (typeof settings === "string") faults.push(`${at}: ${settings}`);
			else issuers.set(name, settings);
		}
	}
	for (const name of secrets.keys()) {
		if (!names.has(name)) faults.push("SPILLWAY_ISSUER_SECRETS names an issuer that is not in SPILLWAY_ISSUERS");
	}
	return { issuers: [...issuers.values()], faults };
}

/** A text: what is wrong with it. */
function withSecret(issuer: OneIssuer, secrets: ReadonlyMap<string, string>): IssuerSettings | string {
	const clientSecret = secrets.get(issuer.name) ?? null;
	switch (issuer.kind) {
		case "access":
			return clientSecret === null ? issuer : "Access has no client secret: SPILLWAY_ISSUER_SECRETS must not name it";
		case "github":
			return clientSecret === null ? "GitHub wants its secret in SPILLWAY_ISSUER_SECRETS" : { ...issuer, clientSecret };
		case "oidc":
			return { ...issuer, clientSecret };
	}
}

function readSecrets(written: unknown, faults: string[]): Map<string, string> {
	const value = readJson(written, "SPILLWAY_ISSUER_SECRETS", faults) ?? {};
	const parsed = secretValues.safeParse(value);
	if (parsed.success) return new Map(Object.entries(parsed.data));
	faults.push("SPILLWAY_ISSUER_SECRETS must be an object of texts, each by its issuer's name");
	return new Map();
}

/** Null for what is absent, and for what is no JSON: whose parser would quote it. */
function readJson(written: unknown, variable: string, faults: string[]): unknown {
	if (typeof written !== "string") return written ?? null;
	if (written.trim() === "") return null;
	try {
		return JSON.parse(written);
	} catch {
		faults.push(`${variable} is no JSON`);
		return null;
	}
}

/** A path and what must be there; a message of Zod's own never has the value, and the names of fields are the operator's. */
function wordsOf({ path, message }: { path: PropertyKey[]; message: string }): string {
	const at = path.map(String).join(".");
	return at === "" ? message : `${at}: ${message}`;
}
