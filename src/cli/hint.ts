// Which command helps after a refusal. The API's own words name calls and fields, which nobody at a command line asks for.
import type { ProblemError } from "../client/call-failure.ts";

const hints: Record<string, string> = {
	"repository-unknown":
		"spillway repo list OWNER shows those that are known, spillway repo set OWNER/REPO makes one known",
	"run-unknown": "spillway run list OWNER/REPO shows the runs",
	"job-unknown": "spillway job list OWNER/REPO RUN shows a run's jobs",
	"attempt-unknown": "spillway job show OWNER/REPO JOB shows its attempts",
	"runner-unknown": "spillway runner list OWNER/POOL shows the runners and their ids",
	"run-nothing-to-retry":
		"spillway run show OWNER/REPO RUN shows how its jobs ended; --only all retries those that passed too",
	unauthorized: "spillway doctor asks the server whether it accepts SPILLWAY_TOKEN",
	"scope-missing": "spillway token create OWNER --name NAME --scope SCOPES makes another",
};

/** Null where nobody at a command line can do anything about it, or where the refusal says it all. */
export function hintFor({ code }: Pick<ProblemError, "code">): string | null {
	return Object.hasOwn(hints, code) ? (hints[code] ?? null) : null;
}
