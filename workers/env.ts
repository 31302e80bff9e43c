// The bindings of wrangler.toml. Objects are reached through `stubs.ts`, which knows what each answers to.
import type { Delivery, ChangeEvent } from "../src/contracts/objects/events.ts";
import type { IntakeBell } from "../src/contracts/objects/intake.ts";
import { numberVariables, readNumberVariable } from "../src/domain/variables.ts";
import type { NumberVariable } from "../src/domain/variables.ts";

export interface Env {
	REPO: DurableObjectNamespace;
	POOL: DurableObjectNamespace;
	LOG: DurableObjectNamespace;
	FEED: DurableObjectNamespace;
	OWNER: DurableObjectNamespace;
	PERSON: DurableObjectNamespace;
	SWITCHES: DurableObjectNamespace;
	DB: D1Database;
	ARCHIVE: R2Bucket;
	DELIVERIES: Queue<Delivery>;
	EVENTS: Queue<ChangeEvent>;
	INTAKE: Queue<IntakeBell>;
	/** The page's files. */
	ASSETS: Fetcher;
	SPILLWAY_OPERATOR_TOKEN: string;
	SPILLWAY_SIGNING_KEYS: string;
	SPILLWAY_SEALING_KEYS: string;
	/** RSA keys in PEM, one after another: the first signs what jobs say of themselves, all are published. */
	SPILLWAY_IDENTITY_KEYS?: string;
	/** Where the world reaches this server. */
	SPILLWAY_URL?: string;
	/** Addresses and networks of proxies that say who called, comma between; not for the edge. */
	SPILLWAY_TRUSTED_PROXIES?: string;
	/** Origins of pages that may call beside this server's own, comma between. */
	SPILLWAY_ALLOWED_ORIGINS?: string;
	/** Whom people sign in through, and the secrets of this installation at them: `src/auth/issuers/issuer-settings.ts`. JSON, as text or parsed. */
	SPILLWAY_ISSUERS?: unknown;
	SPILLWAY_ISSUER_SECRETS?: unknown;
	/** The platform's counters of calls; none on one machine. */
	TOKEN_CALLS?: RateLimit;
	TOKEN_DEAR_CALLS?: RateLimit;
	ADDRESS_CALLS?: RateLimit;
	/** Of one machine: the process that serves it. */
	MACHINE?: Fetcher;
	/** What each is: `src/domain/variables.ts`. */
	SPILL_AFTER_MS?: string | number;
	CALLS_AT_ONCE?: string | number;
	POOL_SHARDS?: string | number;
}

/** Throws where the operator wrote no number: a fault of the deploy, which each call then shows, and the log names. */
export function numberOf(env: Pick<Env, NumberVariable>, name: NumberVariable): number {
	const number = readNumberVariable(name, env[name]);
	if (number === null)
		throw new Error(`the variable ${name} must be a whole number from 1 to ${numberVariables[name].max}`);
	return number;
}
