// By what a job's processes are known from outside: written down before any step runs, so that whoever clears up after a
// runner that was killed can end all of them.
import type { ProcessIdentity } from "./process-identity.ts";

/** How a job's processes are held together: see containment.ts, which has the strongest first. */
export const containmentKinds = ["cgroup", "subreaper", "group"] as const;
export type ContainmentKind = (typeof containmentKinds)[number];

/** The leader's identity, and what the others have of the job's. */
export interface JobProcesses extends ProcessIdentity {
	kind: ContainmentKind;
	/** Its folder; empty where the job has none. */
	cgroup: string;
	/** The value of `SPILLWAY_PROCESS_MARK` in their environment. */
	mark: string;
}

/** As the supervisor's parts take them. */
export function wordsOf({ kind, cgroup, mark, pid, startedAt }: JobProcesses): string[] {
	return [kind, cgroup, mark, String(pid), startedAt];
}
