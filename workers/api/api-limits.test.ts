// Limits, pauses and priorities that change while runners and jobs wait for one another; and what a waiting job is told.
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Job } from "../../src/contracts/http/run.ts";
import type { Grant, Registered } from "../../src/contracts/http/runner.ts";
import type { Answer, Place } from "./api-fixture.ts";
import { PoolObject } from "../pool/pool-object.ts";
import { poolOf } from "../repo/queue-fixture.ts";
import { RepoObject } from "../repo/repo-object.ts";
import { aRepo, aRunner, finish, grantOf, job, lease, runOf, send, submit } from "./api-fixture.ts";

/** Longer than a test may take. */
const waitSeconds = 30;

afterEach(() => {
	vi.restoreAllMocks();
	vi.useRealTimers();
});

/**
 * From here on nothing happens later: no timer and no alarm goes off, no queue delivers. What is served all the same was served
 * by the very call that changed something, and whoever only waits for it to be found out waits for ever.
 */
function stopTime(): void {
	vi.useFakeTimers({ toFake: ["setTimeout", "setInterval"] });
	vi.spyOn(scheduler, "wait").mockReturnValue(new Promise(() => {}));
	for (const { prototype } of [RepoObject, PoolObject]) vi.spyOn(prototype, "alarm").mockResolvedValue();
	vi.spyOn(Object.getPrototypeOf(env.DELIVERIES), "sendBatch").mockResolvedValue(undefined);
}

function poll({ token }: Registered, leases: string[] = []): Promise<Answer<Grant | null>> {
	return send<Grant | null>("POST", "/v1/runner/acquire", { token, body: { waitSeconds, leases } });
}

async function patch(path: string, body: object): Promise<void> {
	expect((await send("PATCH", path, { body })).status).toBe(200);
}

/** A runner whose poll is there already, and has nothing. */
async function waitingPoll(place: Place) {
	const polled = poll(await aRunner(place));
	await vi.waitFor(() =>
		runInDurableObject(poolOf({ owner: place.owner, pool: "default" }), (_, state) =>
			expect(state.getWebSockets()).toHaveLength(1),
		),
	);
	return { polled };
}

describe("a change of what may run", () => {
	it.each([
		["a higher limit", { maxRunning: 0 }, { maxRunning: 1 }],
		["the end of a pause", { paused: true, pauseNote: "disk" }, { paused: false }],
		[
			"a group's limit",
			{ concurrencyGroups: { deploy: { limit: 0 } } },
			{ concurrencyGroups: { deploy: { limit: 1 } } },
		],
	])("[Q2] %s hands out at once what already waits", async (_, before, after) => {
		const place = await aRepo(before);
		await submit(place, [job("a", { concurrencyGroup: "deploy" })]);
		const { polled } = await waitingPoll(place);
		stopTime();
		await patch(place.path, after);
		const { status, body } = await polled;
		expect([status, body?.job.key]).toEqual([200, "a"]);
	});

	it("[Q2] a lower limit lets what runs go on, and the next wait", async () => {
		const place = await aRepo({ maxRunning: 2 });
		const run = await submit(place, [job("a"), job("b"), job("c")]);
		const runner = await aRunner(place, { capacity: 3 });
		const first = await grantOf(runner);
		await lease("start", first);
		await patch(place.path, { maxRunning: 1 });
		expect((await runOf(place, run)).jobs?.[1]?.waiting).toMatchObject({
			code: "repository-limit",
			detail: "1 of 1 jobs of the repository run",
		});
		const next = poll(runner, [first.lease.id]);
		await finish(first);
		expect((await next).body?.job.key).toBe("b");
	});
});

describe("what a waiting job is told", () => {
	it("[E2] when it may start, once enough jobs ended to reckon with", async () => {
		const place = await aRepo({ maxRunning: 1 });
		const run = await submit(
			place,
			Array.from({ length: 8 }, (_, at) => job(`j${at}`)),
		);
		const runner = await aRunner(place);
		const expected = async (at: number) => {
			const shown = await send<Job>("GET", `${place.path}/jobs/j${run.id.slice(1)}-${at}`);
			return shown.body.waiting;
		};
		for (let ended = 0; ended < 5; ended++) {
			const grant = await grantOf(runner);
			await lease("start", grant);
			expect(await expected(7)).toMatchObject({ code: "repository-limit", position: 7 - ended, expectedStartAt: null });
			await finish(grant);
		}
		await lease("start", await grantOf(runner));
		const [next, last] = [await expected(6), await expected(7)];
		expect([next?.position, last?.position]).toEqual([1, 2]);
		expect(Date.parse(next?.expectedStartAt ?? "")).toBeGreaterThan(Date.now() - 60_000);
		expect(Date.parse(last?.expectedStartAt ?? "")).toBeGreaterThanOrEqual(Date.parse(next?.expectedStartAt ?? ""));
	});
});
