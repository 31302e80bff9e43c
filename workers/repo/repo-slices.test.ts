// What others see of an act on a run of many jobs while it gives way to other objects: nothing of it, or all.
import { expect, it } from "vitest";
import { orThrow } from "../../src/doors/http/answer.ts";
import { aJob, aRepository, repoOf, submit } from "./queue-fixture.ts";

it("[W92] whoever asks while a run of many jobs is canceled, and is retried, is answered after it", async () => {
	const repo = await aRepository();
	const { id: run } = await submit(
		repo,
		Array.from({ length: 1_000 }, (_, at) => aJob(`j${at}`)),
	);
	const stub = repoOf(repo);
	const canceled = stub.cancelRun({ run, actor: "ann", reason: null });
	const [figures, shown] = await Promise.all([stub.figures(), stub.run(run)]);
	expect(orThrow(await canceled).state).toBe("finished");
	expect(orThrow(figures).waiting).toBe(0);
	expect(orThrow(shown).counts).toMatchObject({ waiting: 0, finished: 1_000 });
	const retried = stub.retryRun({ run, only: "all", key: null, actor: "ann", reason: null });
	const again = await stub.figures();
	expect(orThrow(await retried).run.counts).toMatchObject({ waiting: 1_000, finished: 0 });
	expect(orThrow(again).waiting).toBe(1_000);
});
