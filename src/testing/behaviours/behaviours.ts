// What a repository's queue does, seen from outside: one list, shown by the rules over memory and by the object in the runtime,
// so that neither can drift from the other. Each behaviour has a repository of its own with default settings.
import { cancelBehaviours } from "./behaviours-cancel.ts";
import { graphBehaviours } from "./behaviours-graph.ts";
import { jobBehaviours } from "./behaviours-job.ts";
import { limitBehaviours } from "./behaviours-limits.ts";
import { retryBehaviours } from "./behaviours-retry.ts";
import type { Behaviour } from "./behaviours-form.ts";

export const behaviours: readonly Behaviour[] = [
	...jobBehaviours,
	...retryBehaviours,
	...graphBehaviours,
	...limitBehaviours,
	...cancelBehaviours,
];
