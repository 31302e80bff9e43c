// How one object (or the Worker) calls another: by name, with a deadline, a new stub for each try, full jitter between, and
// again only where the platform says that this can help. A stub is broken after an exception; an overloaded object is left alone.
import { inTime } from "../../src/contracts/wire/in-time.ts";
import type { PoolCalls, RepoCalls, RepositoryName } from "../../src/contracts/objects/objects.ts";
import type { LogCalls } from "../../src/contracts/objects/log-calls.ts";
import type { OwnerCalls } from "../../src/contracts/objects/owner.ts";
import type { PersonCalls } from "../../src/contracts/objects/person.ts";
import type { FeedCalls } from "../../src/contracts/objects/feed.ts";
import {
	feedObjectName,
	logObjectName,
	ownerObjectName,
	poolObjectName,
	repoObjectName,
} from "../../src/contracts/wire/object-name.ts";
import type { FeedName, LogName, PoolShardName } from "../../src/contracts/wire/object-name.ts";
import { asOutage, isReset, Outage } from "../../src/contracts/wire/outage.ts";
import { carriesDeadline, isRepeatable } from "../../src/contracts/objects/repeatable.ts";
import type { Env } from "../env.ts";

const callDeadlineMs = 10_000;
const triesMax = 3;
const pauseMs = 50;

export function repoCalls(env: Env, name: RepositoryName, hint?: string | null): RepoCalls {
	return calls(env.REPO, repoObjectName(name), hint);
}

export function poolCalls(env: Env, name: PoolShardName): PoolCalls {
	return calls(env.POOL, poolObjectName(name));
}

export function logCalls(env: Env, name: LogName): LogCalls {
	return calls(env.LOG, logObjectName(name));
}

export function feedCalls(env: Env, name: FeedName): FeedCalls {
	return calls(env.FEED, feedObjectName(name));
}

export function ownerCalls(env: Env, owner: string | null): OwnerCalls {
	return calls(env.OWNER, ownerObjectName(owner));
}

/** `holder`: a person's id, a name that somebody is invited by, or whose else sessions they are. */
export function personCalls(env: Env, holder: string): PersonCalls {
	return calls(env.PERSON, holder);
}

type Method = (...args: unknown[]) => Promise<unknown>;

/** A proxy whose every method is one guarded RPC, made again only where twice is as good as once. */
function calls<T extends object>(namespace: DurableObjectNamespace, name: string, hint?: string | null): T {
	const options = hint ? { locationHint: hint as DurableObjectLocationHint } : undefined;
	const call = (method: string, given: unknown[]) => {
		const args = carriesDeadline(method) ? withDeadline(given) : given;
		const attempt = () => {
			const stub = namespace.get(namespace.idFromName(name), options) as unknown as Record<string, Method>;
			// Called as a method: a stub makes a call of whatever is read from it, `apply` too.
			return stub[method]?.(...args);
		};
		return guarded(attempt, { tries: isRepeatable(method, args) ? triesMax : 1, until: deadlineOf(args) });
	};
	return new Proxy({} as T, {
		get: (_, method) =>
			typeof method === "string" && method !== "then" ? (...args: unknown[]) => call(method, args) : undefined,
	});
}

/** [V11] The object is told until when its caller waits. */
function withDeadline([first, ...rest]: readonly unknown[]): unknown[] {
	return [{ deadlineAt: Date.now() + callDeadlineMs, ...(first as object) }, ...rest];
}

/** All tries together have until then. */
function deadlineOf([first]: readonly unknown[]): number {
	const { deadlineAt } = (typeof first === "object" && first !== null ? first : {}) as { deadlineAt?: number };
	return deadlineAt ?? Date.now() + callDeadlineMs;
}

async function guarded(
	attempt: () => Promise<unknown> | undefined,
	{ tries, until }: { tries: number; until: number },
): Promise<unknown> {
	for (let tried = 1; ; tried++) {
		try {
			const leftMs = until - Date.now();
			const answer = await inTime(Promise.resolve(attempt()), leftMs, () => {
				throw new Outage(`no answer in ${leftMs} ms`);
			});
			if (!isCallerGone(answer)) return answer;
			throw new Outage("its caller waits no more", { isOverloaded: true, isSafeToRepeat: true });
		} catch (cause) {
			const { retryable, overloaded } = cause as { retryable?: boolean; overloaded?: boolean };
			if (tried >= tries || !(retryable || isReset(cause)) || overloaded) throw toOutage(cause);
			await scheduler.wait(Math.random() * pauseMs * 2 ** tried);
		}
	}
}

/** [V11] To whoever does wait, two clocks being what they are, it is as if nobody had answered in time. */
function isCallerGone(answer: unknown): boolean {
	const { refusal } = (typeof answer === "object" && answer !== null ? answer : {}) as { refusal?: { code?: unknown } };
	return refusal?.code === "caller-gone";
}

/** What the platform did becomes an outage, and so does one of the called object's own; a fault of its keeps its own error. */
function toOutage(cause: unknown): unknown {
	const { retryable, overloaded = false } = cause as { retryable?: boolean; overloaded?: boolean };
	if (retryable || overloaded) return new Outage("an object did not answer", { cause, isOverloaded: overloaded });
	return asOutage(cause) ?? cause;
}
