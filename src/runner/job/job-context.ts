// What all jobs of one runner share.
import type { RepeatPolicy } from "../../client/retryable.ts";
import type { EventLog } from "../event-log.ts";
import type { Containment } from "../process/containment.ts";
import type { Fifos } from "../process/fifos.ts";
import type { GitCache } from "../git/git-cache.ts";
import type { Health } from "../machine/health.ts";
import type { HookName } from "../machine/hook.ts";
import type { JobStarter } from "../process/job-starter.ts";
import type { WorkFolder } from "../work-folder.ts";

export interface JobContext {
	url: string;
	folder: WorkFolder;
	fifos: Fifos;
	starter: JobStarter;
	containment: Containment;
	/** Null: each checkout fetches from its origin. */
	gitCache: GitCache | null;
	/** A folder that all jobs may write; null: none. */
	sharedCache: string | null;
	/** Of the machine's variables, those that jobs see, and all of them for git's own settings and for hooks. */
	lentEnv: Record<string, string>;
	hostEnv: NodeJS.ProcessEnv;
	/** The runner's own, which neither a job nor a hook may see. */
	tokens: string[];
	hooks: Partial<Record<HookName, string>>;
	/** The command that isolates a step; null: none. */
	wrap: string | null;
	/** Whether this machine can run jobs. */
	health: Health;
	graceMs: number;
	/** After an interrupt a hook and an unheard report have this long. */
	leaveMs: number;
	policy: RepeatPolicy;
	eventLog: EventLog;
}
