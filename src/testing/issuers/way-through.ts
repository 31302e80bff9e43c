// The way of one sign-in through an issuer without a browser: away, and what comes back.
import { randomBytes } from "node:crypto";
import type { Issuer } from "../../auth/issuers/issuers.ts";
import { Issuers } from "../../auth/issuers/issuers.ts";
import type { Callback, Journey, RedirectingIssuer } from "../../auth/issuers/oidc-issuer.ts";
import type { SignedIn } from "../../auth/issuers/sign-in-refusal.ts";
import type { VerifiedPerson } from "../../contracts/objects/verified-person.ts";

const chance = () => randomBytes(32).toString("base64url");

export function makeJourney(): Journey {
	const redirectUri = "http://spillway.test/auth/callback";
	return { state: chance(), nonce: chance(), verifier: chance(), redirectUri };
}

export interface Given {
	issuers: object[];
	secrets?: Record<string, string>;
	now?: () => number;
	answerMs?: number;
}

/** Real calls: the issuers listen on this machine. */
export function makeIssuers({ issuers, secrets = {}, now = Date.now, ...rest }: Given): Issuers {
	const made = new Issuers({ issuers, secrets, now, ...rest, fetch: (address, init) => fetch(address, init) });
	if (made.faults.length > 0) throw new Error(made.faults.join("; "));
	return made;
}

export function redirecting(issuer: Issuer | null): RedirectingIssuer {
	if (issuer?.way !== "redirect") throw new Error("there is no such issuer");
	return issuer.issuer;
}

/** What the browser brings back, once the issuer let somebody in. */
export async function comeBack(issuer: RedirectingIssuer, journey: Journey): Promise<Callback> {
	const answer = await fetch(await issuer.begin(journey), { redirect: "manual" });
	const { searchParams } = new URL(answer.headers.get("location") ?? "");
	if (searchParams.get("state") !== journey.state) throw new Error("the issuer lost the state");
	return { ...journey, code: searchParams.get("code") ?? "", iss: searchParams.get("iss") };
}

export async function signInThrough(issuer: RedirectingIssuer): Promise<SignedIn<VerifiedPerson>> {
	return issuer.finish(await comeBack(issuer, makeJourney()));
}

/** A person, or in one word why there is none. */
export function outcomeOf(signedIn: SignedIn<VerifiedPerson>): VerifiedPerson | string {
	if (signedIn.ok) return signedIn.value;
	const { refusal } = signedIn;
	const why = "why" in refusal ? refusal.why : "error" in refusal ? refusal.error : "";
	return `${refusal.code} ${why}`.trim();
}
