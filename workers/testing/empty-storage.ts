// Runs before each test file in the runtime. The files share a few runtimes, because starting one costs more than most files:
// what the file before left in objects, database and archive goes, its sockets and alarms too, and the tables are made anew.
// The fixtures' counters go on from file to file, so that a message of the file before names no repository of this one.
import type { D1Migration } from "cloudflare:test";
import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { Env } from "../env.ts";

declare global {
	namespace Cloudflare {
		interface Env {
			TEST_MIGRATIONS: D1Migration[];
		}
	}
}

export async function emptyStorage(): Promise<void> {
	await reset();
	await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
}

await emptyStorage();

/** Does not compile while env.ts leaves out a binding that wrangler.toml has. */
type Forgotten = Exclude<keyof Cloudflare.Env, keyof Env | "TEST_MIGRATIONS">;
true satisfies [Forgotten] extends [never] ? true : never;
