import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { viewSpilled } from "../../src/contracts/wire/spilled-view.ts";
import type { SpilledRun } from "../../src/contracts/objects/intake.ts";
import { drainRunsMax } from "../../src/domain/limits.ts";
import { drainIntake } from "../../src/operations/spill/drain.ts";
import { cancelWhereItIs } from "../../src/operations/spill/spilled-run.ts";
import { isLong } from "../../src/testing/long-form.ts";
import { repoCalls } from "../bindings/stubs.ts";
import { aRepo, aRunner, grantOf, job, runOf, states } from "../api/api-fixture.ts";

import { ask, away, cancelOf, drain, intakeKeys, numbered, ports, recordOf, submitTo } from "./intake-fixture.ts";

afterEach(() => {
	vi.useRealTimers();
	vi.restoreAllMocks();
});

it("[Y3] the first try landed and was spilled too: one run, which keeps what has become of it", async () => {
	const place = await aRepo();
	const { status, body } = await submitTo(place, away("late"), { key: "k" });
	expect([status, body.number]).toEqual([202, null]);
	expect(numbered(await runOf(place, body))).toBe("1 false accepted");
	await cancelOf(place, body);
	await drain(place);
	expect([await states(place, body), await intakeKeys(place)]).toEqual(["a:canceled", []]);
	expect((await runOf(place, body)).number).toBe(1);
	const again = await submitTo(place, {}, { key: "k" });
	expect([again.status, again.body.id, again.replayed]).toEqual([200, body.id, true]);
});

it("[Y3] drained twice, and by two at once, a run is there once", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, away());
	const record = await env.ARCHIVE.get(`intake/${place.owner}/${place.repo}/${body.id}`);
	const text = await record?.text();
	await Promise.all([drain(place), drain(place)]);
	// As if whoever drained died before the record was deleted.
	await env.ARCHIVE.put(`intake/${place.owner}/${place.repo}/${body.id}`, text ?? "");
	await drain(place);
	const runs = await repoCalls(env, place).figures();
	expect(runs).toMatchObject({ ok: true, value: { waiting: 1 } });
	expect([(await runOf(place, body)).number, await intakeKeys(place)]).toEqual([1, []]);
});

it("[Y3] a client that tries again while its run is spilled gets the same run, from the intake or from the repository", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, away(), { key: "k" });
	const again = await submitTo(place, away(), { key: "k" });
	expect([again.status, again.body, again.replayed]).toEqual([202, body, true]);
	const direct = await submitTo(place, {}, { key: "k" });
	expect([direct.status, direct.body.id, direct.body.number]).toEqual([201, body.id, 1]);
	await drain(place);
	expect([(await runOf(place, body)).number, await states(place, body)]).toEqual([1, "a:waiting"]);
});

it("[Y5] a spilled run has the place in the queue that it would have had", async () => {
	const place = await aRepo();
	const spilled = await submitTo(place, away(), { jobs: [job("early")] });
	const direct = await submitTo(place, {}, { jobs: [job("late")] });
	expect(direct.status).toBe(201);
	await drain(place);
	const runner = await aRunner(place, { capacity: 2 });
	expect((await grantOf(runner)).job.id).toBe(spilled.body.jobs?.[0]?.id);
});

it("[Y5] what supersedes what goes by the time of acceptance, also when the newer one is over already", async () => {
	const place = await aRepo({ cloneUrl: "https://git.test/web.git" });
	const newer = { cancelSuperseded: true, source: { ref: "main" } };
	const first = await submitTo(place, away(), { source: { ref: "main" }, jobs: [job("first")] });
	const second = await submitTo(place, away(), { ...newer, jobs: [job("second")] });
	const third = await submitTo(place, {}, { ...newer, jobs: [job("third")] });
	await cancelOf(place, third.body);
	await drain(place);
	const superseded = await Promise.all([first, second].map(({ body }) => runOf(place, body)));
	expect(superseded.map(({ outcome, supersededBy }) => [outcome, supersededBy])).toEqual([
		["canceled", third.body.id],
		["canceled", third.body.id],
	]);
	// A spilled one that supersedes ends what was accepted before it, and nothing later.
	const before = await submitTo(place, {}, { source: { ref: "dev" }, jobs: [job("before")] });
	const spilled = await submitTo(place, away(), {
		cancelSuperseded: true,
		source: { ref: "dev" },
		jobs: [job("spilled")],
	});
	const after = await submitTo(place, {}, { source: { ref: "dev" }, jobs: [job("after")] });
	await drain(place);
	const runs = await Promise.all([before, spilled, after].map(({ body }) => runOf(place, body)));
	expect(runs.map(({ state, supersededBy }) => [state, supersededBy])).toEqual([
		["finished", spilled.body.id],
		["accepted", null],
		["accepted", null],
	]);
});

it("[Y6] canceled before the drain: 202 at once, shown, and nothing of it ever runs", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, away());
	for (const bindings of [away(), {}]) {
		const { status, body: shown } = await cancelOf(place, body, bindings);
		expect([status, shown.id, shown.reason]).toEqual([202, body.id, "not needed"]);
	}
	await drain(place);
	const run = await runOf(place, body);
	expect([run.outcome, run.reason, run.number]).toEqual(["canceled", "not needed", 1]);
	expect([await states(place, body), await intakeKeys(place)]).toEqual(["a:canceled", []]);
});

it("[Y6] canceled during the drain, at every step of it: the run is canceled", async () => {
	const steps = ["get", "canceled", "drain", "remove"] as const;
	for (const step of steps) {
		const place = await aRepo();
		const { body } = await submitTo(place, away());
		let isDone = false;
		const then = (name: string) => async () => {
			if (name !== step || isDone) return;
			isDone = true;
			expect((await cancelOf(place, body)).status).toBe(202);
		};
		const after = <T>(name: string, work: () => Promise<T>) =>
			work().then(async (value) => {
				await then(name)();
				return value;
			});
		const intake = {
			...ports.intake,
			get: (...args: Parameters<typeof ports.intake.get>) => after("get", () => ports.intake.get(...args)),
			canceled: (...args: Parameters<typeof ports.intake.canceled>) =>
				after("canceled", () => ports.intake.canceled(...args)),
			remove: (...args: Parameters<typeof ports.intake.remove>) => after("remove", () => ports.intake.remove(...args)),
		};
		const repo = () => ({
			drain: (calls: Parameters<ReturnType<typeof ports.repo>["drain"]>[0]) =>
				after("drain", () => ports.repo(place).drain(calls)),
			cancelRun: (call: Parameters<ReturnType<typeof ports.repo>["cancelRun"]>[0]) => ports.repo(place).cancelRun(call),
		});
		await drainIntake({ ...ports, intake, repo }, place);
		await drain(place);
		expect([step, isDone, await states(place, body)]).toEqual([step, true, "a:canceled"]);
	}
});

it("[Y6] whoever put the mark of a cancel and died before asking the repository: the drain sees to it", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, away());
	const wish = { actor: "dev", reason: "not needed", at: Date.now() };
	const repo = () => ({
		drain: async (call: Parameters<ReturnType<typeof ports.repo>["drain"]>[0]) => {
			const done = await ports.repo(place).drain(call);
			await ports.intake.cancel(place, body.id, wish);
			return done;
		},
		cancelRun: (call: Parameters<ReturnType<typeof ports.repo>["cancelRun"]>[0]) => ports.repo(place).cancelRun(call),
	});
	await drainIntake({ ...ports, repo }, place);
	expect([await states(place, body), await intakeKeys(place)]).toEqual(["a:canceled", []]);
});

it("[Y6] what a run that is only in the intake has no place for yet is refused with 409, and when to ask again", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, away());
	const run = `${place.path}/runs/${body.id}`;
	const acts = [
		ask("POST", `${run}/retry`, { body: { only: "all" } }),
		ask("POST", `${run}/jobs`, { body: { jobs: [job("b")] } }),
		// Its jobs are known by their keys and by their ids.
		...[`${run}/jobs/a`, `${place.path}/jobs/${body.jobs?.[0]?.id}`].flatMap((path) => [
			ask("POST", `${path}/cancel`, { body: {} }),
			ask("POST", `${path}/retry`, { body: {} }),
			ask("PATCH", path, { body: { priority: 1 } }),
		]),
	];
	for (const { status, body: refused, retryAfter } of await Promise.all(acts)) {
		expect([status, refused.code, retryAfter]).toEqual([409, "run-accepted", "5"]);
	}
	expect((await ask("GET", `${run}/jobs/a`, {})).body).toMatchObject({ key: "a", state: "waiting" });
	expect((await ask("GET", `${run}/jobs/b`, {})).body.code).toBe("job-unknown");
});

it("[Y3] the drain that dies between the repository's commit and the record's end leaves a repetition and nothing else", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, away());
	const intake = { ...ports.intake, remove: () => Promise.reject(new Error("killed")) };
	await expect(drainIntake({ ...ports, intake }, place)).rejects.toThrow("killed");
	expect([(await runOf(place, body)).number, (await intakeKeys(place)).length]).toEqual([1, 1]);
	await drain(place);
	expect([(await runOf(place, body)).number, await intakeKeys(place)]).toEqual([1, []]);
});

it("[Y3] one visit drains a bounded number, the oldest first, and says that there is more", async () => {
	const place = await aRepo();
	const at = Date.now() - 10_000;
	for (let n = 0; n <= drainRunsMax; n++) {
		const run = `r${n
			.toString()
			.padStart(24, "a")
			.replaceAll(/[0-9]/g, (digit) => "abcdefghij"[Number(digit)] ?? "a")}`;
		const submission = {
			source: null,
			title: String(n),
			trigger: "api",
			actor: "dev",
			cancelSuperseded: false,
			jobs: [job("a")],
		};
		const { owner, repo } = place;
		const spilled = { form: 1, owner, repo, run, key: null, digest: "", submission, acceptedAt: at - n } as SpilledRun;
		expect(viewSpilled(spilled, null).ok).toBe(true);
		await ports.intake.put(spilled);
	}
	expect(await drain(place)).toEqual({ drained: drainRunsMax, isMore: true });
	const [left] = await ports.intake.list(place, 10);
	expect((await recordOf(place, left ?? "")).submission.title).toBe("0");
	expect(await drain(place)).toEqual({ drained: 1, isMore: false });
});

it("[Y8] a record that cannot be read is moved aside and said, one of a newer build waits, and those behind them are drained", async () => {
	const place = await aRepo();
	const said = vi.spyOn(console, "error").mockImplementation(() => undefined);
	const bodies = [];
	for (const text of ["{", '{"form":1}', '{"form":2}']) {
		const { body } = await submitTo(place, away());
		await env.ARCHIVE.put(`intake/${place.owner}/${place.repo}/${body.id}`, text);
		bodies.push(body);
	}
	const good = await submitTo(place, away());
	await drain(place);
	expect((await runOf(place, good.body)).number).toBe(1);
	const [broken, empty, newer] = bodies;
	expect(await intakeKeys(place)).toEqual([`intake/${place.owner}/${place.repo}/${newer?.id}`]);
	for (const { id } of [broken, empty].filter((run) => run !== undefined)) {
		const key = `unreadable/intake/${place.owner}/${place.repo}/${id}`;
		expect(await env.ARCHIVE.head(key)).not.toBeNull();
		expect(said.mock.calls.flat().join()).toContain(`"intake-unreadable","key":"${key}"`);
	}
	expect((await ask("GET", `${place.path}/runs/${broken?.id}`, {})).status).toBe(404);
});

it("[Y11] records of a newer build hide none however many they are, are reported by each visit, and are drained once their form is known", async () => {
	const place = await aRepo();
	const said = vi.spyOn(console, "error").mockImplementation(() => undefined);
	const { body } = await submitTo(place, away(), { jobs: [job("waits")] });
	const key = `intake/${place.owner}/${place.repo}/${body.id}`;
	const text = (await (await env.ARCHIVE.get(key))?.text()) ?? "";
	const newer = { customMetadata: { form: "2", acceptedAt: "1" } };
	await env.ARCHIVE.put(key, text.replace('"form":1', '"form":2'), newer);
	// More than one look puts in order, where there is time for it.
	const others = isLong ? 1_000 : 5;
	for (let n = 0; n < others; n++) {
		await env.ARCHIVE.put(`intake/${place.owner}/${place.repo}/r-${n}`, '{"form":2}', newer);
	}
	const good = await submitTo(place, away(), { jobs: [job("good")] });
	expect(await drain(place)).toEqual({ drained: 1, isMore: false });
	expect((await runOf(place, good.body)).number).toBe(1);
	const repository = `${place.owner}/${place.repo}`;
	expect(said.mock.calls.flat()).toContain(JSON.stringify({ event: "intake-newer", repository, records: others + 1 }));
	const told = await ask("GET", `${place.path}/runs/${body.id}`, {});
	expect([told.status, told.body.code]).toEqual([503, "unavailable"]);
	await env.ARCHIVE.put(key, text);
	await drain(place);
	expect((await runOf(place, body)).number).toBe(2);
});

it("[Y8] a record that a fault of ours meets is refused with that reason, and the others are taken", async () => {
	const place = await aRepo();
	const poison = await submitTo(place, away());
	const good = await submitTo(place, away());
	const repo = () => ({
		drain: (calls: Parameters<ReturnType<typeof ports.repo>["drain"]>[0]) =>
			calls.some(({ run }) => run === poison.body.id)
				? Promise.reject(new Error("assertion failed: one of ours"))
				: ports.repo(place).drain(calls),
		cancelRun: (call: Parameters<ReturnType<typeof ports.repo>["cancelRun"]>[0]) => ports.repo(place).cancelRun(call),
	});
	expect(await drainIntake({ ...ports, repo }, place)).toEqual({ drained: 2, isMore: false });
	expect((await runOf(place, good.body)).number).toBe(1);
	const shown = await ask("GET", `${place.path}/runs/${poison.body.id}`, {});
	expect([shown.body.outcome, shown.body.reason]).toEqual(["refused", expect.stringContaining("fault of ours")]);
});

it("[Y5] of those that were accepted in one millisecond and supersede, exactly the last stays", async () => {
	const place = await aRepo({ cloneUrl: "https://git.test/web.git" });
	vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
	const newer = { cancelSuperseded: true, source: { ref: "main" } };
	const told = [];
	for (const key of ["a", "b", "c"]) told.push(await submitTo(place, away(), { ...newer, jobs: [job(key)] }));
	expect(new Set(told.map(({ body }) => body.createdAt)).size).toBe(1);
	await drain(place);
	const runs = await Promise.all(told.map(({ body }) => runOf(place, body)));
	const [last, ...others] = runs.sort((a, b) => (b.number ?? 0) - (a.number ?? 0));
	expect([last?.state, others.map(({ outcome }) => outcome)]).toEqual(["accepted", ["canceled", "canceled"]]);
});

it("[Y8] however many were refused, what comes after them is drained, and the sweep gets to every repository", async () => {
	const gone = { owner: "aa-nobody", repo: "web", path: "/v1/repos/aa-nobody/web" };
	for (let n = 0; n < 3; n++) await submitTo(gone, away(), { jobs: [job(`j${n}`)] });
	await drain(gone);
	expect(await ports.intake.list(gone, 10)).toEqual([]);
	expect(await ports.intake.repositories({ after: null, limit: 500 })).not.toContainEqual({
		owner: gone.owner,
		repo: gone.repo,
	});
	const [first, second] = [await aRepo(), await aRepo()];
	for (const place of [first, second]) await submitTo(place, away());
	const [one] = await ports.intake.repositories({ after: null, limit: 1 });
	const next = await ports.intake.repositories({ after: one ?? null, limit: 1 });
	expect(next).not.toEqual([one]);
	for (const place of [first, second]) await drain(place);
});

it("[Y6] a mark that came too late for its drain does not outlive it", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, away());
	let asked = 0;
	const intake = {
		...ports.intake,
		cancel: async (...args: Parameters<typeof ports.intake.cancel>) => {
			await drain(place);
			asked++;
			await ports.intake.cancel(...args);
		},
	};
	const done = await cancelWhereItIs({ ...ports, intake } as never, place, {
		run: body.id,
		actor: "dev",
		reason: null,
	});
	expect([done.ok, asked, await states(place, body), await intakeKeys(place)]).toEqual([true, 1, "a:canceled", []]);
});
