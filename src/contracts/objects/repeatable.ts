// Which calls between objects may be made again when nobody knows whether they took effect. What hands something out or counts
// must not be: its caller finds out by itself, and what was handed out in vain comes back by its deadline.
import type { PoolCalls, RepoCalls } from "./objects.ts";
import type { LogCalls } from "./log-calls.ts";
import type { OwnerCalls } from "./owner.ts";
import type { PersonCalls } from "./person.ts";
import type { FeedCalls } from "./feed.ts";

type Name<T> = keyof T & string;
export type ObjectCall =
	| Name<RepoCalls>
	| Name<PoolCalls>
	| Name<LogCalls>
	| Name<FeedCalls>
	| Name<OwnerCalls>
	| Name<PersonCalls>;

const once: ReadonlySet<string> = new Set<ObjectCall>(["claim", "acquire", "useTicket", "fetch"]);
/** With a key, the call twice has the effect of once; without one each call is an act of its own. */
const keyed: ReadonlySet<string> = new Set<ObjectCall>(["addJobs", "retryRun", "retryJob", "retryMatching"]);

/** Calls whose object looks before it begins whether anybody still waits: those that take long, or that hand something out. */
const timed: ReadonlySet<string> = new Set<ObjectCall>([
	"submit",
	"addJobs",
	"cancelMatching",
	"retryMatching",
	"claim",
]);

/** [V11] Its first argument carries the time until which its caller waits. */
export function carriesDeadline(call: string): boolean {
	return timed.has(call);
}

export function isRepeatable(call: string, [first]: readonly unknown[]): boolean {
	if (once.has(call)) return false;
	return !keyed.has(call) || (typeof first === "object" && first !== null && "key" in first && first.key !== null);
}
