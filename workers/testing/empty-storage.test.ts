// What one test file leaves to the next one in the same runtime: nothing.
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Console } from "node:console";
import { expect, it, vi } from "vitest";
import { FeedObject } from "../feed/feed-object.ts";
import { emptyStorage } from "./empty-storage.ts";
import { aRepository, repoOf } from "../repo/queue-fixture.ts";

it("[T35] a test file begins with empty objects, without their alarms, an empty archive and an empty database", async () => {
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

it("[T35] a message of the file before is delivered before the next file begins", async () => {
	const heard = vi.spyOn(FeedObject.prototype, "heard").mockResolvedValue(null);
	const ask = { repository: false, run: "r1" };
	await env.EVENTS.send({ owner: "acme", repo: "left", at: 1, repository: null, run: null, ask });
	expect(heard).not.toHaveBeenCalled();
	await emptyStorage();
	expect(heard).toHaveBeenCalledTimes(1);
	heard.mockRestore();
});

it("[T36] what an object logs leaves the runtime by itself, whatever the test runner waits for", () => {
	expect(console).not.toBeInstanceOf(Console);
});
