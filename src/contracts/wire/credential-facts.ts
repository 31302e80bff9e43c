// What is refused to whoever wants to be somebody: a job that asks for its identity, a token that would register a runner.
import type { AccessRefusal, IdentityRefusal, Refusal } from "../../domain/refusal.ts";
import { unreachable } from "../../domain/refusal.ts";
import type { ProblemFacts } from "./problem-facts.ts";

type RegistrationRefusal = Extract<AccessRefusal, { code: "pools-limited" | "token-used-up" }>;
export type CredentialRefusal = IdentityRefusal | RegistrationRefusal;

export function isRefusedCredential(refusal: Refusal): refusal is CredentialRefusal {
	return credentialRefusals.has(refusal.code);
}

const credentialRefusals: ReadonlySet<string> = new Set<CredentialRefusal["code"]>([
	"job-canceling",
	"identity-off",
	"limit-id-tokens",
	"pools-limited",
	"token-used-up",
]);

export function credentialFacts(refusal: CredentialRefusal): ProblemFacts {
	const { code } = refusal;
	return code === "pools-limited" || code === "token-used-up" ? registrationFacts(refusal) : identityFacts(refusal);
}

/** What a job is refused for that asks who it is. */
function identityFacts(refusal: IdentityRefusal): ProblemFacts {
	const { code } = refusal;
	switch (code) {
		case "job-canceling":
			return { status: 409, code, detail: "The job is being canceled, and is given no identity any more." };
		case "identity-off":
			return {
				status: 409,
				code,
				detail:
					"This server gives jobs no identity: its operator has set no SPILLWAY_IDENTITY_KEYS, or no SPILLWAY_URL.",
			};
		case "limit-id-tokens": {
			const { max, retryAfterSeconds } = refusal;
			const detail = `A job is given at most ${max} identity tokens a minute: one for each audience is enough.`;
			return { status: 429, code, detail, retryAfterSeconds };
		}
		default:
			return unreachable(refusal);
	}
}

/** What a token is refused for that would register a runner. */
function registrationFacts(refusal: RegistrationRefusal): ProblemFacts {
	const { code } = refusal;
	const detail =
		code === "pools-limited"
			? `The token registers runners in these pools alone: ${refusal.pools.join(", ")}.`
			: `The token has registered as many runners as it may, which is ${refusal.max}: another one is needed.`;
	return { status: 403, code, detail };
}
