// What one test file leaves to the next one in the same runtime: nothing.
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { emptyStorage } from "./empty-storage.ts";
import { aRepository, repoOf } from "../repo/queue-fixture.ts";

it("[T11] a test file begins with empty objects, without their alarms, an empty archive and an empty database", async () => {
	const repo = await aRepository();
	const seen = () =>
		runInDurableObject(repoOf(repo), async (_, { storage }) => ({
			alarm: await storage.getAlarm(),
			hasTables: storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'repository'").toArray().length > 0,
		}));
	await runInDurableObject(repoOf(repo), (_, { storage }) => storage.setAlarm(Date.now() + 86_400_000));
	await env.ARCHIVE.put("left", "behind");
	const addToken = () =>
		env.DB.prepare("INSERT INTO token (id, owner, created_at, doc) VALUES ('tk1', 'acme', 1, '{}')").run();
	await addToken();
	expect(await seen()).toEqual({ alarm: expect.any(Number), hasTables: true });
	await expect(addToken()).rejects.toThrow("UNIQUE");

	await emptyStorage();
	expect(await seen()).toEqual({ alarm: null, hasTables: false });
	expect(await env.ARCHIVE.head("left")).toBeNull();
	await addToken();
});
