// The read model is only a projection: emptied or falsified, it is rebuilt from the objects and the archive, row for row, beside
// traffic and however often it is cut short.
import { env as bindings } from "cloudflare:workers";
import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { AuditRecord } from "../../src/contracts/http/audit.ts";
import type { RebuildAnswer } from "../../src/contracts/http/repository.ts";
import type { QueueFigures } from "../../src/contracts/http/repository.ts";
import type { Run } from "../../src/contracts/http/run.ts";
import { isRunRight, selectRunRows, writeRunRows } from "../../src/store/rebuild.ts";
import { aRepo, aRunner, job, makeToken, refusal, send, submit } from "../api/api-fixture.ts";
import type { Place } from "../api/api-fixture.ts";
import { database } from "../bindings/read-model.ts";
import type { Env } from "../env.ts";
import { away, drain, submitTo } from "../intake/intake-fixture.ts";
import { moveClock } from "../testing/clock-fixture.ts";
import { archiveAll, dayMs, endedRun, play } from "./archive-fixture.ts";
import { aJob, repoOf } from "./queue-fixture.ts";

const env = bindings as unknown as Env;

beforeEach(() => {
	vi.spyOn(console, "error").mockImplementation(() => undefined);
});
afterEach(() => {
	vi.useRealTimers();
	vi.restoreAllMocks();
});

/** As many as more than one slice may read of the archive. */
const archivedRuns = 23;

/** A run that expired, others in the archive, one that was brought back; ended, retried, waiting, canceled and spilled ones. */
async function aDay(): Promise<Place> {
	const place = await aRepo();
	const repo = { ...place, pool: "default" };
	await aRunner(place);
	const { id } = await makeToken(place.owner, ["read"]);
	await makeToken(place.owner, ["write"]);
	await send("DELETE", `/v1/tokens/${id}?owner=${place.owner}`);
	await endedRun(repo, [aJob("passes")]);
	await archiveAll(repo);
	moveClock(120 * dayMs);
	for (let slice = 0; slice < 4; slice++) await runDurableObjectAlarm(repoOf(repo));
	for (let count = 0; count < archivedRuns; count++) await submit(place, [job("off")]);
	await send("POST", `${place.path}/cancel`, { body: { state: ["waiting"] } });
	const failed = await endedRun(repo, [aJob("fails"), aJob("passes")]);
	await archiveAll(repo);
	await send("POST", `${place.path}/runs/${failed.id}/retry`, { body: { only: "failed" } });
	await play(repo);
	const again = await endedRun(repo, [aJob("fails")]);
	await send("POST", `${place.path}/runs/${again.id}/retry`, { body: { only: "all" } });
	const canceled = await submit(place, [job("a")], { source: { cloneUrl: "https://git.example/a.git", ref: "main" } });
	await send("POST", `${place.path}/runs/${canceled.id}/cancel`, { body: {} });
	await submitTo(place, away());
	await drain(place);
	await submit(place, [job("waits"), job("later", { needs: ["waits"] })]);
	await untilProjected(place);
	return place;
}

async function untilProjected({ path }: Place): Promise<void> {
	await vi.waitFor(
		async () => {
			const { body } = await send<QueueFigures>("GET", `${path}/queue`);
			expect(body.projectionLagSeconds).toBe(0);
		},
		{ timeout: 30_000, interval: 200 },
	);
}

/** Every row of an owner, but when its repositories were told last. */
async function rowsOf({ owner }: Place): Promise<object> {
	const select = async (sql: string) => (await env.DB.prepare(sql).bind(owner).all()).results;
	return {
		runs: await select("SELECT * FROM run WHERE owner = ? ORDER BY id"),
		repositories: await select("SELECT owner, repo, doc FROM repository WHERE owner = ? ORDER BY repo"),
		pools: await select("SELECT * FROM pool WHERE owner = ? ORDER BY pool"),
		tokens: await select("SELECT * FROM token WHERE owner = ? ORDER BY id"),
	};
}

async function empty({ owner }: Place): Promise<void> {
	for (const table of ["run", "repository", "pool", "token"]) {
		await env.DB.prepare(`DELETE FROM ${table} WHERE owner = ?`).bind(owner).run();
	}
}

/** `slicesMax` slices at most, from `cursor` on: what they did, and where it would go on. */
async function rebuild(path: string, { cursor = null as string | null, slicesMax = 1_000 } = {}) {
	const total = { right: 0, written: 0, removed: 0, slices: 0 };
	let next = cursor;
	do {
		const { status, body } = await send<RebuildAnswer>("POST", path, { body: next === null ? {} : { cursor: next } });
		expect(status).toBe(200);
		total.right += body.right;
		total.written += body.written;
		total.removed += body.removed;
		next = body.nextCursor;
	} while (++total.slices < slicesMax && next !== null);
	return { ...total, next };
}

const ofOwner = ({ owner }: Place) => `/v1/owners/${owner}/projection/rebuild`;
const ofRepository = ({ path }: Place) => `${path}/projection/rebuild`;

it("[M7] an emptied read model is rebuilt row for row, and rebuilt again it writes nothing", async () => {
	const place = await aDay();
	const before = await rowsOf(place);
	expect(before).toMatchObject({ runs: expect.objectContaining({ length: archivedRuns + 5 }), tokens: [{}, {}] });
	await empty(place);
	const first = await rebuild(ofOwner(place));
	expect(await rowsOf(place)).toEqual(before);
	const again = await rebuild(ofOwner(place));
	expect([again.written, again.removed, again.right]).toEqual([0, 0, first.written + first.right]);
	const { body } = await send<{ items: AuditRecord[] }>(
		"GET",
		`/v1/audit?owner=${place.owner}&action=projection-rebuild`,
	);
	expect(body.items).toHaveLength(2);
});

it("[M7] rows that were falsified are set right, whatever version they claim, and later changes come to them again", async () => {
	const place = await aDay();
	const other = await aRepo();
	const before = await rowsOf(place);
	const runs = (before as { runs: { id: string }[] }).runs.map(({ id }) => id);
	const falsify = (sql: string, ...values: unknown[]) =>
		env.DB.prepare(sql)
			.bind(...values)
			.run();
	await falsify("UPDATE run SET version = 9000000000000000, state = 'finished' WHERE id = ?", runs[0]);
	await falsify("UPDATE run SET doc = '{' WHERE id = ?", runs[1]);
	await falsify("UPDATE run SET doc = json_set(doc, '$.title', 'not so') WHERE id = ?", runs[2]);
	await falsify("UPDATE run SET owner = ?, created_at = -5 WHERE id = ?", other.owner, runs[3]);
	await falsify(
		"UPDATE run SET version = version + 9000000000000 WHERE owner = ? AND state <> 'finished'",
		place.owner,
	);
	await falsify("DELETE FROM run WHERE id = ?", runs[4]);
	await falsify(
		"INSERT INTO run SELECT 'rinvented', owner, repo, state, outcome, ref, actor, -1, version, doc FROM run WHERE id = ?",
		runs[5],
	);
	await falsify("UPDATE repository SET version = 9000000000000000, doc = '{}' WHERE owner = ?", place.owner);
	await falsify("UPDATE token SET doc = '{}', expires_at = 1 WHERE owner = ?", place.owner);
	const done = await rebuild(ofOwner(place));
	expect(await rowsOf(place)).toEqual(before);
	expect(done.removed).toBe(1);
	await submit(place, [job("more")]);
	await send("POST", `${place.path}/cancel`, { body: { state: ["waiting"] } });
	const list = `${place.path}/runs?state=finished&limit=100`;
	await vi.waitFor(async () => {
		const { items } = (await send<{ items: Run[] }>("GET", list)).body;
		expect(items.filter(({ outcome }) => outcome === "canceled")).toHaveLength(archivedRuns + 5);
	}, 15_000);
});

it("[M8] a rebuild that was cut short after any slice, and was begun anew or goes on, comes to the same", async () => {
	const place = await aDay();
	const before = await rowsOf(place);
	const { slices } = await rebuild(ofOwner(place));
	expect(slices).toBeGreaterThan(5);
	for (let cut = 1; cut < slices; cut++) {
		await empty(place);
		const { next } = await rebuild(ofOwner(place), { slicesMax: cut });
		await rebuild(ofOwner(place), { cursor: cut % 2 === 0 ? next : null });
		expect(await rowsOf(place)).toEqual(before);
	}
	await empty(place);
	await rebuild(ofRepository(place));
	expect(await rowsOf(place)).toEqual({ ...before, pools: [], tokens: [] });
});

it("[M8] beside traffic a rebuild loses no run that is accepted meanwhile, and undoes no change", async () => {
	const place = await aRepo();
	const early = await Promise.all(Array.from({ length: 20 }, () => submit(place, [job("a")])));
	await untilProjected(place);
	await empty(place);
	const work = async () => {
		const late = await Promise.all(Array.from({ length: 20 }, () => submit(place, [job("b")])));
		for (const { id } of [...early, ...late].slice(10, 30)) {
			await send("POST", `${place.path}/runs/${id}/cancel`, { body: {} });
		}
		return late;
	};
	const [late] = await Promise.all([work(), rebuild(ofOwner(place)), rebuild(ofRepository(place))]);
	await untilProjected(place);
	const { items } = (await send<{ items: Run[] }>("GET", `${place.path}/runs?limit=100`)).body;
	expect(items).toHaveLength(40);
	for (const { id } of [...early, ...late]) {
		const { jobs: _, ...run } = (await send<Run>("GET", `${place.path}/runs/${id}`)).body;
		expect(items.find((item) => item.id === id)).toEqual(run);
	}
});

it("[M8] a row that changed after it was read is left as it is", async () => {
	const place = await aRepo();
	const { jobs: _, ...run } = await submit(place, [job("a")]);
	await untilProjected(place);
	const db = database(env);
	const [row] = await selectRunRows(db, [run.id]);
	if (!row) throw new Error("no row");
	expect(isRunRight(row, place, run, Date.now())).toBe(true);
	await send("POST", `${place.path}/runs/${run.id}/cancel`, { body: {} });
	await untilProjected(place);
	const [newer] = await selectRunRows(db, [run.id]);
	await writeRunRows(db, place, [{ run, seen: row.version }]);
	await writeRunRows(db, place, [{ run, seen: null }]);
	expect(await selectRunRows(db, [run.id])).toEqual([newer]);
});

it("[M8] what nobody configured is no repository: its rows go, and no other's", async () => {
	const place = await aRepo();
	await submit(place, [job("a")]);
	await untilProjected(place);
	const before = await rowsOf(place);
	const copy =
		"SELECT 'r' || id, owner, 'ghost', state, outcome, ref, actor, created_at, version, doc FROM run WHERE owner = ?";
	await env.DB.prepare(`INSERT INTO run ${copy}`).bind(place.owner).run();
	await env.DB.prepare("INSERT INTO repository (owner, repo, version, doc) VALUES (?, 'ghost', 1, '{}')")
		.bind(place.owner)
		.run();
	expect((await rebuild(ofOwner(place))).removed).toBe(2);
	expect(await rowsOf(place)).toEqual(before);
	expect(await refusal("POST", ofOwner(place), { body: { cursor: "bm8" } })).toBe("400 cursor");
	expect(await refusal("POST", ofRepository(place), { body: { cursor: "bm8" } })).toBe("400 cursor");
});

it("[M18] an owner's gap is closed by a rebuild that began after the loss and went through all, and by no other", async () => {
	const place = await aRepo();
	await submit(place, [job("a")]);
	await untilProjected(place);
	const isStale = async () => (await send<{ stale: boolean }>("GET", `/v1/repos?owner=${place.owner}`)).body.stale;
	const { next: early } = await rebuild(ofOwner(place), { slicesMax: 1 });
	moveClock(2_000);
	await env.DB.prepare("INSERT INTO list_gap (owner, since) VALUES ('', ?)").bind(Date.now()).run();
	expect(await isStale()).toBe(true);
	const cursorOf = (text: string) => btoa(text).replace(/=+$/, "");
	for (const text of [
		`repository ${place.repo} rows`,
		`${Date.now()} repository zzz rows`,
		`${Date.now() + 60_000} repository ${place.repo} rows`,
	]) {
		expect(await refusal("POST", ofOwner(place), { body: { cursor: cursorOf(text) } })).toBe("400 cursor");
	}
	await rebuild(ofOwner(place), { cursor: early });
	await rebuild(ofOwner(place), { slicesMax: 2 });
	await rebuild(ofRepository(place));
	expect(await isStale()).toBe(true);
	await rebuild(ofOwner(place));
	expect(await isStale()).toBe(false);
	expect((await send<{ stale: boolean }>("GET", `/v1/repos?owner=${place.owner}-other`)).body.stale).toBe(true);
	await env.DB.prepare("DELETE FROM list_gap").run();
});

it("[M19] a rebuild of a repository that does not exist is refused, unless lists have rows of it: these go", async () => {
	const place = await aRepo();
	const nowhere = { ...place, repo: "nothere", path: `/v1/repos/${place.owner}/nothere` };
	expect(await refusal("POST", ofRepository(nowhere), { body: {} })).toBe("404 unknown");
	await env.DB.prepare("INSERT INTO repository (owner, repo, version, doc) VALUES (?, 'nothere', 1, '{}')")
		.bind(place.owner)
		.run();
	expect((await rebuild(ofRepository(nowhere))).removed).toBe(1);
	expect(await refusal("POST", ofRepository(nowhere), { body: {} })).toBe("404 unknown");
});
