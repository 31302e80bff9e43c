// What a job may tell others of itself: a token that they verify with the keys this server publishes, and nobody need store a key
// for. The repository's object says what is true of the job; its times and its audience are added here.
import { randomUUID } from "node:crypto";
import type { Jwks, OpenidConfiguration } from "../../contracts/http/identity.ts";
import type { LeaseIdentity } from "../../contracts/objects/objects.ts";
import { jobTokenAlgorithm } from "../../contracts/wire/job-token.ts";
import type { JobIdentity } from "../../domain/identity/job-identity.ts";
import type { Millis } from "../../domain/ids.ts";
import { accept, refuse } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import type { IdentityKeys, Ports } from "../ports.ts";
import { renewLater } from "./lease-calls.ts";

type IdentityPorts = Pick<Ports, "publicUrl" | "identityKeys">;

export interface IdToken {
	token: string;
	expiresAt: Millis;
}

export async function giveIdToken(
	ports: IdentityPorts & Pick<Ports, "repo" | "pool" | "leases" | "now" | "later">,
	lease: LeaseIdentity,
	{ audience }: { audience: string },
): Promise<Result<IdToken>> {
	const issuer = await issuerOf(ports);
	if (issuer === null) return refuse({ code: "identity-off" });
	const identity = await ports.repo(lease).identify(lease);
	if (!identity.ok) return identity;
	renewLater(ports, lease, "ok");
	// In whole seconds, as the standard has them: down, so that it never outlives the job.
	const now = Math.floor(ports.now() / 1_000);
	const until = Math.floor(identity.value.until / 1_000);
	const times = { iat: now, nbf: now, exp: until, jti: randomUUID() };
	const claims = { iss: issuer.url, aud: audience, ...times, ...claimsOf(identity.value) };
	return accept({ token: await issuer.keys.sign(claims), expiresAt: until * 1_000 });
}

/** Numbers as text: AWS and Google Cloud compare text alone. What is not known is left out. */
function claimsOf(identity: JobIdentity) {
	const { owner, repo, ref, commit } = identity;
	return {
		sub: identity.subject,
		owner,
		repository: `${owner}/${repo}`,
		...(ref === null ? {} : { ref }),
		...(commit === null ? {} : { commit }),
		run_id: identity.run,
		run_number: String(identity.runNumber),
		job_id: identity.job,
		job_key: identity.jobKey,
		attempt: String(identity.attempt),
		actor: identity.actor,
		trigger: identity.trigger,
		pool: identity.pool,
	};
}

const claimNames = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "owner", "repository", "ref", "commit"];
const jobClaimNames = ["run_id", "run_number", "job_id", "job_key", "attempt", "actor", "trigger", "pool"];

export async function describeIssuer(ports: IdentityPorts): Promise<Result<OpenidConfiguration>> {
	const issuer = await issuerOf(ports);
	if (issuer === null) return refuse({ code: "identity-off" });
	return accept({
		issuer: issuer.url,
		jwks_uri: `${issuer.url}/.well-known/jwks.json`,
		response_types_supported: ["id_token"],
		subject_types_supported: ["public"],
		id_token_signing_alg_values_supported: [jobTokenAlgorithm],
		scopes_supported: ["openid"],
		claims_supported: [...claimNames, ...jobClaimNames],
	});
}

export async function publishKeys(ports: IdentityPorts): Promise<Result<Jwks>> {
	const issuer = await issuerOf(ports);
	return issuer === null ? refuse({ code: "identity-off" }) : accept(issuer.keys.jwks);
}

/** Null: nobody could verify what this server says, since it has no name or no key. */
async function issuerOf({
	publicUrl,
	identityKeys,
}: IdentityPorts): Promise<{ url: string; keys: IdentityKeys } | null> {
	const keys = publicUrl === null ? null : await identityKeys();
	return publicUrl === null || keys === null ? null : { url: publicUrl, keys };
}
