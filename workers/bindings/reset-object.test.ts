// An object that is reset in the middle of calls, as a deploy, a storage fault or too much memory does it: `abort` is the runtime's own
// way to do the same.
import { runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { aRepo, job, send, submit } from "../api/api-fixture.ts";
import { repoOf } from "../repo/queue-fixture.ts";

it("[W81] an object that is reset under calls is asked again or away, and no fault of ours", async () => {
	const place = await aRepo();
	const run = await submit(place, [job("a")]);
	const calls = Array.from({ length: 20 }, (_, at) =>
		at % 2 === 0
			? send("GET", `${place.path}/runs/${run.id}`)
			: send("POST", `${place.path}/runs`, { body: { jobs: [job("b")] }, headers: { "idempotency-key": `k${at}` } }),
	);
	await runInDurableObject(repoOf(place), (_, state) => state.abort("reset")).catch(() => undefined);
	const statuses = (await Promise.all(calls)).map(({ status }) => status);
	expect(statuses.filter((status) => ![200, 201].includes(status))).toEqual([]);
});
