// Commands that steer queue, pool and secrets, against an API on loopback: what is sent, what is shown, and the exit code.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeApi } from "../testing/fake-api.ts";
import { run } from "../testing/fake-terminal.ts";
import { aWireAttempt, aWireJob, aWireRun } from "../testing/wire-builders.ts";

const web = "/v1/repos/acme/web";
const { id } = aWireRun();
const { id: job } = aWireJob("test");

let api: FakeApi;
beforeEach(async () => {
	api = new FakeApi();
	await api.open();
});
afterEach(() => api.close());

const sent = () => api.calls.map(({ method, path, json }) => [`${method} ${path}`, json]);

describe("run retry", () => {
	it("[X18] retries what failed unless told otherwise, and says which round it is", async () => {
		api.on(`POST ${web}/runs/${id}/retry`, {
			status: 202,
			json: aWireRun({ round: 2, state: "running", outcome: null }),
		});
		const { code, out } = await run(api, ["run", "retry", "acme/web", id, "--reason", "flaky disk"]);
		expect({ code, out }).toEqual({ code: 0, out: `run #7 ${id} round 2 running\n` });
		expect(sent()).toEqual([[`POST ${web}/runs/${id}/retry`, { only: "failed", reason: "flaky disk" }]]);
	});

	it("[X18] --only all under a key, followed to its end, exits as the run does", async () => {
		const shown = aWireRun({ round: 2, outcome: "failed", jobs: [aWireJob("test", { outcome: "failed" })] });
		api.on(`POST ${web}/runs/${id}/retry`, { status: 202, json: shown });
		api.on(`GET ${web}/runs/${id}`, { json: shown });
		api.logs.set(job, [
			{ type: "attempt", number: 1 },
			{ type: "end", length: 0, sha256: null, outcome: "failed", state: "sealed" },
		]);
		const words = ["run", "retry", "acme/web", id, "--only", "all", "--idempotency-key", "again", "--watch"];
		expect((await run(api, words)).code).toBe(1);
		expect(api.calls[0]).toMatchObject({ json: { only: "all" }, headers: { "idempotency-key": "again" } });
	});
});

describe("job", () => {
	it("[X20] show tells each attempt, who wanted it, and what follows", async () => {
		const attempts = [
			aWireAttempt({
				outcome: "lost",
				platformFault: "drained",
				exitCode: null,
				next: { at: "2026-05-01T12:00:05.000Z" },
			}),
			aWireAttempt({ number: 2, outcome: "failed", exitCode: 75, by: "platform", next: { withheld: "budget" } }),
			aWireAttempt({ number: 3, by: "user", actor: "dev", retryReason: "try\u001b[2J again" }),
		];
		api.on(`GET ${web}/jobs/${job}`, { json: aWireJob("test", { attempts }) });
		const { out } = await run(api, ["job", "show", "acme/web", job]);
		expect(out.split("\n")).toEqual([
			"attempt  outcome         exit  time   runner  log         wanted by           then",
			"1        lost (drained)        2.5 s  one     sealed 3 B  submit              again at 2026-05-01T12:00:05.000Z",
			"2        failed          75    2.5 s  one     sealed 3 B  platform            not retried: the repository's retries of this hour are used up",
			"3        passed          0     2.5 s  one     sealed 3 B  dev: try\ufffd[2J again",
			`job test ${job} passed`,
			"",
		]);
	});

	it("[X20] search goes through all pages, one line each, and exits with 1 when nothing is found", async () => {
		const path = `${web}/jobs/${job}/attempts/1/log/search?q=an+error`;
		const found = (line: number) => ({ offset: 0, line, text: `an error\u0007 ${line}`, before: [], after: [] });
		api.on(`GET ${web}/jobs/${job}`, { json: aWireJob("test") });
		api.on(`GET ${path}`, { json: { items: [found(3)], nextCursor: "c", asOf: "", stale: false } });
		api.on(`GET ${path}&cursor=c`, { json: { items: [found(90)], nextCursor: null, asOf: "", stale: false } });
		const words = ["job", "search", "acme/web", job, "an error"];
		expect(await run(api, words)).toEqual({ code: 0, out: "3: an error\ufffd 3\n90: an error\ufffd 90\n", err: "" });
		expect((await run(api, [...words, "--max", "1"])).out).toBe("3: an error\ufffd 3\n");
		api.on(`GET ${path}`, { json: { items: [], nextCursor: null, asOf: "", stale: false } });
		expect(await run(api, words)).toEqual({ code: 1, out: "", err: "" });
	});

	it("[X18] prioritise sends the number, a negative one too", async () => {
		api.on(`PATCH ${web}/jobs/${job}`, { json: aWireJob("test", { state: "waiting", priority: -5 }) });
		const { out } = await run(api, ["job", "prioritise", "acme/web", job, "--priority", "-5"]);
		expect(out).toBe(`job test ${job} waiting, priority -5\n`);
		expect(sent()).toEqual([[`PATCH ${web}/jobs/${job}`, { priority: -5 }]]);
	});
});

describe("pool", () => {
	const runner = {
		...{ id: "rn1", name: "one", labels: ["linux", "x64"], state: "idle", capacity: 2, leases: 1 },
		lastSeenAt: "2026-05-01T12:00:00.000Z",
	};
	const pool = {
		...{ owner: "acme", pool: "big", runners: [runner], waiting: 3, running: 1, idle: 1, busy: 0 },
		...{ oldestWaitingSeconds: 41.6, paused: true, pauseNote: "new disks", draining: false },
	};

	it.each([
		[["--pause", "new disks"], { paused: true, pauseNote: "new disks" }],
		[["--drain"], { draining: true }],
		[["--resume"], { paused: false, draining: false, pauseNote: null }],
	])("[X18] set %j sends just that, and shows the pool", async (words, json) => {
		api.on("PATCH /v1/pools/acme/big", { json: pool });
		const { code, out } = await run(api, ["pool", "set", "acme/big", ...words]);
		expect(sent()).toEqual([["PATCH /v1/pools/acme/big", json]]);
		expect({ code, lines: out.split("\n") }).toEqual({
			code: 0,
			lines: [
				"runner  id   state  jobs  labels     seen",
				"one     rn1  idle   1/2   linux,x64  2026-05-01T12:00:00.000Z",
				"pool acme/big is paused: new disks; 3 waiting, the oldest for 42 s, 1 running, 0 runners busy, 1 idle",
				"",
			],
		});
	});

	it.each([
		["nothing", []],
		["both ways", ["--pause", "--resume"]],
	])("[X18] set with %s is a usage error, and nothing is sent", async (_, words) => {
		expect((await run(api, ["pool", "set", "acme/big", ...words])).code).toBe(2);
		expect(sent()).toEqual([]);
	});

	it("[X17] list shows each pool on one line, whatever its note is made of", async () => {
		const items = [{ ...pool, pauseNote: "a\nb\u202ec\u001b[31m" }];
		api.on("GET /v1/pools/acme", { json: { items, nextCursor: null, asOf: "", stale: false } });
		const { out } = await run(api, ["pool", "list", "acme"]);
		expect(out.split("\n")[1]).toBe("acme/big  1        3        1        1     paused: a bc\ufffd[31m");
		const { out: json } = await run(api, ["pool", "list", "acme", "--json"]);
		expect(JSON.parse(json)).toEqual(items);
	});
});

describe("runner", () => {
	const figures = {
		...{ id: "rn1", name: "o\u001bne", labels: ["linux"], state: "draining", capacity: 2, leases: 1 },
		lastSeenAt: "2026-05-01T12:00:00.000Z",
	};
	const path = "/v1/pools/acme/big/runners/rn1";
	const shown = [
		"runner  id   state     jobs  labels  seen",
		"o\ufffdne    rn1  draining  1/2   linux   2026-05-01T12:00:00.000Z",
		"",
	];

	it("[X21] list shows a pool's runners", async () => {
		api.on("GET /v1/pools/acme/big", { json: { owner: "acme", pool: "big", runners: [figures] } });
		expect((await run(api, ["runner", "list", "acme/big"])).out.split("\n")).toEqual(shown);
	});

	it.each([
		[[], { draining: true }],
		[["--resume"], { draining: false }],
	])("[X21] drain %j sends just that, and shows the runner", async (words, json) => {
		api.on(`PATCH ${path}`, { json: figures });
		const { code, out } = await run(api, ["runner", "drain", "acme/big", "rn1", ...words]);
		expect(sent()).toEqual([[`PATCH ${path}`, json]]);
		expect([code, out.split("\n")]).toEqual([0, shown]);
	});

	it("[X21] remove takes a pool and an id, and nothing less", async () => {
		api.on(`DELETE ${path}`, { status: 204 });
		expect((await run(api, ["runner", "remove", "acme/big"])).code).toBe(2);
		expect(sent()).toEqual([]);
		const { code, out } = await run(api, ["runner", "remove", "acme/big", "rn1"]);
		expect([code, out]).toEqual([0, "runner rn1 is removed\n"]);
		expect(sent()).toEqual([[`DELETE ${path}`, null]]);
	});
});

describe("secret", () => {
	it("[X19] set takes the value from standard input, without the line break at its end, and shows it nowhere", async () => {
		api.on(`PUT ${web}/secrets/NPM_TOKEN`, { status: 204 });
		const shown = await run(api, ["secret", "set", "acme/web", "NPM_TOKEN"], { input: "s3cret\nline two\n" });
		expect(shown).toEqual({ code: 0, out: "secret NPM_TOKEN is kept\n", err: "" });
		expect(sent()).toEqual([[`PUT ${web}/secrets/NPM_TOKEN`, { value: "s3cret\nline two" }]]);
	});

	it("[N187] delete of one that is not there says so and exits with 4; after a lost answer it has done its work", async () => {
		const absent = { status: 204, headers: { "spillway-absent": "true" } };
		api.on(`DELETE ${web}/secrets/NO`, absent);
		const { code, out, err } = await run(api, ["secret", "delete", "acme/web", "NO"]);
		const line = "spillway: there is no secret NO (spillway secret list acme/web shows the names)\n";
		expect([code, out, err]).toEqual([4, "", line]);
		api.on(`DELETE ${web}/secrets/YES`, { status: 502, text: "<html>" }, absent);
		const again = await run(api, ["secret", "delete", "acme/web", "YES"]);
		expect([again.code, again.out]).toEqual([0, "secret YES is forgotten\n"]);
	});

	it("[X19] list shows the names of all pages", async () => {
		const page = { asOf: "", stale: false };
		api.on(`GET ${web}/secrets`, { json: { items: [{ name: "A" }], nextCursor: "c", ...page } });
		api.on(`GET ${web}/secrets?cursor=c`, { json: { items: [{ name: "B" }], nextCursor: null, ...page } });
		expect((await run(api, ["secret", "list", "acme/web"])).out).toBe("A\nB\n");
	});

	it("[B37] set says for which refs and whether for forks, and list shows it", async () => {
		api.on(`PUT ${web}/secrets/DEPLOY`, { status: 204 });
		const words = ["--ref", "main", "--ref", "refs/tags/v*,x", "--forks"];
		await run(api, ["secret", "set", "acme/web", "DEPLOY", ...words], { input: "s3cret" });
		const terms = { refs: ["main", "refs/tags/v*,x"], forks: true };
		expect(sent()).toEqual([[`PUT ${web}/secrets/DEPLOY`, { value: "s3cret", ...terms }]]);
		const items = [
			{ name: "A", refs: null, forks: false, setAt: null },
			{ name: "DEPLOY", ...terms, setAt: null },
		];
		api.on(`GET ${web}/secrets`, { json: { items, nextCursor: null, asOf: "", stale: false } });
		const { out } = await run(api, ["secret", "list", "acme/web"]);
		expect(out).toBe("A\nDEPLOY  refs main refs/tags/v*,x, forks too\n");
	});

	it("[B37] with an owner alone it is the owner's, and rotate adds up all slices", async () => {
		const owner = "/v1/owners/acme";
		api.on(`PUT ${owner}/secrets/SHARED`, { status: 204 });
		expect((await run(api, ["secret", "set", "acme", "SHARED"], { input: "v" })).out).toBe("secret SHARED is kept\n");
		api.on(`DELETE ${owner}/secrets/SHARED`, { status: 204, headers: { "spillway-absent": "true" } });
		expect((await run(api, ["secret", "delete", "acme", "SHARED"])).err).toContain("spillway secret list acme shows");
		const slice = { owner: "acme", dataKey: 2, resealed: 1, right: 0, unreadable: [], sealingKeys: { k2: 1, k1: 0 } };
		const lost = [{ repo: "web", name: "LOST" }];
		api.on(
			`POST ${owner}/rotate-secrets`,
			{ json: { ...slice, nextCursor: "c" } },
			{ json: { ...slice, right: 2, unreadable: lost, sealingKeys: { k2: 3, k1: 0, k0: 1 }, nextCursor: null } },
		);
		const { code, out, err } = await run(api, ["secret", "rotate", "acme"]);
		expect(out.split("\n")).toEqual([
			"acme: 2 secrets were sealed anew by data key 2, 2 were already",
			"acme/web: LOST does not open",
			"sealing key k2: 4 of acme",
			"sealing key k1: no secret of acme",
			"sealing key k0: 1 of acme",
			"",
		]);
		expect([code, err]).toEqual([1, expect.stringContaining("do not open")]);
		expect(sent().at(-1)).toEqual([`POST ${owner}/rotate-secrets`, { cursor: "c" }]);
	});

	it("[X19] set without a value sends nothing", async () => {
		const { code, err } = await run(api, ["secret", "set", "acme/web", "NPM_TOKEN"], { input: "\n" });
		expect({ code, err, sent: sent() }).toEqual({
			...{ code: 2, err: "spillway: standard input brought no value\n", sent: [] },
		});
	});
});

it("[X18] audit list sends its filter, and shows who did what and why", async () => {
	const act = {
		...{ id: "au1", at: "2026-05-01T12:00:00.000Z", action: "job-retry", owner: "acme", repo: "web", subject: "j1" },
		...{ actor: "dev", token: null, from: "203.0.113.7", reason: "flaky" },
		details: { paused: true, note: "n".repeat(70), maxRunning: 3 },
	};
	api.on("GET /v1/audit?owner=acme&action=job-retry", {
		json: { items: [act], nextCursor: "c", asOf: "", stale: false },
	});
	const { out } = await run(api, ["audit", "list", "acme", "--action", "job-retry"]);
	expect(out.split("\n").slice(1)).toEqual([
		`2026-05-01T12:00:00.000Z  dev    job-retry  acme/web  j1       paused=true note=${"n".repeat(60)}… maxRunning=3  203.0.113.7  flaky`,
		"more: --cursor c",
		"",
	]);
});
