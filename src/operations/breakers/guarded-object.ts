// An object's calls behind the breaker of that object: which of them pass always, and which may take long.
import type { FeedCalls } from "../../contracts/objects/feed.ts";
import type { AddJobsCall, PoolCalls, RepoCalls } from "../../contracts/objects/objects.ts";
import type { LogCalls } from "../../contracts/objects/log-calls.ts";
import type { OwnerCalls } from "../../contracts/objects/owner.ts";
import type { PersonCalls } from "../../contracts/objects/person.ts";
import type { Breakers, CallKind } from "./breakers.ts";
import type { ObjectKind } from "./object-breakers.ts";

interface CallsOf {
	repositories: RepoCalls;
	pools: PoolCalls;
	logs: LogCalls;
	feeds: FeedCalls;
	owners: OwnerCalls;
	people: PersonCalls;
}

/**
 * [K8] What a runner calls for a lease that it holds, or to hold one. Refused, a job would stop that could go on, and its end would
 * be told late or never: the far end's own word is waited for, however long that takes.
 */
const leaseCalls: { readonly [Kind in ObjectKind]: ReadonlySet<keyof CallsOf[Kind]> } = {
	repositories: new Set(["start", "lease", "finish"]),
	pools: new Set(["acquire", "heartbeat", "renew", "fetch"]),
	// `fetch` is a viewer's socket too: one way in, and a viewer waits for its log as for nothing else.
	logs: new Set(["append", "steps", "fetch"]),
	feeds: new Set(),
	// Before a runner's session opens.
	owners: new Set(["opensSession"]),
	people: new Set(),
};

/** On thousands of jobs, or a log of megabytes, where all is well. */
const longCalls: { readonly [Kind in ObjectKind]: ReadonlySet<keyof CallsOf[Kind]> } = {
	repositories: new Set(["cancelRun", "retryRun", "cancelMatching", "retryMatching", "addJobs"]),
	pools: new Set(["configure", "removeRunner"]),
	logs: new Set(),
	feeds: new Set(),
	owners: new Set(),
	people: new Set(),
};

type Method = (...args: unknown[]) => Promise<unknown>;

export function guardedObject<Kind extends ObjectKind>(
	breakers: Breakers,
	to: { of: Kind; name: string },
	calls: CallsOf[Kind],
): CallsOf[Kind] {
	return new Proxy(calls, {
		get(target, method) {
			const call = Reflect.get(target, method) as Method | undefined;
			if (call === undefined || typeof method !== "string") return call;
			return (...args: unknown[]) => breakers.call(to, () => call.apply(target, args), kindOf(to.of, method, args));
		},
	});
}

function kindOf(kind: ObjectKind, method: string, [first]: readonly unknown[]): CallKind {
	const isLeases = (leaseCalls[kind] as ReadonlySet<string>).has(method);
	// [B5] A job that adds jobs to its own run does so with its lease.
	const isByLease = method === "addJobs" && (first as AddJobsCall | undefined)?.lease !== undefined;
	return { mustPass: isLeases || isByLease, mayTakeLong: (longCalls[kind] as ReadonlySet<string>).has(method) };
}
