// When a waiting job may start, told by the object: by the slots it really waits for, and by nothing where that is not known.
import { afterEach, expect, it, vi } from "vitest";
import { moveClock } from "../testing/clock-fixture.ts";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { LeaseIdentity } from "../../src/contracts/objects/objects.ts";
import { aJob, anIdentity, aReport, aRepository, poolOf, repoOf, startOne, submit } from "./queue-fixture.ts";

afterEach(() => {
	vi.useRealTimers();
});

it("[E2] jobs of other pools do not bring it nearer, and rivals for its slots make it unknown", async () => {
	const repo = await aRepository({ defaults: { timeoutSeconds: 86_400 } });
	const gpu = { ...repo, pool: "gpu" };
	for (let ended = 0; ended < 5; ended++) {
		await submit(repo, [aJob("sample")]);
		const lease: LeaseIdentity = await startOne(repo);
		moveClock(600_000);
		orThrow(await repoOf(repo).finish(lease, aReport()));
	}
	await submit(
		repo,
		["a", "b", "c"].map((key) => aJob(key)),
	);
	// The pool's one runner is known, and has nothing to do yet.
	orThrow(await poolOf(gpu).register(anIdentity(gpu)));
	for (let started = 0; started < 3; started++) await startOne(repo);
	const run = await submit(repo, [aJob("now", { pool: "gpu" }), aJob("next", { pool: "gpu" })]);
	await startOne(gpu);
	const next = async () => orThrow(await repoOf(repo).job(`j${run.id.slice(1)}-1`)).waiting;
	await vi.waitFor(async () => {
		expect(await next()).toMatchObject({ code: "runners-busy", position: 1 });
	});
	const at = Date.parse((await next())?.expectedStartAt ?? "");
	expect(Math.abs(at - Date.now() - 600_000)).toBeLessThan(60_000);
	await submit(repo, [aJob("rival", { pool: "gpu", concurrencyGroup: "one" })]);
	expect(await next()).toMatchObject({ code: "runners-busy", position: 1, expectedStartAt: null });
});
