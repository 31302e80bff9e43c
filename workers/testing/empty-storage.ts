// Runs before each test file in the runtime. The files share a few runtimes, because starting one takes longer than most files:
// the objects, the database and the archive that the file before left are emptied, with their sockets and alarms, and the tables
// are made anew. Only a message that is tried again after a failure may still come later. It names no repository of this file,
// since the fixtures' counters go on from file to file.
import type { D1Migration } from "cloudflare:test";
import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import type { Env } from "../env.ts";
import { aRepository } from "../repo/queue-fixture.ts";
import "./patient-waits.ts";

declare global {
	namespace Cloudflare {
		interface Env {
			TEST_MIGRATIONS: D1Migration[];
		}
	}
}

export async function emptyStorage(): Promise<void> {
	if (await isUsed()) await untilEventsCame();
	await reset();
	await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
}

async function isUsed(): Promise<boolean> {
	return (await env.DB.prepare("SELECT 1 FROM sqlite_master WHERE name = 'repository'").first()) !== null;
}

/** A second at most: the queue of events holds back what comes for so long, and a change that is sent now comes last. */
async function untilEventsCame(): Promise<void> {
	const { owner } = await aRepository();
	const listed = env.DB.prepare("SELECT 1 FROM repository WHERE owner = ?").bind(owner);
	await vi.waitFor(async () => expect(await listed.first()).not.toBeNull(), { timeout: 30_000 });
}

await emptyStorage();

/** Does not compile while env.ts leaves out a binding that wrangler.toml has. */
type Forgotten = Exclude<keyof Cloudflare.Env, keyof Env | "TEST_MIGRATIONS">;
true satisfies [Forgotten] extends [never] ? true : never;
