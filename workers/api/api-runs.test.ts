// Submitting: what is accepted and how it is shown, what is refused and which field is to blame, and doubles of one key.
import { describe, expect, it } from "vitest";
import type { Job, Run } from "../../src/contracts/http/run.ts";
import { requestJobsMax, runJobsMax } from "../../src/domain/limits.ts";
import {
	aRepo,
	aRunner,
	aToken,
	fetchRaw,
	grantOf,
	job,
	refusal,
	runOf,
	running,
	origin,
	send,
	states,
	submit,
	timePattern,
} from "./api-fixture.ts";

const time = expect.stringMatching(timePattern);
const cloneUrl = "https://git.example/acme/web.git";
const commit = "0123456789abcdef0123456789abcdef01234567";

/** Where `Location` leads whoever called `path`. */
function placeOf(headers: Headers, path: string): string {
	return new URL(headers.get("location") ?? "", `${origin}${path}`).pathname;
}

it("[A62] behind a proxy that serves the API under a path of its own, `Location` leads there too", async () => {
	const { path } = await aRepo();
	const { body, headers } = await send<Run>("POST", `${path}/runs`, { body: { jobs: [job("a")] } });
	expect(placeOf(headers, `/ci${path}/runs`)).toBe(`/ci${path}/runs/${body.id}`);
	const more = await send<Run>("POST", `${path}/runs/${body.id}/jobs`, { body: { jobs: [job("b")] } });
	expect(placeOf(more.headers, `/ci${path}/runs/${body.id}/jobs`)).toBe(`/ci${path}/runs/${body.id}/jobs`);
});

describe("what is accepted", () => {
	it("[A15] the least that a run may be, with everything else decided", async () => {
		const { owner, path } = await aRepo();
		const token = await aToken(owner, ["write"], { name: "CI" });
		const response = await fetchRaw("POST", `${path}/runs`, { token, body: { jobs: [{ key: "a", run: "true" }] } });
		expect(response.status).toBe(201);
		const run = (await response.json()) as Run;
		expect(placeOf(response.headers, `${path}/runs`)).toBe(`${path}/runs/${run.id}`);
		expect(response.headers.get("idempotency-replayed")).toBeNull();
		expect(run).toEqual({
			id: expect.stringMatching(/^r[a-z2-7]{24}$/),
			number: 1,
			round: 1,
			state: "accepted",
			outcome: null,
			spilled: false,
			title: null,
			source: null,
			trigger: "api",
			actor: "CI",
			counts: { blocked: 0, waiting: 1, leased: 0, running: 0, canceling: 0, finished: 0 },
			jobs: [expect.anything()],
			version: expect.any(Number),
			createdAt: time,
			startedAt: null,
			finishedAt: null,
			reason: null,
			retried: null,
			supersededBy: null,
			fork: false,
		});
		expect(run.jobs?.[0]).toMatchObject({
			id: `j${run.id.slice(1)}-0`,
			key: "a",
			name: "a",
			run: run.id,
			state: "waiting",
			outcome: null,
			priority: 0,
			pool: "default",
			labels: [],
			needs: [],
			when: "success",
			allowFailure: false,
			concurrencyGroup: null,
			notBefore: null,
			attempts: [],
			waiting: { detail: expect.any(String), position: null, since: time, expectedStartAt: null },
			createdAt: time,
			finishedAt: null,
		});
		expect((await send("GET", `${path}/runs/${run.id}`)).body).toMatchObject({ ...run, jobs: [{ key: "a" }] });
	});

	it("[A15] every word of the contract, and the job as it is shown and granted", async () => {
		const place = await aRepo({ cloneUrl });
		await send("PUT", `${place.path}/secrets/NPM_TOKEN`, { body: { value: "s" } });
		const wish = {
			key: "test",
			name: "Unit tests: größe 🚀",
			needs: [],
			when: "always",
			steps: [{ name: "install", run: "npm ci" }, { run: "npm test" }],
			env: { CI: "true", größe: undefined },
			secrets: ["NPM_TOKEN"],
			pool: "default",
			labels: ["x64", "linux"],
			priority: 5,
			timeoutSeconds: 1_800,
			queueTimeoutSeconds: 7_200,
			allowFailure: true,
			concurrencyGroup: "deploy",
			exclusive: true,
			onLost: "retry",
			retry: {
				maxAttempts: 3,
				on: [{ outcome: "failed", exitCodes: [75] }, { outcome: "timed-out" }],
				backoff: { initialSeconds: 5, factor: 2, maxSeconds: 300, jitter: "full" },
			},
		};
		const source = { ref: "refs/heads/main", commit };
		const head = { title: "Fix the build", trigger: "pull_request", actor: "dev@example.com", cancelSuperseded: true };
		const run = await submit(place, [wish, job("plain")], { ...head, source });
		const { cancelSuperseded: _, ...shown } = head;
		expect(run).toMatchObject({ ...shown, source: { ...source, cloneUrl } });
		const [first] = run.jobs ?? [];
		expect(first).toMatchObject({
			key: "test",
			name: wish.name,
			labels: ["linux", "x64"],
			priority: 5,
			when: "always",
		});
		const one = (await send<Job>("GET", `${place.path}/jobs/${first?.id}`)).body;
		expect(one).toMatchObject({ ...first, waiting: { code: expect.any(String), position: 1 } });
		const grant = await running(place);
		expect(grant.run).toEqual({ id: run.id, number: 1, source: { ...source, cloneUrl }, title: "Fix the build" });
		expect(grant.job).toMatchObject({
			key: "plain",
			steps: [{ name: "step 1", run: "true" }],
			secrets: {},
			attempt: 1,
		});
	});

	it("[A15] an instant before which a job does not begin is shown, said as what it waits for, and kept", async () => {
		const place = await aRepo();
		const at = Math.ceil(Date.now() / 1_000) * 1_000 + 3_600_000;
		const shown = new Date(at).toISOString();
		const notBefore = shown.replace(".000Z", "Z");
		const run = await submit(place, [job("later", { notBefore, priority: 5 }), job("now")]);
		expect(run.jobs?.map((one) => one.notBefore)).toEqual([shown, null]);
		const one = (await send<Job>("GET", `${place.path}/jobs/${run.jobs?.[0]?.id}`)).body;
		expect(one).toMatchObject({ notBefore: shown, waiting: { code: "backing-off", expectedStartAt: shown } });
		const runner = await aRunner(place, { capacity: 2 });
		const first = await grantOf(runner);
		expect(first.job.key).toBe("now");
		const body = { waitSeconds: 0, leases: [first.lease.id] };
		expect((await send("POST", "/v1/runner/acquire", { token: runner.token, body })).status).toBe(204);
	});

	it("[A16] 1,000 jobs are taken at once, a run grows to 10,000, and a page is a page of them", async () => {
		const place = await aRepo();
		const many = (count: number, first = 0) => Array.from({ length: count }, (_, at) => job(`k${first + at}`));
		expect(await refusal("POST", `${place.path}/runs`, { body: { jobs: many(requestJobsMax + 1) } })).toBe("400 jobs");
		const run = await submit(place, many(requestJobsMax));
		const at = `${place.path}/runs/${run.id}/jobs`;
		for (let jobs = requestJobsMax; jobs < runJobsMax; jobs += requestJobsMax) {
			const { status, body } = await send<Run>("POST", at, { body: { jobs: many(requestJobsMax, jobs) } });
			expect([status, body.counts.waiting, body.jobs?.length]).toEqual([201, jobs + requestJobsMax, 1_000]);
		}
		expect(await refusal("POST", at, { body: { jobs: [job("over")] } })).toBe("409 run-jobs-max");
		const seen: string[] = [];
		let cursor: string | null = "";
		while (cursor !== null) {
			const query: string = cursor === "" ? "limit=100" : `limit=100&cursor=${cursor}`;
			const page = await send<{ items: Job[]; nextCursor: string | null; stale: boolean }>("GET", `${at}?${query}`);
			seen.push(...page.body.items.map(({ key }) => key));
			expect(page.body).toMatchObject({ asOf: time, stale: false });
			cursor = page.body.nextCursor;
		}
		expect(seen).toEqual(many(runJobsMax).map(({ key }) => key));
		expect((await send<{ items: Job[] }>("GET", at)).body.items).toHaveLength(30);
	});
});

describe("what is refused", () => {
	it("[A17] a graph that cannot run is refused whole, with the place of each culprit", async () => {
		const { path } = await aRepo();
		const runs = (jobs: object[]) => refusal("POST", `${path}/runs`, { body: { jobs } });
		expect(await runs([job("a"), job("b"), job("a")])).toBe("400 jobs[2].key");
		expect(await runs([job("a", { needs: ["b", "c"] }), job("b")])).toBe("400 jobs[0].needs[1]");
		expect(await runs([job("a", { needs: ["b", "b", "c"] }), job("b")])).toBe("400 jobs[0].needs[2]");
		expect(await runs([job("a", { needs: ["a"] })])).toBe("400 jobs[0].needs[0]");
		const cycle = [job("a"), job("b", { needs: ["a", "d"] }), job("c", { needs: ["b"] }), job("d", { needs: ["c"] })];
		expect(await runs(cycle)).toMatch(/^400 jobs\[[123]\]\.needs\[[01]\]$/);
		const told = await send<{ errors: { message: string }[] }>("POST", `${path}/runs`, { body: { jobs: cycle } });
		expect(told.body.errors[0]?.message).toMatch(/b.*→.*b|c.*→.*c|d.*→.*d/);
		const needs = Array.from({ length: 1_000 }, (_, at) => `nobody${at}`);
		expect((await runs([job("a", { needs })])).split(", ")).toHaveLength(20);
		const run = await submit({ path, owner: "", repo: "" }, [job("a")]);
		const add = (jobs: object[]) => refusal("POST", `${path}/runs/${run.id}/jobs`, { body: { jobs } });
		expect(await add([job("b"), job("a")])).toBe("400 jobs[1].key");
		expect(await add([job("b", { needs: ["a", "z"] })])).toBe("400 jobs[0].needs[1]");
		expect(run.number).toBe(1);
	});

	it("[A17] a wrong value is refused with its path", async () => {
		const { path } = await aRepo();
		const runs = (body: object) => refusal("POST", `${path}/runs`, { body });
		const one = (rest: object) => runs({ jobs: [{ ...job("a"), ...rest }] });
		expect(await runs({})).toBe("400 jobs");
		expect(await runs({ jobs: [] })).toBe("400 jobs");
		expect(await runs({ jobs: {} })).toBe("400 jobs");
		expect(await runs({ jobs: [null, "a"] })).toBe("400 jobs[0], jobs[1]");
		expect(await one({ steps: [{ run: "x" }] })).toBe("400 jobs[0].steps");
		expect(await one({ run: undefined })).toBe("400 jobs[0].steps");
		expect(await one({ run: undefined, steps: [] })).toBe("400 jobs[0].steps");
		expect(await one({ run: "a\u0000b" })).toBe("400 jobs[0].run");
		expect(await one({ env: { "A-B": "x" } })).toMatch(/^400 jobs\[0\]\.env/);
		expect(await one({ env: { A: 1 } })).toBe("400 jobs[0].env.A");
		expect(await one({ env: { A: "\u0000" } })).toBe("400 jobs[0].env.A");
		expect(await one({ key: "-a", when: "never", pool: "A", labels: [""] })).toBe(
			"400 jobs[0].key, jobs[0].when, jobs[0].pool, jobs[0].labels[0]",
		);
		expect(await one({ key: "x".repeat(101) })).toBe("400 jobs[0].key");
		expect(await one({ priority: 1.5, timeoutSeconds: 0 })).toBe("400 jobs[0].priority, jobs[0].timeoutSeconds");
		expect(await one({ retry: { maxAttempts: 0 } })).toBe("400 jobs[0].retry.maxAttempts");
		expect(await one({ retry: { on: [{ outcome: "passed" }] } })).toBe("400 jobs[0].retry.on[0].outcome");
		expect(await one({ retry: { on: [{ exitCodes: [256] }] } })).toBe("400 jobs[0].retry.on[0].exitCodes[0]");
		expect(await runs({ jobs: [job("a")], trigger: "cron" })).toBe("400 trigger");
		const from = (source: object) => runs({ jobs: [job("a")], source });
		expect(await from({ cloneUrl, commit: "abc" })).toBe("400 source.commit");
		for (const ref of ["", "-x", "a b", "a\u0000"]) expect(await from({ cloneUrl, ref })).toBe("400 source.ref");
		expect(await from({ ref: "main" })).toBe("400 source.cloneUrl");
		expect((await send<{ waiting: number }>("GET", `${path}/queue`)).body.waiting).toBe(0);
	});

	it("[A57] a ref is what git takes for one, and no option", async () => {
		const { path } = await aRepo();
		const from = (ref: string) =>
			refusal("POST", `${path}/runs`, { body: { jobs: [job("a")], source: { cloneUrl, ref } } });
		for (const ref of ["main", "refs/pull/12/merge", "@scope/pkg@1.0.0", "#12-fix", "фича/один", "+x"]) {
			expect([ref, await from(ref)]).toEqual([ref, "201"]);
		}
		for (const ref of ["-dash", "a..b", "a b", "a:b", "a/", "/a", "a.lock", "@", "@{1}", "x".repeat(501)]) {
			expect([ref, await from(ref)]).toEqual([ref, "400 source.ref"]);
		}
	});

	it("[A18] a clone URL names a place and nothing else: no option, no command, no credentials", async () => {
		const { path } = await aRepo();
		const good = [
			"https://git.example/acme/web.git",
			"http://127.0.0.1:8080/web",
			"ssh://git@git.example:22/acme/web.git",
			"git://git.example/web",
			"git@git.example:acme/web.git",
			"file:///srv/git/web",
		];
		for (const url of good) {
			expect(await refusal("POST", `${path}/runs`, { body: { jobs: [job("a")], source: { cloneUrl: url } } })).toBe(
				"201",
			);
		}
		const bad = [
			"ext::sh -c touch% /tmp/x",
			"fd::17",
			"--upload-pack=touch",
			"-x@git.example:web",
			"git@-oProxyCommand=x:web",
			"ssh://-oProxyCommand=touch/x",
			"ssh://-x@git.example/web",
			"https://-x/web",
			"javascript:alert(1)",
			"ftp://git.example/web",
			"/srv/git/web",
			"file://host.example/web",
			"https:/git.example/web",
			"https://git.example/a b",
			"https://git.example/\nweb",
			"https://git.example/\u0000",
			"https://git.example:x/web",
			"https://dev:hunter2@git.example/web",
			"https://ghp_token@git.example/web",
			"https://dev%3Ahunter2@git.example/web",
			"https://dev:hunter2%40@git.example/web",
			"ssh://git:hunter2@git.example/web",
			"",
		];
		for (const url of bad) {
			const source = { jobs: [job("a")], source: { cloneUrl: url } };
			expect([url, await refusal("POST", `${path}/runs`, { body: source })]).toEqual([url, "400 source.cloneUrl"]);
			expect(await refusal("PATCH", path, { body: { cloneUrl: url } })).toBe("400 cloneUrl");
		}
	});
});

describe("doubles", () => {
	const keyed = (key: string) => ({ "idempotency-key": key });

	it("[A19] the same key and body answer 200 with the same run as it is now; another body is refused", async () => {
		const place = await aRepo();
		const at = `${place.path}/runs`;
		const call = { body: { jobs: [job("a")] }, headers: keyed("push 7 of main") };
		const first = await send<Run>("POST", at, call);
		expect(first.status).toBe(201);
		await running(place);
		const again = await send<Run>("POST", at, {
			...call,
			body: { title: undefined, jobs: [{ run: "true", key: "a" }] },
		});
		expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([200, "true"]);
		expect(placeOf(again.headers, at)).toBe(`${at}/${first.body.id}`);
		expect(again.body).toMatchObject({ id: first.body.id, number: 1, state: "running", jobs: [{ state: "running" }] });
		const other = { ...call, body: { jobs: [job("b")] } };
		expect(await refusal("POST", at, other)).toBe("422 idempotency-key-reused");
		expect((await submit(place, [job("a")])).number).toBe(2);
		expect((await submit(await aRepo(), [job("b")], {}, { headers: keyed("push 7 of main") })).number).toBe(1);
	});

	it("[A19] many at once with one key make one run, and one answer says that it made it", async () => {
		const { path } = await aRepo();
		const call = { body: { jobs: [job("a"), job("b")] }, headers: keyed("k") };
		const answers = await Promise.all(Array.from({ length: 20 }, () => send<Run>("POST", `${path}/runs`, call)));
		expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
		expect(answers.filter(({ headers }) => headers.get("idempotency-replayed") === "true")).toHaveLength(19);
		expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
		expect((await send<{ waiting: number }>("GET", `${path}/queue`)).body.waiting).toBe(2);
	});

	it("[A19] a key has at most 255 printable characters; one that was refused is free again", async () => {
		const { path } = await aRepo();
		const withKey = (key: string, jobs = [job("a")]) =>
			refusal("POST", `${path}/runs`, { body: { jobs }, headers: keyed(key) });
		for (const key of ["x".repeat(256), "", "a\tb", "größe"]) expect(await withKey(key)).toBe("400 Idempotency-Key");
		expect(await withKey("x".repeat(255))).toBe("201");
		expect(await withKey("y", [job("a", { needs: ["b"] })])).toBe("400 jobs[0].needs[0]");
		expect(await withKey("y")).toBe("201");
		expect(await withKey("y")).toBe("200");
	});

	it("[A19] jobs are added once for a key", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("a")]);
		const at = `${place.path}/runs/${run.id}/jobs`;
		const call = { body: { jobs: [job("b", { needs: ["a"] })] }, headers: keyed("more") };
		const first = await send<Run>("POST", at, call);
		expect([first.status, placeOf(first.headers, at)]).toEqual([201, at]);
		const again = await send<Run>("POST", at, call);
		expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([200, "true"]);
		expect(again.body.jobs?.map(({ id }) => id)).toEqual(first.body.jobs?.map(({ id }) => id));
		expect(await refusal("POST", at, { ...call, body: { jobs: [job("c")] } })).toBe("422 idempotency-key-reused");
		expect(await refusal("POST", at, { body: call.body })).toBe("400 jobs[0].key");
		expect(await states(place, await runOf(place, run))).toBe("a:waiting b:blocked");
	});
});
