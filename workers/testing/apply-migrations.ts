// Runs before each test file in the runtime: gives the file's own, empty D1 its tables.
import type { D1Migration } from "cloudflare:test";
import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { Env } from "../env.ts";

declare global {
	namespace Cloudflare {
		interface Env {
			TEST_MIGRATIONS: D1Migration[];
		}
	}
}

await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);

/** Does not compile while env.ts leaves out a binding that wrangler.toml has. */
type Forgotten = Exclude<keyof Cloudflare.Env, keyof Env | "TEST_MIGRATIONS">;
true satisfies [Forgotten] extends [never] ? true : never;
