// The bindings of wrangler.toml. Objects are reached through `stubs.ts`, which knows what each answers to.
import type { Delivery, ChangeEvent } from "../src/contracts/objects/events.ts";
import type { IntakeBell } from "../src/contracts/objects/intake.ts";
import { poolShardsMax } from "../src/domain/limits.ts";
import { readShards } from "../src/domain/pool/pool.ts";

export interface Env {
	REPO: DurableObjectNamespace;
	POOL: DurableObjectNamespace;
	LOG: DurableObjectNamespace;
	FEED: DurableObjectNamespace;
	OWNER: DurableObjectNamespace;
	SWITCHES: DurableObjectNamespace;
	DB: D1Database;
	ARCHIVE: R2Bucket;
	DELIVERIES: Queue<Delivery>;
	EVENTS: Queue<ChangeEvent>;
	INTAKE: Queue<IntakeBell>;
	SPILLWAY_OPERATOR_TOKEN: string;
	SPILLWAY_SIGNING_KEYS: string;
	SPILLWAY_SEALING_KEYS: string;
	/** Addresses and networks of proxies that say who called, comma between; not for the edge. */
	SPILLWAY_TRUSTED_PROXIES?: string;
	/** Of one machine: the process that serves it. */
	MACHINE?: Fetcher;
	/** Milliseconds that a repository has to take a submission before it is spilled. */
	SPILL_AFTER_MS?: string | number;
	/** What one owner may have in work at once in one isolate, in submissions of one job. */
	CALLS_AT_ONCE?: string | number;
	/** Over how many shards new runners of a pool are spread. */
	POOL_SHARDS?: string | number;
}

export function poolShardsOf(env: Pick<Env, "POOL_SHARDS">): number {
	const shards = readShards(env.POOL_SHARDS);
	if (shards === null) throw new Error(`the variable POOL_SHARDS must be a whole number from 1 to ${poolShardsMax}`);
	return shards;
}
