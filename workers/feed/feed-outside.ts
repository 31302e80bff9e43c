// What the engine of a run's feed asks on this platform: the repository's object, the archive of runs, the owner's object.
import { readRun } from "../../src/operations/runs/archived-run.ts";
import type { FeedName } from "../../src/contracts/wire/object-name.ts";
import type { FeedOutside } from "../../src/engine/feed/feed-ports.ts";
import { readArchived } from "../../src/engine/repo/archive/repo-archive.ts";
import type { Env } from "../env.ts";
import { intakeOf } from "../intake/intake-store.ts";
import { runStore } from "../repo/repo-outside.ts";
import { ownerCalls, personCalls, repoCalls } from "../bindings/stubs.ts";

/** `env` is asked for at each call: a test may put another far end before the object's own. */
export function feedOutside({
	env,
	name: { owner, repo, run },
	later,
}: {
	env: () => Env;
	name: FeedName;
	later: (work: Promise<unknown>) => void;
}): FeedOutside {
	const runs: Parameters<typeof readRun>[0] = {
		repo: (name) => repoCalls(env(), name),
		intake: intakeOf(env()),
		archivedRun: (name, id) =>
			readArchived(runStore(env()), { name, run: id, now: Date.now() }, () => scheduler.wait(0)),
	};
	return {
		run: (watchedUntil) => readRun(runs, { owner, repo }, { run, watchedUntil }),
		endedTokens: (ids) => ownerCalls(env(), owner).ended(ids),
		sessionStanding: (holder, sessions) => personCalls(env(), holder).standing(sessions),
		later,
	};
}
