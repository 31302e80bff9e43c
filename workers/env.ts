// The bindings of wrangler.toml. Objects are reached through `stubs.ts`, which knows what each answers to.
import type { Delivery, ChangeEvent } from "../src/contracts/events.ts";

export interface Env {
	REPO: DurableObjectNamespace;
	POOL: DurableObjectNamespace;
	LOG: DurableObjectNamespace;
	FEED: DurableObjectNamespace;
	SWITCHES: DurableObjectNamespace;
	DB: D1Database;
	ARCHIVE: R2Bucket;
	DELIVERIES: Queue<Delivery>;
	EVENTS: Queue<ChangeEvent>;
	SPILLWAY_OPERATOR_TOKEN: string;
	SPILLWAY_SIGNING_KEYS: string;
	SPILLWAY_SEALING_KEYS: string;
}
