// Objects that an older or a newer build left behind: the tables as they were, in the real storage.
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { aRepo, job, send, submit } from "./api/api-fixture.ts";
import { feedTables } from "../src/engine/feed/feed-tables.ts";
import { logTables } from "../src/engine/log/log-tables.ts";
import { ownerTables } from "../src/engine/owner/owner-tables.ts";
import { personTables } from "../src/engine/person/person-tables.ts";
import { poolTables } from "../src/engine/pool/pool-tables.ts";
import { repoTables } from "../src/engine/repo/repo-schema.ts";
import { bringForward } from "../src/engine/table-versions.ts";

const all = [repoTables, poolTables, feedTables, logTables, ownerTables, personTables];

/** By object, the beginning of each version's SHA-256. A new version adds one; one that is here never changes. */
const pinned: Record<string, string[]> = {
	repository: ["e9b5233babd9", "4b2f80246c56", "ec83b35c12f1", "7c0d58f2e899", "e7c50369c881"],
	pool: ["9c1d93cdf8d9", "55d6cb455c45", "e976ec8ab75a", "af9063e60574"],
	feed: ["d6b486c83a30", "c5bd4b708f6b"],
	owner: ["5163c09c7d7d"],
	log: ["855a238b7e32"],
};

function digest(version: string): string {
	return createHash("sha256").update(version).digest("hex").slice(0, 12);
}

it.each(all)("[T7] the released versions of a $of's tables are as they were", ({ of, versions }) => {
	const released = pinned[of] ?? [];
	expect(versions.slice(0, released.length).map(digest)).toEqual(released);
});

let made = 0;

function repoStub(name: string): DurableObjectStub {
	return env.REPO.get(env.REPO.idFromName(name));
}

describe("a repository", () => {
	const counts = repoTables.versions.map((_, at) => at + 1);

	it.each(counts)("[X27] whose tables are of version %i is brought forward and goes on", async (count) => {
		const name = { owner: "acme", repo: `older-${count}` };
		const stub = repoStub(`${name.owner}/${name.repo}`);
		await runInDurableObject(stub, (_, { storage: { sql } }) => {
			for (const version of repoTables.versions.slice(0, count)) sql.exec(version);
			sql.exec(
				`INSERT INTO repository (id, schema, owner, repo, settings, next_number, budget, archived_at, told)
				VALUES (1, ?, ?, ?, '{"maxRunning": 3}', 8, '[]', 0, 0)`,
				count,
				name.owner,
				name.repo,
			);
		});
		await evictDurableObject(stub);
		const path = `/v1/repos/${name.owner}/${name.repo}`;
		expect((await send("GET", path)).body).toMatchObject({ ...name, maxRunning: 3 });
		expect(await submit({ ...name, path }, [job("a")])).toMatchObject({ number: 8, state: "accepted" });
	});

	it("[X27] whose tables are of a newer build is unavailable", async () => {
		const place = await aRepo();
		await submit(place, [job("a")]);
		const stub = repoStub(place.path.replace("/v1/repos/", ""));
		const newer = repoTables.versions.length + 1;
		await runInDurableObject(
			stub,
			(_, { storage: { sql } }) => void sql.exec("UPDATE repository SET schema = ?", newer),
		);
		await evictDurableObject(stub);
		for (const [method, path, body] of [
			["GET", place.path, undefined],
			["PATCH", place.path, { maxRunning: 1 }],
		] as const) {
			const answer = await send(method, path, { body });
			expect([method, answer.status, answer.body]).toEqual([
				method,
				503,
				expect.objectContaining({ code: "unavailable" }),
			]);
		}
		// [Y1] A submission is not turned away meanwhile: a build that knows the tables will drain it.
		expect((await send("POST", `${place.path}/runs`, { body: { jobs: [job("b")] } })).status).toBe(202);
	});
});

it("[X27] a pool whose tables are of a newer build is unavailable", async () => {
	const owner = `newer-${++made}`;
	const stub = env.POOL.get(env.POOL.idFromName(`${owner}/default/0`));
	await send("POST", `/v1/pools/${owner}/default/runners`, { body: { name: "one" } });
	await runInDurableObject(stub, (_, { storage: { sql } }) => void sql.exec("UPDATE pool SET schema = 99"));
	await evictDurableObject(stub);
	expect((await send("GET", `/v1/pools/${owner}/default`)).status).toBe(503);
});

it("[X27] a version that fails in the middle leaves the tables as they were", async () => {
	const stub = repoStub(`acme/broken-${++made}`);
	await runInDurableObject(stub, (_, { storage }) => {
		const broken = { of: "test", versions: ["CREATE TABLE one (x)", "CREATE TABLE two (x); nonsense"] };
		expect(() => bringForward(storage, broken, { from: 0, saved: () => {} })).toThrow();
		const tables = storage.sql.exec("SELECT name FROM sqlite_master WHERE name IN ('one', 'two')").toArray();
		expect(tables).toEqual([]);
	});
});
