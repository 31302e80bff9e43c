// Every list of the OpenAPI document, and what is shown of one thing, while what it is read from is away: the header says since when
// it may not be true, and the body says the same.
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { QueueFigures, Repository } from "../../src/contracts/http/repository.ts";
import type { PoolFigures } from "../../src/contracts/http/runner.ts";
import { repoOutside } from "../repo/repo-outside.ts";
import {
	aRepo,
	aRunner,
	append,
	fetchRaw,
	finish,
	grantOf,
	job,
	lease,
	makeToken,
	send,
	submit,
} from "./api-fixture.ts";
import type { Answer, Place } from "./api-fixture.ts";
import { ask, noObjects, takeDatabaseAway } from "./away-fixture.ts";

beforeEach(() => {
	vi.spyOn(console, "error").mockImplementation(() => undefined);
});
afterEach(() => {
	vi.restoreAllMocks();
});

interface ListBody {
	items: unknown[];
	nextCursor: string | null;
	asOf: string;
	stale: boolean;
}

/** Lists of which the database is not the source: they are the truth as long as they answer at all. */
const fromTheTruth = [
	"listJobs",
	"listSecrets",
	"listOwnerSecrets",
	"listMembers",
	"listSessions",
	"listDeadLetters",
	"searchLog",
	"searchLogInRun",
];
/** Lists that come from the database. */
const fromTheDatabase = ["listRepositories", "listRuns", "listPools", "listTokens", "listAudit"];

/** The lists that the document has, by their ids, each with its path as it is called. */
async function documentedLists(fill: Record<string, string>): Promise<{ id: string; path: string }[]> {
	const { body } = await send<{ paths: Record<string, Record<string, never>> }>("GET", "/openapi.json");
	return Object.entries(body.paths).flatMap(([path, { get }]) => {
		const operation = get as undefined | { operationId: string; responses: Record<string, never> };
		const text = JSON.stringify(operation?.responses["200"] ?? {});
		if (operation === undefined || !text.includes('"nextCursor"')) return [];
		const called = path.replace(/\{(\w+)\}/g, (_, name: string) => fill[name] ?? name);
		const query = path === "/v1/repos" || path === "/v1/tokens" ? `?owner=${fill.owner}` : "";
		return [{ id: operation.operationId, path: path.endsWith("/search") ? `${called}?q=hello` : `${called}${query}` }];
	});
}

async function aFullPlace(): Promise<{ place: Place; fill: Record<string, string> }> {
	const place = await aRepo();
	await send("PUT", `${place.path}/secrets/KEY`, { body: { value: "x" } });
	await makeToken(place.owner, ["read"]);
	const run = await submit(place, [job("a")]);
	const grant = await grantOf(await aRunner(place));
	await lease("start", grant);
	await append(grant, 0, "hello\n");
	await finish(grant, "passed", { logLength: 6 });
	const { owner, repo } = place;
	return { place, fill: { owner, repo, run: run.id, job: grant.job.id, attempt: "1", pool: "default" } };
}

function age({ headers, body }: Answer<ListBody>): [string | null, boolean] {
	return [headers.get("spillway-stale"), body.stale];
}

it("[M1][M2] each list of the document says in header and body since when it may not be true, while the database is away", async () => {
	const { place, fill } = await aFullPlace();
	const lists = await documentedLists(fill);
	expect(lists.map(({ id }) => id).sort()).toEqual([...fromTheTruth, ...fromTheDatabase].sort());
	await vi.waitFor(async () => {
		const seen = await send<ListBody>("GET", `${place.path}/runs`);
		expect(seen.body.items).toHaveLength(1);
	}, 15_000);
	const good = new Map<string, Answer<ListBody>>();
	for (const { id, path } of lists) {
		const told = id.endsWith("InRun") ? path.replace(fill.job ?? "", "a") : path;
		const answer = await send<ListBody>("GET", told);
		expect([id, answer.status, ...age(answer)]).toEqual([id, 200, null, false]);
		good.set(id, answer);
	}
	takeDatabaseAway();
	for (const { id, path } of lists) {
		const told = id.endsWith("InRun") ? path.replace(fill.job ?? "", "a") : path;
		const answer = await send<ListBody>("GET", told);
		const asOf = fromTheDatabase.includes(id) ? (good.get(id)?.body.asOf ?? null) : null;
		expect([id, answer.status, ...age(answer)]).toEqual([id, 200, asOf, asOf !== null]);
		expect(answer.body.items.length).toBe(good.get(id)?.body.items.length);
		if (asOf !== null) expect(answer.body.asOf).toBe(asOf);
	}
});

it("[M1] a pool whose object is away is shown as it was last seen, alone and in the list, and says since when", async () => {
	const { place, fill } = await aFullPlace();
	const path = `/v1/pools/${place.owner}`;
	const before = await send<PoolFigures>("GET", `${path}/${fill.pool}`);
	expect(before.headers.get("spillway-stale")).toBeNull();
	const bindings = { POOL: noObjects(env.POOL) };
	const shown = await ask<PoolFigures>("GET", `${path}/${fill.pool}`, bindings);
	expect([shown.status, shown.body]).toEqual([200, before.body]);
	expect(Date.parse(shown.stale ?? "")).toBeLessThanOrEqual(Date.now());
	const list = await ask<ListBody>("GET", path, bindings);
	expect([list.status, list.body.items, list.body.stale]).toEqual([200, [before.body], true]);
	expect([list.stale, list.body.asOf]).toEqual([shown.stale, shown.stale]);
	expect((await ask("GET", `${path}/unseen`, bindings)).status).toBe(503);
});

it("[M1] a repository whose object is away is shown as it was told last, and says since when", async () => {
	const place = await aRepo({ maxRunning: 7 });
	const bindings = { REPO: noObjects(env.REPO) };
	const shown = await vi.waitFor(async () => {
		const seen = await ask<Repository>("GET", place.path, bindings);
		expect(seen.status).toBe(200);
		return seen;
	}, 15_000);
	expect([shown.body.maxRunning, Date.parse(shown.stale ?? "") <= Date.now()]).toEqual([7, true]);
	expect((await send("GET", place.path)).headers.get("spillway-stale")).toBeNull();
	expect((await ask("GET", "/v1/repos/acme/nobodys", bindings)).status).toBe(503);
});

it("[M1] a list that lacks a change says since when, by the repository's oldest one", async () => {
	const place = await aRepo();
	const since = Date.now() - 60_000;
	await vi.waitFor(async () => {
		repoOutside(env as never).setBehind(place, since);
		const list = await send<ListBody>("GET", `${place.path}/runs`);
		expect([list.body.stale, list.body.asOf]).toEqual([true, new Date(since).toISOString()]);
		expect(list.headers.get("spillway-stale")).toBe(list.body.asOf);
	}, 15_000);
	repoOutside(env as never).setBehind(place, null);
	await vi.waitFor(async () => expect(age(await send("GET", `${place.path}/runs`))).toEqual([null, false]), 15_000);
});

it("[M5] the lag of the lists is the age of the oldest change that the database has not confirmed, and 0 once it has", async () => {
	const place = await aRepo();
	const lag = async () => (await send<QueueFigures>("GET", `${place.path}/queue`)).body.projectionLagSeconds;
	await vi.waitFor(async () => expect(await lag()).toBe(0), 15_000);
	takeDatabaseAway();
	await submit(place, [job("a")]);
	const first = await lag();
	expect(first).toBeGreaterThanOrEqual(0);
	await submit(place, [job("b")]);
	await vi.waitFor(async () => expect(await lag()).toBeGreaterThan((first ?? 0) + 0.05), 15_000);
	const metric = /^spillway_projection_lag_seconds (\S+)$/m.exec(await (await fetchRaw("GET", "/metrics")).text());
	expect(Number(metric?.[1])).toBeGreaterThan((first ?? 0) + 0.05);
	vi.restoreAllMocks();
	vi.spyOn(console, "error").mockImplementation(() => undefined);
	await vi.waitFor(async () => expect(await lag()).toBe(0), 30_000);
});
